"""The fork server beside a supervisor that the test plays."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from netecho.net.server.settings import ServerSettings
from netecho.net.server.worker_messages import Ended, Started, WorkerStart, parse_report
from tests.program import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.net.server.worker_messages import Report

PROGRAM = """
import os, socket
from netecho.net.server.fork_server import ForkServer
from netecho.net.server.worker_messages import report_line

requests = socket.socket(fileno=0)
forked = ForkServer(requests, lambda report: os.write(1, report_line(report))).run()
if forked is not None:
    requests.detach()
    channel = socket.socket(fileno=forked.descriptors[0])
    others = [fd for fd in range(3, 100) if fd != channel.fileno() and os.path.exists(f"/proc/self/fd/{fd}")]
    channel.sendall(f"{forked.start.worker} {len(forked.descriptors)} {others}".encode())
    raise SystemExit(int(channel.recv(10) or 0))
"""
"""Each worker says what it got, and exits with the code that it is sent."""

PATIENCE = 30


class Played:
    """A fork server, from its supervisor's side."""

    def __init__(self, requests: socket.socket, process: subprocess.Popen[bytes]) -> None:
        self.requests = requests
        self.process = process

    def report(self) -> Report:
        assert self.process.stdout is not None
        return parse_report(self.process.stdout.readline())

    def started(self) -> int:
        report = self.report()
        assert isinstance(report, Started)
        return report.pid

    @staticmethod
    def request(worker: int, descriptors: int = 1) -> bytes:
        start = WorkerStart(settings=ServerSettings(), schemes=("tcp",), worker=worker, workers=2, salt="00")
        return json.dumps({"start": start.to_body(), "descriptors": descriptors}).encode() + b"\n"

    @contextlib.contextmanager
    def worker(self, number: int, before: bytes = b"") -> Iterator[socket.socket]:
        """Request a worker, behind the rest of another request; its channel."""
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        with ours:
            with theirs:
                socket.send_fds(self.requests, [before + self.request(number)], [theirs.fileno()])
            yield ours


@pytest.fixture
def server() -> Iterator[Played]:
    requests, theirs = socket.socketpair()
    with (
        requests,
        theirs,
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=theirs.fileno(), stdout=subprocess.PIPE, env=environment()
        ) as process,
    ):
        theirs.close()
        yield Played(requests, process)
        requests.close()
        assert process.wait(PATIENCE) == 0


def test_a_worker_has_its_own_descriptors_and_no_others(server: Played) -> None:
    with server.worker(0) as one, server.worker(1) as two:
        pids = [server.started(), server.started()]
        for number, (channel, pid) in enumerate(zip((one, two), pids, strict=True)):
            assert channel.recv(1000) == f"{number} 1 []".encode()
            channel.sendall(b"0")
            assert server.report() == Ended(pid, 0)
            # No copy of the worker's end is left anywhere.
            assert channel.recv(1000) == b""


def test_how_each_ended_is_reported(server: Played) -> None:
    with server.worker(0) as channel:
        pid = server.started()
        assert channel.recv(1000)
        channel.sendall(b"7")
        assert server.report() == Ended(pid, 7)


def test_one_is_killed_by_request_and_nobody_else_is(server: Played) -> None:
    with server.worker(0) as channel:
        pid = server.started()
        assert channel.recv(1000)
        others: Any = {"kill": os.getpid()}
        server.requests.sendall(json.dumps(others).encode() + b"\n" + json.dumps({"kill": pid}).encode() + b"\n")
        assert server.report() == Ended(pid, -9)


def test_requests_may_come_in_pieces_and_several_at_once(server: Played) -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    line = server.request(0, len(pairs))
    for at, (_, theirs) in enumerate(pairs):
        socket.send_fds(server.requests, [line[at : at + 1]], [theirs.fileno()])
    server.requests.sendall(line[len(pairs) : 100])
    with server.worker(1, before=line[100:]) as second:
        for _, theirs in pairs:
            theirs.close()
        server.started()
        first = pairs[0][0]
        first.settimeout(PATIENCE)
        assert first.recv(1000).startswith(b"0 3 ")
        server.started()
        assert second.recv(1000).startswith(b"1 1 ")
    for ours, _ in pairs:
        ours.close()
