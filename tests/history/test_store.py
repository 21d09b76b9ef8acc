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

import pytest
from hypothesis import given, settings, strategies as st

from netecho.errors import UsageError
from netecho.history.database import APPLICATION_ID
from netecho.history.reading import PERIODS, Span, minutes, read
from netecho.history.rows import Minute, Outage
from netecho.history.store import Store
from netecho.monitor.histogram import CoarseHistogram
from netecho.monitor.windows import Counts, Slot

URL = "udp://echo.example:7007"
ALL = Span(since=0, until=1 << 40)


def slot(*rtts: int, lost: int = 0) -> Slot:
    times = CoarseHistogram()
    for rtt in rtts:
        times.record(rtt)
    counts = Counts(sent=len(rtts) + lost, received=len(rtts), lost=lost)
    return Slot(counts, times.packed(), times.packed(), times.percentiles((50,))[0])


def minute(began: int, *rtts: int, target: str = "a", lost: int = 0) -> Minute:
    return Minute(target, URL, began, slot(*rtts, lost=lost))


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "history.db")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from("ab"), st.lists(st.integers(0, 1 << 40), max_size=5)),
        max_size=30,
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
            assert history.counts.received == history.rtt.count == history.response.count == len(values)
            assert history.rtt.packed() == slot(*values).rtt
            assert sum(period.counts.sent for period in history.periods) == history.counts.sent
            assert len(history.periods) <= PERIODS
        assert sum(1 for _ in minutes(path, span)) == len(kept)


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
        [minute(0, 1), minute(600, 2), Outage("a", URL, 0, 5, "down", ""), Outage("a", URL, 700_000, 5, "down", "")]
    )
    store.prune(600)
    (history,) = read(path, ALL)
    assert (history.minutes, history.rtt.max) == (1, 2)
    assert [outage.began for outage in history.outages] == [700_000]


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
        other.execute("PRAGMA user_version = 2")
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

    def test_a_directory(self, tmp_path: Path, opened: type[Store]) -> None:
        with pytest.raises(UsageError, match="cannot be"):
            opened(str(tmp_path))


def test_one_that_is_not_there_is_not_made_by_reading(path: str) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        read(path, ALL)
    assert not Path(path).exists()
