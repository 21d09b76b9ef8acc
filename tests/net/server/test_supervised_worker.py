"""What one worker writes, and what its supervisor learns of it."""

from __future__ import annotations

from itertools import count

import pytest

from netecho.echo.events import Connected, Disconnected, Noticed, Received, ServerEvent
from netecho.echo.snapshot import ServerSnapshot, TransportCounts
from netecho.net.server.supervised_worker import Worker
from netecho.net.server.worker_messages import Failed, event_line, snapshot_line


class Learnt:
    """What is told about workers."""

    def __init__(self) -> None:
        self.events: list[ServerEvent] = []
        self.serving: list[int] = []
        self.unfit: list[str | None] = []
        self.ended: list[str] = []
        self.now = 5
        self._numbers = count(1)

    def worker(self, number: int) -> Worker:
        return Worker(self, number, lambda: self.now, self._numbers)

    def worker_event(self, event: ServerEvent) -> None:
        self.events.append(event)

    def worker_serves(self, worker: Worker) -> None:
        self.serving.append(worker.number)

    def worker_unfit(self, worker: Worker) -> None:
        worker.is_killed = True
        self.unfit.append(worker.failure)

    def worker_ended(self, worker: Worker, how: str) -> None:
        del worker
        self.ended.append(how)


def test_connections_of_all_workers_are_numbered_together() -> None:
    learnt = Learnt()
    one, two = learnt.worker(1), learnt.worker(2)
    one.data_received(event_line(Connected(1, "tcp", "p")))
    two.data_received(event_line(Connected(1, "tcp", "q")))
    two.data_received(event_line(Received(1, "tcp", "q", 3)))
    two.data_received(event_line(Disconnected(1, "tcp", "q", 0, 0, 0, "closed")))
    assert [getattr(event, "connection", None) for event in learnt.events] == [1, 2, 2, 2]


def test_it_serves_from_its_first_snapshot_on() -> None:
    learnt = Learnt()
    worker = learnt.worker(3)
    for echoes in (1, 2):
        learnt.now = echoes
        worker.data_received(snapshot_line(ServerSnapshot(transports={"tcp": TransportCounts(echoes=echoes)})))
    assert learnt.serving == [3]
    assert (worker.serving_since, worker.heard_at) == (1, 2)
    assert worker.snapshot.transports["tcp"].echoes == 2


def test_its_own_reason_for_ending_is_the_one_that_is_told() -> None:
    learnt = Learnt()
    worker = learnt.worker(1)
    worker.data_received(event_line(Failed("out of memory")))
    worker.process_ended("exit code 3")
    assert learnt.ended == ["out of memory"]
    assert worker.over.called


@pytest.mark.parametrize(
    "line",
    [
        b"Traceback (most recent call last):",
        b"\xff",
        b"[]",
        b"{}",
        b"7",
        b'["Exploded", 1]',
        b'["Connected", 1]',
        b'["Connected", {}, "tcp", "p"]',
        b'["Connected", "1", "tcp", "p"]',
        b'["Refused", "tcp", "p", "full", "often"]',
        b'["ServerSnapshot", {"at": 1}]',
        snapshot_line(ServerSnapshot(refusals={"full": 1})).strip().replace(b": 1", b": null"),
        b'["ServerSnapshot", {"at": 1, "transports": {}, "clients": [], "refusals": [], "totals": {}}]',
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_the_last_that_is_read_of_it(line: bytes) -> None:
    learnt = Learnt()
    worker = learnt.worker(1)
    bug = event_line(Noticed("bug", "before"))
    worker.data_received(bug + line + b"\n" + bug)
    worker.data_received(bug)
    assert learnt.unfit == ["it wrote what no worker writes"]
    assert learnt.events == [Noticed("bug", "before")]
