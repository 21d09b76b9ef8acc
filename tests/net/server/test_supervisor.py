"""Workers of which only the pipes are there: when they are started, told, killed, replaced and given up."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from netecho.echo.events import Connected, Disconnected, Noticed, Refused
from netecho.echo.snapshot import ClientCounts, ServerSnapshot, TransportCounts
from netecho.echo.totals import Totals
from netecho.errors import NetechoError, UnreachableError
from netecho.net.server.restarts import RETRY_DELAYS
from netecho.net.server.settings import ServerSettings
from netecho.net.server.sockets import BoundSocket, close_all
from netecho.net.server.supervised_worker import Worker
from netecho.net.server.supervisor import Supervisor
from netecho.net.server.worker_messages import Failed, event_line, snapshot_line
from netecho.net.server.worker_process import Process
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netecho.echo.events import ServerEvent
    from netecho.net.server.worker_messages import WorkerStart
    from netecho.net.server.worker_process import Owner

GIVEN_UP = len(RETRY_DELAYS) + 1
"""Attempts to start a worker."""


class PlayedProcess(Process):
    """A process of which only what is written to it is there."""

    def __init__(self, owner: Owner, pid: int) -> None:
        super().__init__(owner)
        self.pid = pid
        self.written = b""
        self.is_killed = False

    def write(self, data: bytes) -> None:
        self.written += data


class PlayedProcesses:
    """Processes that the test plays."""

    def __init__(self) -> None:
        self.spawned: list[Worker] = []
        self.starts: list[WorkerStart] = []
        self.descriptors: list[Sequence[int]] = []
        self.error: OSError | None = None
        self.closed = 0

    def start(self, owner: Owner, start: WorkerStart, descriptors: Sequence[int]) -> Process:
        if self.error is not None:
            raise self.error
        assert isinstance(owner, Worker)
        self.spawned.append(owner)
        self.starts.append(start)
        self.descriptors.append(descriptors)
        return PlayedProcess(owner, 100 + len(self.spawned))

    def kill(self, process: Process) -> None:
        played(process).is_killed = True

    def close(self) -> Deferred[None]:
        self.closed += 1
        return succeed(None)


def played(process: Process) -> PlayedProcess:
    assert isinstance(process, PlayedProcess)
    return process


def written(worker: Worker) -> bytes:
    return played(worker.process).written


def is_killed(worker: Worker) -> bool:
    return played(worker.process).is_killed


class Office(Clock):
    """A reactor's time, and a supervisor whose processes are played by the test."""

    made: ClassVar[list[Office]] = []

    def __init__(self, workers: int = 2) -> None:
        super().__init__()
        self.made.append(self)
        self.processes = PlayedProcesses()
        self.spawned = self.processes.spawned
        self.events: list[ServerEvent] = []
        self.failures: list[NetechoError] = []
        self.sets = [[BoundSocket("udp", socket.socket(type=socket.SOCK_DGRAM))] for _ in range(workers)]
        self.supervisor = Supervisor(
            self, ServerSettings(), self.sets, None, self.events.append, self.failures.append, self.processes, self.now
        )

    def now(self) -> int:
        return round(self.seconds() * 1e9)

    def start(self) -> list[Any]:
        """Start the supervisor; the list gets None, or the failure, when it has started."""
        outcome: list[Any] = []
        Deferred.fromCoroutine(self.supervisor.start()).addBoth(outcome.append)
        return outcome

    def stop(self) -> list[None]:
        """Stop the supervisor; the list gets None when it has stopped."""
        outcome: list[None] = []
        Deferred.fromCoroutine(self.supervisor.stop()).addCallback(outcome.append)
        return outcome

    def live(self, seconds: int, *, silent: Worker | None = None) -> None:
        """Let time pass, in which all workers but one give their signs of life."""
        for _ in range(seconds):
            for worker in self.spawned:
                if worker is not silent and not worker.over.called:
                    serves(worker)
            self.advance(1)

    def texts(self) -> list[str]:
        return [each.text for each in self.events if isinstance(each, Noticed)]


def serves(worker: Worker) -> None:
    worker.data_received(snapshot_line(ServerSnapshot(totals=Totals())))


def die(worker: Worker, signal: int | None = None) -> None:
    worker.process_ended("ended" if signal is None else f"signal {signal}")


@pytest.fixture(autouse=True)
def _sockets_are_closed() -> Iterator[None]:
    yield
    while Office.made:
        for sockets in Office.made.pop().sets:
            close_all(sockets)


@pytest.fixture
def office() -> Office:
    office = Office()
    office.start()
    for worker in office.spawned:
        serves(worker)
    return office


class TestStart:
    def test_it_has_started_when_every_worker_serves(self) -> None:
        office = Office()
        outcome = office.start()
        for worker in office.spawned:
            assert outcome == []
            serves(worker)
        assert outcome == [None]

    def test_many_are_started_a_few_at_a_time(self) -> None:
        office = Office(200)
        outcome = office.start()
        at_once = len(office.spawned)
        assert at_once < 200
        for number in range(200):
            assert outcome == []
            serves(office.spawned[number])
            assert len(office.spawned) == min(number + 1 + at_once, 200)
        assert outcome == [None]

    def test_a_start_that_takes_long_says_how_far_it_is(self) -> None:
        office = Office(3)
        office.start()
        serves(office.spawned[0])
        office.pump([1] * 6)
        assert office.texts() == ["1 of 3 workers serve, the others are starting"]

    def test_each_worker_gets_the_shared_memory_and_its_own_sockets(self, office: Office) -> None:
        starts, descriptors = office.processes.starts, office.processes.descriptors
        assert [start.worker for start in starts] == [0, 1]
        assert [start.workers for start in starts] == [2, 2]
        assert starts[0].salt == starts[1].salt
        assert descriptors[0][0] == descriptors[1][0]
        assert [each[1:] for each in descriptors] == [[sockets[0].socket.fileno()] for sockets in office.sets]

    def test_the_limits_are_those_of_the_server(self, office: Office) -> None:
        assert office.processes.starts[0].settings.limits == ServerSettings().limits

    def test_a_worker_that_dies_as_it_starts_is_started_again(self) -> None:
        office = Office()
        outcome = office.start()
        die(office.spawned[1], signal=11)
        office.advance(RETRY_DELAYS[0])
        serves(office.spawned[0])
        serves(office.spawned[2])
        assert outcome == [None]

    def test_one_that_cannot_start_is_given_up_with_the_reason(self) -> None:
        office = Office(1)
        outcome = office.start()
        for delay in (*RETRY_DELAYS, 0):
            office.spawned[-1].data_received(event_line(Failed("out of memory")))
            die(office.spawned[-1], signal=9)
            office.advance(delay)
        assert len(office.spawned) == GIVEN_UP
        with pytest.raises(UnreachableError, match=r"worker 1 .* is given up: it died 6 times .*: out of memory"):
            outcome[0].raiseException()

    def test_a_system_that_starts_no_process_is_the_same(self) -> None:
        office = Office(1)
        office.processes.error = OSError(11, "Resource temporarily unavailable")
        outcome = office.start()
        office.pump([*RETRY_DELAYS])
        with pytest.raises(UnreachableError, match="resource temporarily unavailable") as raised:
            outcome[0].raiseException()
        assert raised.value.hint is not None
        assert "fewer --workers" in raised.value.hint

    def test_a_python_that_the_user_may_not_run_is_not_said_to_be_a_lack_of_memory(self) -> None:
        office = Office(1)
        office.processes.error = PermissionError(13, "Permission denied")
        outcome = office.start()
        office.pump([*RETRY_DELAYS])
        with pytest.raises(UnreachableError, match="permission denied") as raised:
            outcome[0].raiseException()
        assert raised.value.hint is not None
        assert f"run {Path(sys.executable).resolve()}" in raised.value.hint

    def test_one_that_does_not_get_ready_is_killed(self) -> None:
        office = Office(1)
        office.start()
        office.pump([1] * 62)
        assert is_killed(office.spawned[0])
        die(office.spawned[0], signal=9)
        assert "not ready within 60 s" in office.texts()[-1]


class TestEvents:
    def test_lines_may_come_in_pieces(self, office: Office) -> None:
        line = event_line(Refused("tcp", "192.0.2.1", "full", 1)) * 2
        for at in range(len(line)):
            office.spawned[0].data_received(line[at : at + 1])
        assert office.events == [Refused("tcp", "192.0.2.1", "full", 1)] * 2

    def test_one_that_writes_nonsense_is_killed_and_replaced(self, office: Office) -> None:
        taken_over = office.spawned[0]
        taken_over.data_received(b"GET / HTTP/1.1\n")
        assert is_killed(taken_over)
        die(taken_over, 9)
        office.advance(0)
        assert len(office.spawned) == 3
        assert "it wrote what no worker writes" in office.texts()[-1]

    def test_connections_are_numbered_through(self, office: Office) -> None:
        one, two = office.spawned
        for worker, number in ((one, 1), (two, 1), (one, 2)):
            worker.data_received(event_line(Connected(number, "tcp", "p")))
        two.data_received(event_line(Disconnected(1, "tcp", "p", 0, 0, 0, "closed")))
        assert [each.connection for each in office.events if isinstance(each, Connected)] == [1, 2, 3]
        assert office.events[-1] == Disconnected(2, "tcp", "p", 0, 0, 0, "closed")

    def test_totals_are_those_of_all_and_of_the_ended(self, office: Office) -> None:
        one, two = office.spawned
        one.data_received(snapshot_line(ServerSnapshot(totals=Totals(connections=3))))
        two.data_received(snapshot_line(ServerSnapshot(totals=Totals(connections=4))))
        die(one, signal=9)
        office.advance(0)
        assert office.supervisor.totals.connections == 7
        office.spawned[2].data_received(snapshot_line(ServerSnapshot(totals=Totals(connections=1))))
        assert office.supervisor.totals.connections == 8

    def test_a_snapshot_is_of_all_and_the_ended_have_nothing_open(self, office: Office) -> None:
        for worker, open_now in zip(office.spawned, (1, 2), strict=False):
            counts = TransportCounts(open=open_now, connections=5, echoes=10)
            clients = (ClientCounts(client="192.0.2.1", open=open_now),)
            worker.data_received(snapshot_line(ServerSnapshot(transports={"tcp": counts}, clients=clients)))
        office.advance(3)
        snapshot = office.supervisor.snapshot()
        assert snapshot.at == 3 * SECOND
        assert snapshot.transports == {"tcp": TransportCounts(open=3, connections=10, echoes=20)}
        assert snapshot.clients == (ClientCounts(client="192.0.2.1", open=3),)
        die(office.spawned[0], signal=9)
        snapshot = office.supervisor.snapshot()
        assert snapshot.transports == {"tcp": TransportCounts(open=2, connections=10, echoes=20)}
        assert snapshot.clients == (ClientCounts(client="192.0.2.1", open=2),)

    def test_what_the_supervisor_has_logged_itself_is_not_logged_again(self, office: Office) -> None:
        office.spawned[0].data_received(event_line(Noticed("reloaded", "x")) + event_line(Noticed("bug", "y")))
        assert office.events == [Noticed("bug", "y")]

    def test_reloading_is_for_all(self, office: Office) -> None:
        office.supervisor.reloaded()
        assert all(written(worker) == b"reload\n" for worker in office.spawned)


class TestReplacement:
    def test_one_that_died_is_replaced_at_once(self, office: Office) -> None:
        office.live(20)
        die(office.spawned[0], signal=9)
        assert office.texts() == ["worker 1 (pid 101) died (signal 9) and is replaced"]
        office.advance(0)
        assert [worker.number for worker in office.spawned] == [1, 2, 1]

    def test_one_that_dies_soon_again_is_replaced_later_and_later(self, office: Office) -> None:
        for delay in RETRY_DELAYS:
            started = len(office.spawned)
            die(office.spawned[-1], signal=9)
            if delay:
                office.advance(delay - 0.1)
                assert len(office.spawned) == started
            office.advance(0.1)
            assert len(office.spawned) == started + 1
            serves(office.spawned[-1])

    def test_after_a_steady_while_it_is_replaced_at_once_again(self, office: Office) -> None:
        for _ in range(3 * GIVEN_UP):
            office.live(11)
            die(office.spawned[-1], signal=9)
            office.advance(0)
        assert len(office.spawned) == 2 + 3 * GIVEN_UP

    def test_the_rest_serve_on_when_one_is_given_up_and_its_sockets_are_closed(self, office: Office) -> None:
        for delay in (*RETRY_DELAYS, 0):
            die(office.spawned[-1], signal=9)
            office.advance(delay)
        assert "worker 2" in office.texts()[-1]
        assert "is given up" in office.texts()[-1]
        assert office.failures == []
        assert [each[0].socket.fileno() < 0 for each in office.sets] == [False, True]

    def test_without_any_worker_it_ends(self) -> None:
        office = Office(1)
        office.start()
        serves(office.spawned[0])
        for delay in (*RETRY_DELAYS, 0):
            die(office.spawned[-1], signal=9)
            office.advance(delay)
        assert [type(each) for each in office.failures] == [UnreachableError]


class TestHeartbeats:
    def test_one_that_gives_no_sign_of_life_is_killed_and_replaced(self, office: Office) -> None:
        one, two = office.spawned
        office.live(12)
        office.live(6, silent=one)
        assert (is_killed(one), is_killed(two)) == (True, False)
        die(one, signal=9)
        office.advance(0)
        assert office.texts() == ["worker 1 (pid 101) died (no sign of life within 5 s, killed) and is replaced"]
        assert len(office.spawned) == 3

    def test_a_supervisor_that_was_stopped_itself_kills_nobody(self, office: Office) -> None:
        office.live(3)
        office.advance(3600)
        office.live(3)
        assert not any(is_killed(worker) for worker in office.spawned)


class TestStop:
    def test_it_waits_for_all_and_then_no_longer(self, office: Office) -> None:
        stopped = office.stop()
        assert all(written(worker) == b"stop\n" for worker in office.spawned)
        die(office.spawned[0])
        office.advance(7)
        assert stopped == []
        assert is_killed(office.spawned[1])
        assert office.processes.closed == 0
        die(office.spawned[1], signal=9)
        assert stopped == [None]
        assert office.processes.closed == 1
        assert office.events == []
        assert len(office.spawned) == 2

    def test_nothing_is_accepted_while_workers_drain(self, office: Office) -> None:
        office.stop()
        assert all(each.socket.fileno() < 0 for sockets in office.sets for each in sockets)

    def test_what_still_starts_is_killed(self) -> None:
        office = Office()
        office.start()
        serves(office.spawned[0])
        stopped = office.stop()
        assert is_killed(office.spawned[1])
        die(office.spawned[0])
        die(office.spawned[1], signal=9)
        assert stopped == [None]

    def test_what_was_to_be_started_again_is_not(self, office: Office) -> None:
        die(office.spawned[0], signal=9)
        stopped = office.stop()
        die(office.spawned[1])
        office.advance(60)
        assert stopped == [None]
        assert len(office.spawned) == 2

    def test_one_that_not_even_the_kernel_can_end_is_not_waited_for(self, office: Office) -> None:
        stopped = office.stop()
        die(office.spawned[0])
        office.advance(7)
        assert is_killed(office.spawned[1])
        assert stopped == []
        office.advance(2)
        assert stopped == [None]
        assert office.texts()[-1] == "worker 2 (pid 102) does not end, not even killed"


class Orders(RuleBasedStateMachine):
    """Any order of what may happen to workers and of the end of the server."""

    def __init__(self) -> None:
        super().__init__()
        self.office = Office(3)
        self.started = self.office.start()
        self.stopped: list[None] | None = None

    @property
    def living(self) -> list[Worker]:
        return [worker for worker in self.office.spawned if not worker.over.called]

    @precondition(lambda self: self.living)
    @rule(which=st.integers(0, 2))
    def a_worker_writes(self, which: int) -> None:
        serves(self.living[which % len(self.living)])

    @precondition(lambda self: self.living)
    @rule(which=st.integers(0, 2), signal=st.sampled_from([None, 9]))
    def a_worker_ends(self, which: int, signal: int | None) -> None:
        die(self.living[which % len(self.living)], signal)

    @rule(error=st.sampled_from([None, OSError(11, "Resource temporarily unavailable")]))
    def processes_can_be_started_or_not(self, error: OSError | None) -> None:
        self.office.processes.error = error

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 3.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        self.office.advance(seconds)

    @precondition(lambda self: self.stopped is None)
    @rule()
    def the_server_is_stopped(self) -> None:
        self.stopped = self.office.stop()

    @invariant()
    def no_place_has_two_workers(self) -> None:
        places = [worker.number for worker in self.living]
        assert len(places) == len(set(places))

    def teardown(self) -> None:
        """However it was, the end comes, and soon, even if no worker ends; and nobody is started after it."""
        if self.stopped is None:
            self.stopped = self.office.stop()
        spawned = len(self.office.spawned)
        self.office.pump([1] * 10)
        assert self.stopped == [None]
        assert self.office.processes.closed == 1
        assert all(is_killed(worker) for worker in self.living)
        self.office.advance(100)
        assert len(self.office.spawned) == spawned
        assert self.office.getDelayedCalls() == []
        assert all(each.socket.fileno() < 0 for sockets in self.office.sets for each in sockets)
        for outcome in self.started:
            if outcome is not None:
                outcome.trap(UnreachableError)


def test_every_order_of_events() -> None:
    run_state_machine_as_test(Orders, settings=settings(max_examples=30, stateful_step_count=30))
