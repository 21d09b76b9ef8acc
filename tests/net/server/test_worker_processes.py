"""The supervisor's way to its workers' processes, beside a fork server that the test plays."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from netecho.net.server.settings import ServerSettings
from netecho.net.server.worker_messages import (
    Ended,
    KillRequest,
    NotStarted,
    Report,
    Request,
    Started,
    StartRequest,
    WorkerStart,
    parse_request,
    report_line,
)
from netecho.net.server.worker_processes import KILL_TIMEOUT, ForkedProcesses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from netecho.net.server.worker_process import Process


class PlayedServer:
    """What a fork server was started with, and its end of the requests."""

    def __init__(self, protocol: Any, requests: socket.socket) -> None:
        self.protocol = protocol
        self.requests = requests
        self.signals: list[str] = []
        self.mask = {signal.Signals(each) for each in signal.pthread_sigmask(signal.SIG_BLOCK, [])}
        self.descriptors: list[int] = []

    def signalProcess(self, name: str) -> None:
        self.signals.append(name)

    def read(self) -> list[Request]:
        """The requests that are there."""
        data = b""
        while not data.endswith(b"\n"):
            more, descriptors, _, _ = socket.recv_fds(self.requests, 65_536, 253)
            data += more
            self.descriptors += descriptors
        return [parse_request(line) for line in data.splitlines()]

    def report(self, *reports: Report) -> None:
        for each in reports:
            self.protocol.outReceived(report_line(each))

    def end(self) -> None:
        self.requests.close()
        self.protocol.processEnded(Failure(ProcessTerminated(None, 9)))


class Reactor(Clock):
    """A reactor whose processes and connections are played."""

    def __init__(self) -> None:
        super().__init__()
        self.servers: list[PlayedServer] = []
        self.channels: list[Any] = []

    def spawnProcess(self, protocol: Any, *_: object, childFDs: Mapping[int, int | str]) -> None:  # noqa: N803
        descriptor = childFDs[0]
        assert isinstance(descriptor, int)
        requests = socket.socket(fileno=os.dup(descriptor))
        requests.settimeout(10)
        self.servers.append(PlayedServer(protocol, requests))
        protocol.makeConnection(self.servers[-1])

    def adoptStreamConnection(self, _: int, __: int, factory: Any, /) -> None:
        channel = factory.buildProtocol(None)
        channel.makeConnection(StringTransport())
        self.channels.append(channel)


class Owner:
    """Notes what it learns of its process."""

    def __init__(self) -> None:
        self.received = b""
        self.ends: list[str] = []

    def data_received(self, data: bytes) -> None:
        self.received += data

    def process_ended(self, how: str) -> None:
        self.ends.append(how)


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    reactor = Reactor()
    yield reactor
    for server in reactor.servers:
        for descriptor in server.descriptors:
            os.close(descriptor)
        server.requests.close()


@pytest.fixture
def processes(reactor: Reactor) -> Iterator[ForkedProcesses]:
    processes = ForkedProcesses(reactor, ["tcp"])
    yield processes
    for server in reactor.servers:
        server.protocol.processEnded(Failure(ProcessDone(0)))


def start(processes: ForkedProcesses, owner: Owner, worker: int = 0, descriptors: tuple[int, ...] = ()) -> Process:
    settings = ServerSettings()
    message = WorkerStart(settings=settings, schemes=("tcp",), worker=worker, workers=2, salt="00")
    return processes.start(owner, message, descriptors)


def test_all_workers_are_of_one_fork_server(reactor: Reactor, processes: ForkedProcesses) -> None:
    start(processes, Owner())
    start(processes, Owner(), 1)
    (server,) = reactor.servers
    assert [each.start.worker for each in server.read() if isinstance(each, StartRequest)] == [0, 1]


def test_signals_of_a_person_are_blocked_in_it_from_its_first_instruction(
    reactor: Reactor, processes: ForkedProcesses
) -> None:
    start(processes, Owner())
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1} <= reactor.servers[0].mask
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_more_descriptors_than_one_message_takes_are_handed_over(reactor: Reactor, processes: ForkedProcesses) -> None:
    start(processes, Owner(), descriptors=(2,) * 600)
    (server,) = reactor.servers
    (request,) = server.read()
    assert isinstance(request, StartRequest)
    assert request.descriptors == len(server.descriptors) == 601


def test_an_end_is_told_once_when_all_that_was_written_is_read(reactor: Reactor, processes: ForkedProcesses) -> None:
    owners = Owner(), Owner()
    for number, owner in enumerate(owners):
        start(processes, owner, number)
    (server,), (one, two) = reactor.servers, reactor.channels
    server.report(Started(0, 70), Started(1, 71), Ended(70, -9))
    assert owners[0].ends == []
    one.dataReceived(b"last words")
    one.connectionLost()
    two.connectionLost()
    assert [owner.ends for owner in owners] == [["signal 9"], []]
    server.report(Ended(71, 1))
    assert [owner.ends for owner in owners] == [["signal 9"], ["exit code 1"]]
    assert owners[0].received == b"last words"


def test_one_that_cannot_be_forked_ends_with_the_reason(reactor: Reactor, processes: ForkedProcesses) -> None:
    owner = Owner()
    start(processes, owner)
    reactor.servers[0].report(NotStarted(0, "resource temporarily unavailable"))
    reactor.channels[0].connectionLost()
    assert owner.ends == ["resource temporarily unavailable"]


@pytest.mark.parametrize("line", [b"Traceback:", b'["Ended", 4711, 0]', b'["Started", 5, 4711]'])
def test_a_fork_server_that_makes_no_sense_is_killed(reactor: Reactor, processes: ForkedProcesses, line: bytes) -> None:
    """And its workers with it; they are replaced as those of one that died."""
    start(processes, Owner())
    (server,) = reactor.servers
    server.protocol.outReceived(line + b"\n")
    assert server.signals == ["KILL"]


class TestKilling:
    def test_it_is_the_fork_server_that_kills(self, reactor: Reactor, processes: ForkedProcesses) -> None:
        process = start(processes, Owner())
        (server,) = reactor.servers
        server.report(Started(0, 70))
        server.read()
        processes.kill(process)
        assert server.read() == [KillRequest(70)]

    def test_what_is_not_forked_yet_is_killed_when_it_is(self, reactor: Reactor, processes: ForkedProcesses) -> None:
        process = start(processes, Owner())
        (server,) = reactor.servers
        server.read()
        processes.kill(process)
        server.report(Started(0, 70))
        assert server.read() == [KillRequest(70)]

    def test_a_fork_server_that_hangs_is_killed_itself(self, reactor: Reactor, processes: ForkedProcesses) -> None:
        process = start(processes, Owner())
        (server,) = reactor.servers
        server.report(Started(0, 70))
        processes.kill(process)
        reactor.advance(KILL_TIMEOUT - 0.1)
        assert server.signals == []
        reactor.advance(0.1)
        assert server.signals == ["KILL"]

    def test_one_that_does_as_it_should_is_left_alone(self, reactor: Reactor, processes: ForkedProcesses) -> None:
        process = start(processes, Owner())
        (server,) = reactor.servers
        processes.kill(process)
        server.report(Started(0, 70), Ended(70, -9))
        reactor.advance(KILL_TIMEOUT)
        assert server.signals == []

    def test_one_that_reads_no_requests_is_killed_and_the_start_fails(
        self, reactor: Reactor, processes: ForkedProcesses
    ) -> None:
        start(processes, Owner())
        (server,) = reactor.servers
        server.requests.close()
        with pytest.raises(OSError):  # noqa: PT011 - what the kernel says is not the point
            start(processes, Owner(), 1)
        assert server.signals == ["KILL"]


class TestTheForkServersEnd:
    def test_ends_all_of_its_workers(self, reactor: Reactor, processes: ForkedProcesses) -> None:
        owners = Owner(), Owner()
        for number, owner in enumerate(owners):
            start(processes, owner, number)
        (server,) = reactor.servers
        server.report(Started(0, 70))
        server.end()
        for channel in reactor.channels:
            channel.connectionLost()
        assert [owner.ends for owner in owners] == [["the process that starts workers ended: signal 9"]] * 2

    def test_another_is_started_for_the_next_worker(self, reactor: Reactor, processes: ForkedProcesses) -> None:
        start(processes, Owner())
        reactor.servers[0].end()
        start(processes, Owner())
        assert len(reactor.servers) == 2


class TestClosing:
    def test_without_a_fork_server_there_is_nothing_to_end(self, processes: ForkedProcesses) -> None:
        assert processes.close().called

    def test_it_waits_for_the_end(self, reactor: Reactor, processes: ForkedProcesses) -> None:
        start(processes, Owner())
        done = processes.close()
        assert reactor.servers[0].signals == ["KILL"]
        assert not done.called
        reactor.servers[0].end()
        assert done.called

    def test_but_not_for_ever(self, reactor: Reactor, processes: ForkedProcesses) -> None:
        start(processes, Owner())
        done = processes.close()
        reactor.advance(60)
        assert done.called
