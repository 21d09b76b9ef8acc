"""Writing the history: outages from changes of state, and a disk that is full or locked for a while."""

from __future__ import annotations

import itertools
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from netecho.errors import UsageError
from netecho.history import database
from netecho.history.parts import Span
from netecho.history.reading import read
from netecho.history.rows import Outage
from netecho.history.store import SPARE, Store
from netecho.monitor.state import Change, State
from netecho.net.monitor import history as history_module
from netecho.net.monitor.history import PRUNE, Batches, HistoryWriter, Keep
from netecho.units import SECOND
from tests.history.test_store import minute
from tests.report.monitored import DOWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALL = Span(since=0, until=1 << 40)
YEAR = 365 * 86400 * SECOND


class Bench:
    def __init__(self, path: str) -> None:
        self.path = path
        self.said: list[str] = []
        self.now = YEAR
        self.batches = Batches(path, Keep(YEAR), self.said.append, lambda: self.now)

    @property
    def kept(self) -> int:
        return sum(each.minutes for each in read(self.path, ALL))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(database, "PATIENCE", 0.0)
    bench = Bench(str(tmp_path / "h.db"))
    yield bench
    bench.batches.close()


def test_what_waits_is_written(bench: Bench) -> None:
    bench.batches.add(minute(60, 1))
    bench.batches.add(minute(120, 1))
    assert bench.batches.attempt()
    assert (bench.kept, bench.said) == (2, [])


def test_a_locked_file_is_said_once_and_nothing_is_lost(bench: Bench) -> None:
    assert bench.batches.attempt()
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for n in range(3):
            bench.batches.add(minute(60 * n, 1))
            assert not bench.batches.attempt()
        assert bench.said == ["the history cannot be written, and is tried again each 10 s: database is locked"]
        other.execute("ROLLBACK")
    bench.batches.add(minute(600, 1))
    assert bench.batches.attempt()
    assert bench.said[1:] == ["the history is written again"]
    assert bench.kept == 4


def test_a_full_disk_is_said_and_of_too_many_rows_the_oldest_are_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "KEPT", 5)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as without_room:
        without_room.setattr(Store, "write", full)
        for n in range(8):
            bench.batches.add(minute(60 * n, 1))
            assert not bench.batches.attempt()
    assert bench.batches.attempt()
    assert bench.said == [
        "the history cannot be written, and is tried again each 10 s: database or disk is full",
        "the history is written again; 3 rows of it are lost",
    ]
    assert bench.kept == 5


def test_what_is_written_is_not_written_again_where_only_what_follows_goes_wrong(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    bench.batches.add(minute(60, 1))
    with monkeypatch.context() as failing:
        failing.setattr(Store, "bring_up", locked)
        assert not bench.batches.attempt()
    assert bench.batches.attempt()
    assert bench.kept == 1


def test_a_file_that_is_replaced_by_another_programs_is_not_written(bench: Bench, tmp_path: Path) -> None:
    assert bench.batches.attempt()
    bench.batches.close()
    for file in tmp_path.iterdir():
        file.unlink()
    sqlite3.connect(bench.path).execute("CREATE TABLE theirs (x)").connection.close()
    bench.batches.add(minute(60, 1))
    assert not bench.batches.attempt()
    assert "is a file of another program" in bench.said[0]


@pytest.mark.parametrize("moved", [True, False], ids=["moved", "removed"])
def test_a_file_that_is_moved_or_removed_meanwhile_is_begun_anew_and_that_is_said(
    bench: Bench, tmp_path: Path, moved: bool
) -> None:
    bench.batches.add(minute(60, 1))
    assert bench.batches.attempt()
    if moved:
        (tmp_path / "h.db").rename(tmp_path / "old.db")
    else:
        for file in tmp_path.iterdir():
            file.unlink()
    for n in (120, 180):
        bench.batches.add(minute(n, 1))
        assert bench.batches.attempt()
    assert bench.said == [f"{bench.path!r} is not the file any more that was written: what comes is in a new one"]
    assert bench.kept == 2


def test_what_is_too_old_is_removed_now_and_then(bench: Bench) -> None:
    bench.batches.attempt()
    bench.batches.add(minute(60, 1))
    bench.batches.attempt()
    assert bench.kept == 1
    bench.now += PRUNE + 120 * SECOND
    bench.batches.attempt()
    assert bench.kept == 0


def test_a_file_that_is_too_large_loses_its_oldest_hours_before_more_is_written(bench: Bench) -> None:
    small = Batches(bench.path, Keep(YEAR, size=SPARE + 60_000), bench.said.append, lambda: bench.now)
    with closing(small):
        for hour in range(12):
            for n in range(60):
                small.add(minute(hour * 3600 + 60 * n, 1))
            assert small.attempt()
    assert 60 <= bench.kept < 12 * 60
    assert bench.said == []


class Reactor:
    def callFromThread(self, call: Any, *arguments: Any) -> None:
        call(*arguments)


def test_changes_of_state_are_outages_and_the_end_writes_what_is_left(tmp_path: Path) -> None:
    target, _ = DOWN
    now = [100 * SECOND]
    said: list[str] = []
    writer = HistoryWriter(Reactor(), str(tmp_path / "h.db"), Keep(YEAR), said.append, lambda: now[0])
    states = (State.PENDING, State.UP, State.DOWN, State.UNREACHABLE, State.DEGRADED, State.UP, State.DOWN)
    for n, (before, after) in enumerate(itertools.pairwise(states)):
        now[0] += 10 * SECOND
        writer.changed(target, Change(before, after, f"because {after}", n * 10 * SECOND, 0))
    writer.minute_ended(target, minute(0, 1).slot)
    writer.stop()
    (kept,) = read(str(tmp_path / "h.db"), ALL)
    url = "udp://echo.example:7007"
    assert kept.outages == (
        Outage("nyc", url, 120_000, 140_000, "unreachable", "because unreachable"),
        Outage("nyc", url, 160_000, None, "down", "because down"),
    )
    assert (kept.minutes, kept.periods[0].received, said) == (1, 1, [])


def test_an_outage_is_as_long_as_it_was_whatever_the_clock_was_set_to_meanwhile(tmp_path: Path) -> None:
    target, _ = DOWN
    now = [YEAR]
    writer = HistoryWriter(Reactor(), str(tmp_path / "h.db"), Keep(YEAR), print, lambda: now[0])
    writer.changed(target, Change(State.UP, State.DOWN, "no answer", 5 * SECOND, 0))
    now[0] -= 3600 * SECOND
    writer.changed(target, Change(State.DOWN, State.UP, "it answers", 12 * SECOND, 0))
    writer.stop()
    ((outage,),) = (each.outages for each in read(str(tmp_path / "h.db"), ALL))
    assert outage.ended is not None
    assert outage.ended - outage.began == 7000


@pytest.mark.parametrize(("kept", "ended"), [(True, 70_000), (False, None)])
def test_an_outage_of_a_target_that_is_no_longer_watched_is_not_ended_by_one_that_is_named_like_it_later(
    tmp_path: Path, kept: bool, ended: int | None
) -> None:
    target, _ = DOWN
    now = [60 * SECOND]
    writer = HistoryWriter(Reactor(), str(tmp_path / "h.db"), Keep(YEAR), print, lambda: now[0])
    writer.changed(target, Change(State.UP, State.DOWN, "no answer", 0, 0))
    writer.reconfigured([target] if kept else [])
    now[0] += 3600 * SECOND
    writer.changed(target, Change(State.PENDING, State.UP, "it answers", 10 * SECOND, 0))
    writer.stop()
    ((outage,),) = (each.outages for each in read(str(tmp_path / "h.db"), ALL))
    assert outage.ended == ended


def test_the_reactor_waits_for_the_writing_thread_for_less_than_a_millisecond(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intervals: list[float] = []
    monkeypatch.setattr(sys, "setswitchinterval", intervals.append)
    HistoryWriter(Reactor(), str(tmp_path / "h.db"), Keep(YEAR), print).stop()
    assert intervals
    assert max(intervals) < 0.001


def test_a_file_that_is_something_else_is_refused_before_anything_begins(tmp_path: Path) -> None:
    (tmp_path / "h.db").write_text("x" * 5000)
    with pytest.raises(UsageError, match="is not a history"):
        HistoryWriter(Reactor(), str(tmp_path / "h.db"), Keep(YEAR), print)
