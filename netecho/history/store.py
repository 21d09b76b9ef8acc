"""Writing a history: whole batches or nothing; hours made of minutes; what is too old, or too much, removed."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from netecho.history import hours
from netecho.history.database import open_for_writing, unusable
from netecho.history.hours import HOUR
from netecho.history.rows import Minute, Outage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from netecho.monitor.directions import Located
    from netecho.monitor.histogram import Packed

TURNS = 5
"""Calls of `bring_up` in which it is each hour's turn once: one in so many hours a call, to take little time each."""
ROW = 512
"""Bytes that a row takes in the file, hours included, rather more than less."""
SPARE = 1 << 20
"""Bytes that are left for what is not counted in rows."""
_AT_ONCE = 64
"""Targets that an hour is removed of in one transaction: about as much as a batch writes."""
_FREED = 1024
"""Pages that are given back to the system in one transaction."""
_MINUTE = "INSERT INTO minutes VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_UNKNOWN = (
    "SELECT began, lost - ifnull(lost_forward, 0) - ifnull(lost_backward, 0) AS unknown FROM minutes"
    " WHERE target = ? AND began < ? AND began >= ? AND unknown > 0 ORDER BY began DESC"
)
_LOCATE = (
    "UPDATE minutes SET lost_forward = ifnull(lost_forward, 0) + ?, lost_backward = ifnull(lost_backward, 0) + ?"
    " WHERE target = ? AND began = ?"
)
DEEPEST = 7 * 24 * HOUR
"""Seconds before a minute whose losses have a direction yet by what is told in it: the reach of one long outage."""
_OUTAGE = "INSERT OR REPLACE INTO outages VALUES (?, ?, ?, ?, ?)"


class Store:
    """An open history. Every method raises sqlite3.Error where the file cannot be written: nothing is then."""

    def __init__(self, path: str) -> None:
        """Open it, or make it. Raises UsageError."""
        self._path = path
        self._database = open_for_writing(path)
        self._file = _identity(path)
        self._targets: dict[tuple[str, str], int] = {}
        try:
            self._open_hours = set(self._left_open())
        except sqlite3.Error as error:
            self._database.close()
            raise unusable(path, error) from None
        """Hours of targets that minutes may still come for, or that are not in their rows."""
        self._turn = 0

    @property
    def is_in_place(self) -> bool:
        """Whether the open file is still the one of its name: else what is written is lost with it, or elsewhere."""
        return _identity(self._path) == self._file

    def write(self, rows: Iterable[Minute | Outage]) -> None:
        """Write rows, all of them or none; they are on the disk when this returns."""
        try:
            with self._transaction():
                opened = [self._write(row) for row in rows]
        except BaseException:
            self._targets.clear()  # those that were made with it are gone
            raise
        self._open_hours.update(each for each in opened if each is not None)

    def bring_up(self, now: int) -> None:
        """Have new minutes in the hours whose turn it is; `now` in seconds since 1970."""
        self._turn = (self._turn + 1) % TURNS
        due = sorted(each for each in self._open_hours if each[0] % TURNS == self._turn)
        with self._transaction():
            closed = [each for each in due if hours.bring_up(self._database, *each, now)]
        self._open_hours.difference_update(closed)

    def prune(self, before: int) -> None:
        """Remove what began before the hour that so many seconds since 1970 are in."""
        before = before // HOUR * HOUR
        for some in self._in_parts():
            with self._transaction():
                for number in some:
                    self._remove(number, before)

    def make_room(self, rows: int, limit: int) -> None:
        """See that the file stays below `limit` bytes with so many rows more: the oldest hours make room."""
        while self._taken() + rows * ROW + SPARE > limit and (oldest := self._oldest()) is not None:
            self.prune(oldest + HOUR)
        # What is free is used again; the file is made smaller only where it was larger than it may be now.
        beyond = self._pragma("page_count") - limit // self._pragma("page_size")
        for _ in range(0, beyond, _FREED):
            # As a script: it gives a row without columns a page, and `execute` would end it after the first.
            self._database.executescript(f"PRAGMA incremental_vacuum({_FREED})")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def _write(self, row: Minute | Outage) -> tuple[int, int] | None:
        """Write a row; return the hour that is to be brought up by it."""
        number = self._target(row.target, row.url)
        if isinstance(row, Outage):
            self._database.execute(_OUTAGE, (number, row.began, row.ended, row.state, row.reason))
            return None
        slot = row.slot
        began = self._free(number, row.began)
        ways = slot.one_way
        lost = (None, None) if ways is None else ways[:2]
        values = (number, began, *slot.counts, *_times(slot.rtt), *_times(slot.response), *lost)
        self._database.execute(_MINUTE, values)
        hours.remove(self._database, number, began)
        if ways is not None and any(ways.earlier):
            self._locate(number, began, ways.earlier)
        return number, began // HOUR * HOUR

    def _locate(self, number: int, began: int, told: Located) -> None:
        """Give the latest losses before a minute whose direction was not known the one that was told in it.

        Where both are told, each minute has the same share of each: which was lost where, the numbers do not say.
        """
        rooms, room = [], 0
        for minute, unknown in self._database.execute(_UNKNOWN, (number, began, began - DEEPEST)):
            rooms.append((minute, unknown))
            room += unknown
            if room >= sum(told):
                break
        left = told.shared(room)
        for minute, unknown in rooms:
            part = left.shared(unknown)
            left = left.minus(part)
            self._database.execute(_LOCATE, (*part, number, minute))
            hours.locate(self._database, number, minute, part)

    def _free(self, number: int, began: int) -> int:
        """Return a second at which no minute of a target begins: after the clock was set back one may have been there.

        Both are kept, side by side.
        """
        query = "SELECT 1 FROM minutes WHERE target = ? AND began = ?"
        while self._database.execute(query, (number, began)).fetchone() is not None:
            began += 1
        return began

    def _remove(self, number: int, before: int) -> None:
        self._database.execute("DELETE FROM minutes WHERE target = ? AND began < ?", (number, before))
        ids = hours.key(number, 0), hours.key(number, before)
        self._database.execute("DELETE FROM hours WHERE id >= ? AND id < ?", ids)
        self._database.execute("DELETE FROM outages WHERE target = ? AND began < ?", (number, before * 1000))

    def _numbers(self) -> list[int]:
        return [number for (number,) in self._database.execute("SELECT id FROM targets")]

    def _in_parts(self) -> Iterator[list[int]]:
        numbers = self._numbers()
        for begin in range(0, len(numbers), _AT_ONCE):
            yield numbers[begin : begin + _AT_ONCE]

    def _left_open(self) -> Iterator[tuple[int, int]]:
        """Yield the last two hours of each target: whoever wrote them may have ended before their rows were made."""
        for number in self._numbers():
            last = self._database.execute("SELECT max(began) FROM minutes WHERE target = ?", (number,)).fetchone()[0]
            if last is not None:
                yield number, last // HOUR * HOUR
                yield number, last // HOUR * HOUR - HOUR

    def _oldest(self) -> int | None:
        """Return when the oldest minute began: by targets, as the table is ordered."""
        query = "SELECT min(began) FROM minutes WHERE target = ?"
        found = (self._database.execute(query, (number,)).fetchone()[0] for number in self._numbers())
        return min((began for began in found if began is not None), default=None)

    def _taken(self) -> int:
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._pragma("page_size")

    def _pragma(self, name: str) -> int:
        return int(self._database.execute(f"PRAGMA {name}").fetchone()[0])

    def _target(self, name: str, url: str) -> int:
        number = self._targets.get((name, url))
        if number is None:
            self._database.execute("INSERT OR IGNORE INTO targets (name, url) VALUES (?, ?)", (name, url))
            found = self._database.execute("SELECT id FROM targets WHERE name = ? AND url = ?", (name, url)).fetchone()
            number = self._targets[name, url] = int(found[0])
        return number


def _identity(path: str) -> tuple[int, int] | None:
    """Return what tells a file from any other of its name; None where there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _times(packed: Packed) -> Sequence[int | bytes]:
    return packed
