"""The networks are apart from one another, and nothing of them outlives whoever made them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.topology import SERVER, BrokenError, network, refusal

REFUSAL = refusal()
pytestmark = pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))

MAKE_AND_HANG = """
import signal
from tests.faults.topology import network
with network() as made:
    made.start("server", "sh", "-c", "echo ready; exec sleep infinity")
    print(made.holder, flush=True)
    signal.pause()
"""


def test_a_network_and_its_programs_end_with_a_process_that_was_killed() -> None:
    maker = subprocess.Popen([sys.executable, "-c", MAKE_AND_HANG], stdout=subprocess.PIPE, cwd=Path.cwd())
    assert maker.stdout is not None
    with maker.stdout as out:
        first = os.pidfd_open(int(out.readline()))
    try:
        maker.send_signal(signal.SIGKILL)
        maker.wait()
        # The first process of a process ID namespace ends after all the others in it.
        assert select.select([first], [], [], 20)[0]
    finally:
        os.close(first)


def test_two_networks_do_not_see_each_other() -> None:
    with network() as one, network() as other:
        one.shell("ip -n near link set far down")
        assert "1 received" in other.run("client", "ping", "-c", "1", SERVER)
        with pytest.raises(BrokenError, match="1 packets transmitted, 0 received"):
            one.run("client", "ping", "-c", "1", "-W", "1", SERVER)


def test_names_are_known_inside_alone() -> None:
    with network({"server.test": (SERVER,)}) as made:
        assert SERVER in made.run("client", "getent", "hosts", "server.test")
    assert "server.test" not in Path("/etc/hosts").read_text()


def test_a_program_that_does_not_get_ready_is_told_of() -> None:
    with network() as made, pytest.raises(BrokenError, match="ended with 3"):
        made.start("near", "sh", "-c", "exit 3")


def test_a_command_that_fails_is_told_of_with_what_it_said() -> None:
    with network() as made:
        with pytest.raises(BrokenError, match="No such file"):
            made.run("near", "cat", "/nowhere")
        with pytest.raises(BrokenError, match="Cannot find device"):
            made.shell("ip -n near link set nothing up")
