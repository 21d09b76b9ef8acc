"""One target of a history over time: stretches of merged minutes, read a few at a time."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from netecho.errors import UsageError
from netecho.history.course import MOST, Stretch, TargetCourse, width_of
from netecho.history.rows import Minute, Outage
from netecho.history.store import Store
from netecho.monitor.histogram import NOTHING, CoarseHistogram
from netecho.monitor.windows import Counts, Slot
from netecho.units import MILLISECOND

DAY = 86_400
NOON = 20_000 * DAY + DAY // 2


def minute(began: int, *times: int, lost: int = 0, name: str = "fra") -> Minute:
    rtt = CoarseHistogram()
    for time in times:
        rtt.record(time * MILLISECOND)
    counts = Counts(sent=len(times) + lost, received=len(times), lost=lost)
    return Minute(name, "udp://fra", began, Slot(counts, rtt.packed(), NOTHING))


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "h.db")
    store = Store(path)
    store.write(
        [
            minute(NOON, 1, 1, 1),
            minute(NOON + 60, 1, 100, 100, 100, lost=2),
            minute(NOON + 60, 9, name="lon"),
            minute(NOON + 3600, lost=5),
            Outage("fra", "udp://fra", NOON * 1000 - 5, NOON * 1000 - 1, "down", "no answer"),
            Outage("fra", "udp://fra", (NOON + 3600) * 1000, None, "unreachable", "refused"),
        ]
    )
    store.close()
    return path


def stretches(path: str, since: int, until: int) -> list[Stretch]:
    return [each for each in TargetCourse(path, "fra", "udp://fra").stretches(since, until) if each is not None]


def test_a_short_span_has_its_minutes(path: str) -> None:
    first, second = stretches(path, NOON, NOON + 600)
    assert (first.began, first.counts.sent, second.began, second.counts.lost) == (NOON, 3, NOON + 60, 2)


def test_a_long_one_has_percentiles_of_merged_minutes_and_not_their_average(path: str) -> None:
    first, last = stretches(path, NOON - 10 * DAY, NOON + DAY)
    assert first.counts == Counts(sent=9, received=7, lost=2)
    assert first.p50 == pytest.approx(MILLISECOND, rel=0.016)
    assert first.p99 == pytest.approx(100 * MILLISECOND, rel=0.016)
    assert (last.counts.lost, last.p50, last.p99) == (5, None, None)


@pytest.mark.parametrize("span", [60, 3600, DAY, 30 * DAY, 2160 * 3600])
def test_there_are_never_more_than_a_chart_has_room_for(span: int) -> None:
    width = width_of(span)
    assert width % 60 == 0
    assert span / width <= MOST


def test_there_is_time_for_other_work_after_each_half_hour_of_minutes(path: str) -> None:
    found = list(TargetCourse(path, "fra", "udp://fra").stretches(NOON - DAY, NOON))
    assert len(found) >= 48
    assert set(found) == {None}


def test_outages_that_were_not_over(path: str) -> None:
    course = TargetCourse(path, "fra", "udp://fra")
    assert [each.state for each in course.outages(NOON)] == ["unreachable"]
    assert [each.state for each in course.outages(NOON - 60)] == ["down", "unreachable"]


def test_a_target_that_it_does_not_have_has_nothing(path: str) -> None:
    course = TargetCourse(path, "fra", "tcp://fra")
    assert course.outages(0) == []
    assert set(course.stretches(NOON, NOON + 600)) == {None}


def test_a_lock_is_not_waited_for(path: str) -> None:
    """Sends would wait with it."""
    with closing(TargetCourse(path, "fra", "udp://fra")._open()) as ours:
        assert ours.execute("PRAGMA busy_timeout").fetchone() == (0,)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UsageError, match="cannot be opened: database is locked"):
            TargetCourse(path, "fra", "udp://fra").outages(0)


def test_a_file_that_is_gone_is_said(path: str) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        TargetCourse(f"{path}x", "fra", "udp://fra").outages(0)


def test_one_that_is_gone_when_the_answer_has_begun_ends_it(path: str) -> None:
    reading = TargetCourse(path, "fra", "udp://fra").stretches(NOON, NOON + 600)
    Path(path).write_bytes(b"")
    assert list(reading) == []
