"""Replies that come faster than they are read: none is overlooked, and what there was no room for is not lost."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.program import Netecho, Program

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what a socket had no room for")

COUNT = 3000
"""More than the receive buffer has room for while nobody reads; of the usual size it takes some 280."""


@pytest.fixture(autouse=True)
def started_anew(netecho: Netecho) -> None:
    """Only a child of ours can be waited for until it is stopped."""
    netecho.anew = True


def stopped(program: Program) -> None:
    """Stop the probe: what is sent to it from now on waits in its socket, whatever this machine does meanwhile."""
    program.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, program.process.pid, os.WSTOPPED)


@pytest.mark.parametrize("pace", ["0", "1s"])
def test_duplicates_of_the_last_reply_are_all_counted(netecho: Netecho, pace: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        target = f"udp://127.0.0.1:{server.getsockname()[1]}"
        program = netecho.start("probe", target, "-c", "1", "-i", pace, "--format", "ndjson")
        request, source = server.recvfrom(1000)
        stopped(program)
        for _ in range(41):
            server.sendto(request, source)
        program.process.send_signal(signal.SIGCONT)
        ended = program.end()
    assert [event["event"] for event in ended.events] == ["start", "reply", *["duplicate"] * 40, "summary"]
    assert ended.events[-1]["probes"]["duplicate"] == 40


def test_there_is_room_for_twice_as_many_replies_as_a_system_usually_gives(netecho: Netecho) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        server.bind(("127.0.0.1", 0))
        target = f"udp://127.0.0.1:{server.getsockname()[1]}"
        program = netecho.start("probe", target, "-c", "500", "-i", "100us", "-W", "60s", "--json")
        requests = [server.recvfrom(100) for _ in range(500)]
        stopped(program)
        for request, source in requests:
            server.sendto(request, source)
        program.process.send_signal(signal.SIGCONT)
        ended = program.end()
    assert ended.document["probes"]["received"] == 500


@pytest.mark.parametrize("output", ["ndjson", "csv"])
def test_what_was_dropped_here_is_not_lost(netecho: Netecho, output: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        server.bind(("127.0.0.1", 0))
        target = f"udp://127.0.0.1:{server.getsockname()[1]}"
        options = ("-c", str(COUNT), "-i", "100us", "-W", "5s", "--fail-if", "loss>0")
        program = netecho.start("probe", target, *options, "--format", output)
        requests = [server.recvfrom(100) for _ in range(COUNT)]
        stopped(program)
        for request, source in requests:
            server.sendto(request, source)
        program.process.send_signal(signal.SIGCONT)
        ended = program.end()
    assert ended.code == 0, ended
    if output == "csv":
        outcomes = [line.split(",")[6:8] for line in ended.out.splitlines()[1:]]
        dropped = outcomes.count(["lost", "dropped_here"])
        assert 0 < dropped == COUNT - outcomes.count(["reply", ""])
        return
    document = ended.events[-1]
    probes = document["probes"]
    dropped = probes["dropped_here"]
    assert (probes["sent"], probes["received"], probes["lost"]) == (COUNT, COUNT - dropped, 0)
    assert 0 < dropped == document["udp"]["dropped_here"]
    assert (probes["loss_percent"], document["loss_by_reason"], document["outages"]) == (0, {}, [])
    reasons = [event["reason"] for event in ended.events if event["event"] == "lost"]
    assert reasons == ["dropped_here"] * dropped
