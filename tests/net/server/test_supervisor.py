"""The leader's books: what its workers tell, put together as if one server had told it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from netecho.echo.events import Connected, Disconnected, Noticed, Refused
from netecho.echo.totals import Totals
from netecho.errors import NetechoError
from netecho.net.server.settings import ServerSettings
from netecho.net.server.supervisor import Supervisor, Worker
from netecho.net.server.worker_messages import WorkerStart, event_line, totals_line

if TYPE_CHECKING:
    from netecho.echo.events import ServerEvent


class Pipes:
    """A process's standard streams, seen from outside."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.written = b""
        self.is_closed = False
        self.signals: list[str] = []

    def write(self, data: bytes) -> None:
        self.written += data

    def closeStdin(self) -> None:
        self.is_closed = True

    def signalProcess(self, name: str) -> None:
        self.signals.append(name)


class Office(Clock):
    """A reactor whose processes are played by the test."""

    def __init__(self, workers: int = 2) -> None:
        super().__init__()
        self.spawned: list[Worker] = []
        self.told: list[ServerEvent] = []
        self.leader = Supervisor(self, ServerSettings(), [[] for _ in range(workers)], None, self.told.append)

    def spawnProcess(self, worker: Worker, *_: object, **__: object) -> None:
        self.spawned.append(worker)
        worker.makeConnection(Pipes(100 + len(self.spawned)))

    def start(self) -> list[Any]:
        """Start the leader; the list gets None, or the failure, when it has started."""
        from twisted.internet.defer import Deferred

        outcome: list[Any] = []
        Deferred.fromCoroutine(self.leader.start()).addBoth(outcome.append)
        return outcome

    def die(self, worker: Worker, signal: int | None = None) -> None:
        reason = ProcessDone(0) if signal is None else ProcessTerminated(None, signal)
        worker.processEnded(Failure(reason))


@pytest.fixture
def office() -> Office:
    office = Office()
    office.start()
    for worker in office.spawned:
        worker.outReceived(totals_line(Totals()))
    return office


def test_it_has_started_when_every_worker_has() -> None:
    office = Office()
    outcome = office.start()
    for worker in office.spawned:
        assert outcome == []
        worker.outReceived(totals_line(Totals()))
    assert outcome == [None]


def test_one_that_cannot_begin_is_the_end_of_it() -> None:
    office = Office()
    outcome = office.start()
    office.die(office.spawned[1], signal=11)
    with pytest.raises(NetechoError, match="worker 2 could not begin: signal 11"):
        outcome[0].raiseException()


def test_workers_share_the_limits(office: Office) -> None:
    orders = WorkerStart.from_line(office.spawned[0].transport.written)
    limits = ServerSettings().limits
    assert limits.connections is not None
    assert orders.settings.limits.connections == limits.connections // 2


def test_lines_may_come_in_pieces(office: Office) -> None:
    line = event_line(Refused("tcp", "192.0.2.1", "full", 1)) * 2
    for at in range(len(line)):
        office.spawned[0].outReceived(line[at : at + 1])
    assert office.told == [Refused("tcp", "192.0.2.1", "full", 1)] * 2


def test_connections_are_numbered_through(office: Office) -> None:
    one, two = office.spawned
    for worker, number in ((one, 1), (two, 1), (one, 2)):
        worker.outReceived(event_line(Connected(number, "tcp", "p")))
    two.outReceived(event_line(Disconnected(1, "tcp", "p", 0, 0, 0, "closed")))
    assert [each.connection for each in office.told if isinstance(each, Connected)] == [1, 2, 3]
    assert office.told[-1] == Disconnected(2, "tcp", "p", 0, 0, 0, "closed")


def test_totals_are_those_of_all_and_of_the_dead(office: Office) -> None:
    one, two = office.spawned
    one.outReceived(totals_line(Totals(connections=3)))
    two.outReceived(totals_line(Totals(connections=4)))
    office.die(one, signal=9)
    office.advance(0)
    assert office.leader.totals.connections == 7
    office.spawned[2].outReceived(totals_line(Totals(connections=1)))
    assert office.leader.totals.connections == 8


def test_one_that_died_is_replaced_at_once(office: Office) -> None:
    office.die(office.spawned[0], signal=9)
    assert office.told == [Noticed("worker", "worker 1 (pid 101) died (signal 9) and is replaced")]
    office.advance(0)
    assert [worker.name for worker in office.spawned] == [1, 2, 1]


def test_one_that_dies_before_it_serves_is_replaced_after_a_rest(office: Office) -> None:
    office.die(office.spawned[0], signal=9)
    office.advance(0)
    office.die(office.spawned[2], signal=9)
    office.advance(0.9)
    assert len(office.spawned) == 3
    office.advance(0.2)
    assert len(office.spawned) == 4


def test_what_the_leader_has_told_already_is_not_told_again(office: Office) -> None:
    office.spawned[0].outReceived(event_line(Noticed("reloaded", "x")) + event_line(Noticed("bug", "y")))
    assert office.told == [Noticed("bug", "y")]


def test_reloading_is_for_all(office: Office) -> None:
    office.leader.reloaded()
    assert all(worker.transport.written.endswith(b"\nreload\n") for worker in office.spawned)


def test_stopping_waits_for_all_and_then_no_longer(office: Office) -> None:
    from twisted.internet.defer import Deferred

    stopped: list[None] = []
    Deferred.fromCoroutine(office.leader.stop()).addCallback(stopped.append)
    assert all(worker.transport.is_closed for worker in office.spawned)
    office.die(office.spawned[0])
    office.advance(60)
    assert stopped == []
    assert office.spawned[1].transport.signals == ["KILL"]
    office.die(office.spawned[1], signal=9)
    assert stopped == [None]
    assert office.told == []
    assert len(office.spawned) == 2
