"""The fork server beside a supervisor that the test plays."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from netecho.net.server.fork_server import Requests
from netecho.net.server.settings import ServerSettings
from netecho.net.server.worker_messages import (
    Ended,
    KillRequest,
    MalformedError,
    Started,
    StartRequest,
    WorkerStart,
    parse_report,
    request_line,
)
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
        return request_line(StartRequest(start, descriptors))

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
        server.requests.sendall(request_line(KillRequest(os.getpid())) + request_line(KillRequest(pid)))
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


def _request(worker: int = 0, descriptors: int = 1) -> StartRequest:
    start = WorkerStart(settings=ServerSettings(), schemes=("tcp",), worker=worker, workers=2, salt="00")
    return StartRequest(start, descriptors)


def test_each_request_gets_its_own_descriptors_however_they_come() -> None:
    requests = Requests()
    one, two = request_line(_request(0, 2)), request_line(_request(1, 1))
    requests.feed(one[:1], [10, 11])
    assert list(requests.whole()) == []
    requests.feed(one[1:] + request_line(KillRequest(7)) + two[:9], [12])
    assert list(requests.whole()) == [(_request(0, 2), [10, 11]), (KillRequest(7), [])]
    assert requests.descriptors == [12]
    requests.feed(two[9:], [])
    assert list(requests.whole()) == [(_request(1, 1), [12])]


@pytest.mark.parametrize(
    "line",
    [b"{}", b"", b"[]", b'["KillRequest", "7"]', b'["KillRequest"]', b'["StartRequest", {}, 1]', b'["Other", 1, 1]'],
)
def test_what_is_no_request_is_refused(line: bytes) -> None:
    requests = Requests()
    requests.feed(line + b"\n", [])
    with pytest.raises(MalformedError):
        list(requests.whole())


@pytest.mark.parametrize("descriptors", [0, -1, 2])
def test_a_worker_is_not_started_without_its_descriptors(descriptors: int) -> None:
    requests = Requests()
    requests.feed(request_line(_request(0, descriptors)), [10])
    with pytest.raises(MalformedError):
        list(requests.whole())
