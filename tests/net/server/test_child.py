"""A server of our own in a child process: it ends when the probe does, whenever that is; or the system starts none."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from netecho.errors import UnreachableError
from netecho.net.server.child import fork
from tests.program import environment

PROGRAM = """
import os, signal
from netecho.net.server import child

served, serves = os.pipe()
die_with_parent = child.die_with_parent

def late():
    while os.getppid() == parent:
        os.sched_yield()
    die_with_parent()

def serve():
    os.write(serves, b"served")
    signal.pause()

if not (forked := os.fork()):
    parent, child.die_with_parent = os.getpid(), late
    child.fork(serve)
    os.kill(os.getpid(), signal.SIGKILL)
os.close(serves)
os.waitpid(forked, 0)
print(os.read(served, 100).decode())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child does not learn of its parent's end")
def test_a_parent_that_ends_as_the_child_begins_leaves_no_server_behind() -> None:
    command = [sys.executable, "-c", PROGRAM]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    assert (found.stdout, found.stderr) == ("\n", "")


def test_what_the_system_refuses_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.delitem(sys.modules, "twisted.internet.reactor", raising=False)
    monkeypatch.setattr(os, "fork", full)
    with pytest.raises(UnreachableError, match="resource temporarily unavailable") as caught:
        fork(lambda: None)
    assert caught.value.hint is not None
    assert "ulimit -u" in caught.value.hint
