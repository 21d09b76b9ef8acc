"""Running a reactor: signals, at whatever moment they come, end a run cleanly."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.program import environment

PROGRAM = """
import os, signal, sys
from netecho.net.reactor import epoll, runner

epoll.install()
from twisted.internet import defer, reactor

if "blocked" in sys.argv:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])

async def main(reactor, interrupt):
    if "blocked" in sys.argv:
        return signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    asked = defer.Deferred()
    interrupt.tell(lambda: asked.callback("a clean end"))
    return await asked

phase, event = sys.argv[1:3]
reactor.addSystemEventTrigger(phase, event, os.kill, os.getpid(), signal.SIGTERM)
print(runner.run(main))
"""


@pytest.mark.parametrize("phase", ["before", "during", "after"])
def test_a_signal_while_the_reactor_starts_is_handled_when_it_runs(phase: str) -> None:
    """Twisted installs handlers of its own in the middle of it, which would stop the reactor without an end."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, phase, "startup"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
    )
    assert (done.stdout, done.returncode, done.stderr) == ("a clean end\n", 0, "")


def test_a_signal_that_the_parent_has_blocked_stays_blocked() -> None:
    """A worker's are the supervisor's."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "after", "shutdown", "blocked"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
    )
    assert (done.stdout, done.returncode, done.stderr) == ("True\n", 0, "")
