"""A history on disk: what is written is read, others' files are left alone, a kill costs nothing that was committed."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import given, settings, strategies as st

from netecho.errors import UsageError
from netecho.history import store as store_module
from netecho.history.database import APPLICATION_ID, CACHE
from netecho.history.hours import HOUR
from netecho.history.parts import PERIODS, Span
from netecho.history.reading import minutes, read
from netecho.history.rows import Minute, Outage
from netecho.history.store import TURNS
from netecho.monitor.directions import Located
from netecho.monitor.histogram import CoarseHistogram
from netecho.monitor.windows import Counts, OneWay, Slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

URL = "udp://echo.example:7007"
ALL = Span(since=0, until=1 << 40)
NONE = Located()
WITHOUT_DIRECTIONS = "".join(f"ALTER TABLE minutes DROP COLUMN {each};" for each in ("lost_forward", "lost_backward"))


class Store(store_module.Store):
    """One that is closed with its test, which may leave it open."""

    opened: ClassVar[list[Store]] = []

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.opened.append(self)


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    while Store.opened:
        Store.opened.pop().close()


def of(rtts: Iterable[int]) -> CoarseHistogram:
    times = CoarseHistogram()
    for rtt in rtts:
        times.record(rtt)
    return times


def slot(*rtts: int, lost: int = 0) -> Slot:
    times = of(rtts)
    counts = Counts(sent=len(rtts) + lost, received=len(rtts), lost=lost)
    return Slot(counts, times.packed(), times.packed(), times.percentiles((50,))[0])


def minute(began: int, *rtts: int, target: str = "a", lost: int = 0) -> Minute:
    return Minute(target, URL, began, slot(*rtts, lost=lost))


def up_to_date(store: Store, now: int = 1 << 32) -> None:
    for _ in range(TURNS):
        store.bring_up(now)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "history.db")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from("ab"), st.lists(st.integers(0, 1 << 40), max_size=5)),
        max_size=30,
        unique_by=lambda row: row[:2],
    ),
    st.integers(0, 200),
    st.integers(1, 200),
)
def test_a_span_is_its_minutes_merged(rows: list[tuple[int, str, list[int]]], since: int, length: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "h.db"))
        store = Store(path)
        store.write(minute(number * 60, *rtts, target=target, lost=1) for number, target, rtts in rows)
        store.close()
        span = Span(since=since * 60, until=(since + length) * 60)
        kept = {(target, number): rtts for number, target, rtts in rows if since <= number < since + length}
        found = {each.target: each for each in read(path, span)}
        assert set(found) == {target for target, _ in kept}
        for name, history in found.items():
            own = {number: rtts for (target, number), rtts in kept.items() if target == name}
            values = [rtt for rtts in own.values() for rtt in rtts]
            assert (history.minutes, history.counts.lost) == (len(own), len(own))
            assert history.response is not None
            assert history.counts.received == history.rtt.count == history.response.count == len(values)
            assert history.rtt.packed() == slot(*values).rtt
            assert sum(period.sent for period in history.periods) == history.counts.sent
            assert len(history.periods) <= PERIODS
        assert sum(1 for _ in minutes(path, span)) == len(kept)


MINUTES = st.tuples(st.integers(0, 11), st.sampled_from("ab"), st.lists(st.integers(0, 1 << 40), max_size=3))
STEPS = st.lists(MINUTES | st.integers(0, 50).map(lambda number: number * TEN) | st.just("opened again"), max_size=40)
TEN = 600


@settings(max_examples=25, deadline=None)
@given(STEPS, st.integers(0, 5), st.integers(37, 50))
def test_hours_have_what_their_minutes_have_whatever_came_when(steps: list[Any], since: int, length: int) -> None:
    """Minutes come in any order; hours are brought up in between, and by a monitor that begins anew."""
    span = Span(since * TEN, (since + length) * TEN)
    written: dict[tuple[str, int], list[int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "h.db"))
        store = Store(path)
        for step in steps:
            if isinstance(step, int):
                up_to_date(store, step)
            elif isinstance(step, tuple):
                number, target, rtts = step
                if (target, number * TEN) in written:
                    continue
                written[target, number * TEN] = rtts
                store.write([minute(number * TEN, *rtts, target=target, lost=1)])
            else:
                store.close()
                store = Store(path)
        found = {each.target: each for each in read(path, span)}
    for name in "ab":
        own = {at: rtts for (target, at), rtts in written.items() if target == name and span.since <= at < span.until}
        assert (name in found) is bool(own)
        if name not in found:
            continue
        values = [rtt for rtts in own.values() for rtt in rtts]
        assert (found[name].minutes, found[name].counts.lost) == (len(own), len(own))
        response = found[name].response
        assert response is not None
        assert found[name].rtt.packed() == response.packed() == slot(*values).rtt
        for period in found[name].periods:
            inside = [rtt for at, rtts in own.items() if 0 <= at - period.began < HOUR for rtt in rtts]
            assert (period.p50, period.p99) == tuple(of(inside).percentiles((50, 99)))


def test_a_day_is_read_by_its_hours(path: str) -> None:
    store = Store(path)
    store.write(minute(60 * n, n) for n in range(25 * 60))
    up_to_date(store, 24 * HOUR + 600)
    store._database.execute("DELETE FROM minutes WHERE began < ?", (24 * HOUR,))  # so that none of them is read
    (history,) = read(path, Span(0, 25 * HOUR))
    assert (history.minutes, history.rtt.count, len(history.periods)) == (25 * 60, 25 * 60, 25)


def test_a_minute_that_comes_late_is_in_the_figures_of_its_hour(path: str) -> None:
    store = Store(path)
    store.write([minute(0, 1), minute(120, 2)])
    up_to_date(store)
    store.write([minute(60, 3)])
    for _ in range(2):
        (history,) = read(path, Span(0, 24 * HOUR))
        assert (history.minutes, history.counts.received, history.rtt.max) == (3, 3, 3)
        up_to_date(store)


def test_minutes_of_a_clock_that_was_set_back_are_kept_beside_those_that_were_there(path: str) -> None:
    store = Store(path)
    store.write([minute(0, 1), minute(60, 2)])
    up_to_date(store)
    store.write([minute(0, 3), minute(60, 4)])
    up_to_date(store)
    for span in (Span(0, 24 * HOUR), Span(0, HOUR)):
        (history,) = read(path, span)
        assert (history.minutes, history.counts.received, history.rtt.max) == (4, 4, 4)


def test_an_hour_that_was_left_half_done_is_completed_by_who_opens_the_file_again(path: str) -> None:
    store = Store(path)
    store.write([minute(0, 1)])
    up_to_date(store, 60)
    store.write([minute(60, 2), minute(HOUR, 3)])
    store.close()
    up_to_date(store := Store(path))
    assert store._database.execute("SELECT began, until, minutes FROM hours").fetchall() == [
        (0, HOUR, 2),
        (HOUR, 2 * HOUR, 1),
    ]


def test_an_older_file_is_read_as_it_is_and_has_hours_once_it_is_written_to(path: str) -> None:
    store = Store(path)
    store.write(minute(60 * n, n) for n in range(10 * 60))
    store._database.executescript(f"DROP TABLE hours; {WITHOUT_DIRECTIONS} PRAGMA user_version = 1")
    store.close()
    day = Span(0, 24 * HOUR)
    before = read(path, day)
    assert [(each.minutes, len(each.periods)) for each in before] == [(600, 10)]
    up_to_date(store := Store(path))
    assert store._database.execute("SELECT count(*) FROM hours").fetchone() == (2,)
    after = read(path, day)
    assert [(each.minutes, each.periods, each.rtt.packed()) for each in after] == [
        (each.minutes, each.periods, each.rtt.packed()) for each in before
    ]


def test_a_file_of_version_2_is_read_as_it_is_and_has_directions_once_it_is_written_to(path: str) -> None:
    store = Store(path)
    store.write(minute(60 * n, n, lost=1) for n in range(130))
    up_to_date(store)
    older = WITHOUT_DIRECTIONS + WITHOUT_DIRECTIONS.replace("minutes", "hours")
    store._database.executescript(f"{older} PRAGMA user_version = 2")
    store.close()
    day = Span(0, 24 * HOUR)
    ((before,), written) = read(path, day), list(minutes(path, day))
    assert (before.counts.lost, before.located, len(written)) == (130, None, 130)
    store = Store(path)
    store.write([Minute("a", URL, 130 * 60, told(lost=2, earlier=Located(100, 0)))])
    up_to_date(store)
    (after,) = read(path, day)
    assert (after.counts.lost, after.located, after.rtt.packed()) == (132, Located(100, 0), before.rtt.packed())


def told(*rtts: int, lost: int = 0, own: Located = NONE, earlier: Located = NONE) -> Slot:
    """A slot of a target that stamps: which of its losses, and which before it, have a direction."""
    return slot(*rtts, lost=lost)._replace(one_way=OneWay(*own, earlier=earlier))


LOSSES = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 99), st.integers(0, 99))


@settings(max_examples=25, deadline=None)
@given(st.lists(LOSSES, min_size=1, max_size=12), st.lists(st.integers(0, 20), max_size=4))
def test_losses_have_the_direction_that_is_told_later_and_the_sums_stay_exact(
    rows: list[tuple[int, int, int, int, int]], turns: list[int]
) -> None:
    """Hours have what their minutes have, whenever they were made of them."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "h.db"))
        store = Store(path)
        unknown = known = 0
        for n, (forward, backward, more, there, back) in enumerate(rows):
            earlier = Located(there, back)
            lost = forward + backward + more
            own = Located(forward, backward)
            store.write([Minute("a", URL, n * TEN, told(lost=lost, own=own, earlier=earlier))])
            late = min(unknown, there + back)
            unknown, known = unknown - late + more, known + late + forward + backward
            if n in turns:
                up_to_date(store, n * TEN)
        for span in (Span(0, 24 * HOUR), Span(0, HOUR * 24, target="a")):
            for each in read(path, span):
                assert sum(each.located or NONE) == known
                assert each.counts.lost == known + unknown
        assert all(sum(row.located or NONE) <= row.counts.lost for row in minutes(path, ALL))


def test_an_outage_has_its_direction_once_it_is_over(path: str) -> None:
    store = Store(path)
    store.write([Minute("a", URL, 0, told(lost=5, own=Located(1, 1)))])
    store.write(Minute("a", URL, 60 * n, told(lost=10)) for n in range(1, 5))
    store.write([Minute("a", URL, 300, told(1, lost=4, own=Located(4, 0), earlier=Located(40, 0)))])
    assert [each.located for each in minutes(path, ALL)] == [Located(1, 1), *[Located(10, 0)] * 4, Located(4, 0)]


def test_where_both_directions_lost_each_minute_has_its_share(path: str) -> None:
    store = Store(path)
    store.write(Minute("a", URL, 60 * n, told(lost=10)) for n in range(3))
    store.write([Minute("a", URL, 300, told(1, earlier=Located(15, 5)))])
    assert [each.located for each in minutes(path, ALL)] == [NONE, Located(7, 3), Located(8, 2), NONE]


def test_where_the_far_end_does_not_stamp_no_direction_is_known(path: str) -> None:
    store = Store(path)
    store.write([minute(0, 1, lost=3)])
    up_to_date(store)
    for span in (Span(0, 24 * HOUR), Span(0, HOUR)):
        assert [(each.counts.lost, each.located) for each in read(path, span)] == [(3, None)]


def test_rows_that_are_corrupt_are_no_reason_to_end(path: str) -> None:
    store = Store(path)
    store.write([minute(0, 5, 5000), minute(60, 7)])
    store._database.execute("UPDATE minutes SET rtt = x'ffffff7f01' WHERE began = 0")
    up_to_date(store)
    store._database.execute("UPDATE hours SET response = x'ffffffff01000000'")
    (history,) = read(path, Span(0, 24 * HOUR))
    assert history.response is not None
    assert (history.rtt.count, history.response.count, history.response.percentiles((50,))) == (3, 3, [None])


def test_a_file_stays_below_its_size_and_the_oldest_hours_make_room(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "SPARE", 0)
    limit = 900_000
    store = Store(path)

    def size() -> int:
        store._database.execute("PRAGMA wal_checkpoint")
        return Path(path).stat().st_size

    same = slot(*range(1, 60))
    for hour in range(12):
        times = range(hour * HOUR, hour * HOUR + HOUR, 60)
        rows = [Minute(f"t{t}", URL, began, same) for began in times for t in range(10)]
        store.make_room(len(rows), limit)
        store.write(rows)
        up_to_date(store, hour * HOUR + HOUR)
        assert size() <= limit
    every = read(path, ALL)
    assert 60 < every[0].minutes < 12 * 60
    assert {each.minutes for each in every} == {every[0].minutes}
    assert every[0].periods[-1].sent > 0
    store.make_room(0, limit // 2)
    assert size() <= limit // 2


def test_outages_are_those_that_reach_into_the_span(path: str) -> None:
    store = Store(path)
    store.write([Outage("a", URL, 10_000, None, "down", "no answer")])
    store.write(
        [Outage("a", URL, 10_000, 25_000, "unreachable", "refused"), Outage("a", URL, 90_000, None, "down", "x")]
    )
    (history,) = read(path, Span(since=20, until=80))
    assert history.outages == (Outage("a", URL, 10_000, 25_000, "unreachable", "refused"),)
    (history,) = read(path, Span(since=26, until=100))
    assert [outage.began for outage in history.outages] == [90_000]
    assert read(path, Span(since=30, until=80)) == []


def test_what_is_too_old_is_removed(path: str) -> None:
    store = Store(path)
    store.write(
        [
            *(minute(0, 1), minute(3600, 2)),
            *(Outage("a", URL, 0, 5, "down", ""), Outage("a", URL, 3_700_000, 5, "down", "")),
        ]
    )
    up_to_date(store)
    store.prune(5000)
    (history,) = read(path, ALL)
    assert (history.minutes, history.rtt.max) == (1, 2)
    assert [outage.began for outage in history.outages] == [3_700_000]


def test_one_target_may_be_named_by_its_name_or_its_address(path: str) -> None:
    store = Store(path)
    store.write([minute(0, 1, target="fra"), minute(0, 1, target="ams")])
    assert [each.target for each in read(path, Span(since=0, until=60, target="fra"))] == ["fra"]
    assert len(read(path, Span(since=0, until=60, target=URL))) == 2
    with pytest.raises(UsageError, match="there is no target 'frb' in it") as caught:
        read(path, Span(since=0, until=60, target="frb"))
    assert caught.value.hint == "did you mean fra?"


def test_a_batch_is_written_whole_or_not_at_all_and_is_then_written_again(path: str) -> None:
    store = Store(path)
    store.write([minute(0, 1)])
    room = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count = {room}")
    batch = [minute(60 * n, *range(1, 50), target=f"t{n % 50}") for n in range(1, 2000)]
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.write(batch)
    assert [each.target for each in read(path, ALL)] == ["a"]
    store._database.execute("PRAGMA max_page_count = 1000000")
    store.write(batch)
    assert sum(each.minutes for each in read(path, ALL)) == 2000


def test_a_kill_costs_nothing_that_was_written(path: str) -> None:
    program = (
        "import os, signal\n"
        "from netecho.history.store import Store\n"
        "from tests.history.test_store import minute\n"
        f"store = Store({path!r})\n"
        "store.write([minute(60, 1)])\n"
        "store._database.execute('BEGIN IMMEDIATE')\n"
        "store._database.execute('DELETE FROM minutes')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, env={**os.environ, "PYTHONPATH": "."})
    assert ended.returncode == -signal.SIGKILL
    assert [each.minutes for each in read(path, ALL)] == [1]
    Store(path).write([minute(120, 1)])
    assert [each.minutes for each in read(path, ALL)] == [2]


def test_it_is_read_while_it_is_written(path: str) -> None:
    store = Store(path)
    store.write([minute(60, 1)])
    store._database.execute("BEGIN IMMEDIATE")
    assert [each.minutes for each in read(path, ALL)] == [1]


def test_a_writer_holds_little_of_the_file_in_memory(path: str) -> None:
    assert Store(path)._database.execute("PRAGMA cache_size").fetchone() == (-CACHE,)


def test_sqlites_own_shell_reads_it(path: str) -> None:
    if shutil.which("sqlite3") is None:
        pytest.skip("sqlite3 is not installed")
    Store(path).write([minute(60, 1, 2, 3, lost=4)])
    query = "SELECT name, began, sent, lost FROM minutes JOIN targets ON target = id; PRAGMA integrity_check"
    done = subprocess.run(["sqlite3", path, query], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["a|60|7|4", "ok"]


@pytest.mark.parametrize("opened", [Store, lambda path: read(path, ALL)])
class TestOfOthers:
    def test_a_database_of_another_program(self, path: str, opened: type[Store]) -> None:
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE theirs (x)")
        other.close()
        before = Path(path).read_bytes()
        with pytest.raises(UsageError, match="is a file of another program"):
            opened(path)
        assert Path(path).read_bytes() == before

    def test_what_is_no_database(self, path: str, opened: type[Store]) -> None:
        Path(path).write_text("not a database at all, but a text of some length\n" * 20)
        with pytest.raises(UsageError, match="is not a history, or it is corrupt"):
            opened(path)

    def test_one_from_a_newer_version(self, path: str, opened: type[Store]) -> None:
        other = sqlite3.connect(path)
        other.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        other.execute("PRAGMA user_version = 4")
        other.close()
        with pytest.raises(UsageError, match="was written by a newer netecho"):
            opened(path)

    def test_a_corrupt_one(self, path: str, opened: type[Store]) -> None:
        Store(path).close()
        data = bytearray(Path(path).read_bytes())
        data[100:] = os.urandom(len(data) - 100)
        Path(path).write_bytes(data)
        with pytest.raises((UsageError, sqlite3.DatabaseError)):
            opened(path).write([minute(0, 1)])

    def test_one_of_which_a_part_is_corrupt(self, path: str, opened: type[Store]) -> None:
        store = Store(path)
        store.write(minute(60 * n, *range(1, 50), target=f"t{n % 40}") for n in range(2000))
        store.close()
        data = bytearray(Path(path).read_bytes())
        for page in range(4096, len(data), 4096):
            data[page : page + 100] = b"\xff" * 100
        Path(path).write_bytes(data)
        with pytest.raises(UsageError, match=r"corrupt|malformed"):
            opened(path)

    def test_a_directory(self, tmp_path: Path, opened: type[Store]) -> None:
        with pytest.raises(UsageError, match="cannot be"):
            opened(str(tmp_path))


def test_one_that_is_not_there_is_not_made_by_reading(path: str) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        read(path, ALL)
    assert not Path(path).exists()


def test_without_the_response_times_the_rest_is_the_same(path: str) -> None:
    store = Store(path)
    store.write([minute(0, 5, 5000), minute(60, 7)])
    up_to_date(store)
    whole, brief = (read(path, Span(0, 24 * HOUR), responses=asked) for asked in (True, False))
    assert [each.response for each in brief] == [None]
    assert [each.rtt.packed() for each in brief] == [each.rtt.packed() for each in whole]
