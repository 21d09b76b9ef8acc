"""One target of a history over time, a stretch at a time: so that whoever reads it has other work done in between.

Each stretch is a query of its own. No transaction stays open while a slow reader takes its time, which would keep the
write-ahead log from being emptied.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from netecho.errors import UsageError
from netecho.history.database import open_for_reading, unusable
from netecho.history.rows import Outage
from netecho.monitor.histogram import CoarseHistogram, Packed
from netecho.monitor.windows import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 360
"""Stretches that a span is as long as at most: one more where it begins within one. A chart has room for them."""
MOST_OUTAGES = 500
"""The latest of them that are read."""
_AT_ONCE = 32 * 60
"""Seconds whose minutes are merged before there is time for other work: half a millisecond."""
_NUMBER = "SELECT id FROM targets WHERE name = ? AND url = ?"
_MINUTES = (
    "SELECT sent, received, lost, dropped_here, late, duplicate, reordered, corrupt,"
    " rtt_count, rtt_total, rtt_low, rtt_high, rtt FROM minutes WHERE target = ? AND began >= ? AND began < ?"
)
_OUTAGES = (
    "SELECT began, ended, state, reason FROM outages WHERE target = ? AND (ended IS NULL OR ended >= ?)"
    " ORDER BY began DESC LIMIT ?"
)


class Stretch(NamedTuple):
    """A part of the span; percentiles are those of its minutes' merged histograms, None where nothing was received."""

    began: int
    """Seconds since 1970."""
    counts: Counts
    p50: int | None
    p99: int | None


class TargetCourse:
    """A target in a history."""

    def __init__(self, path: str, name: str, url: str) -> None:
        self._path = path
        self._key = (name, url)

    def outages(self, since: int) -> list[Outage]:
        """Return those that were not over at `since`, seconds since 1970, oldest first. Raises UsageError."""
        try:
            with closing(self._open()) as database:
                number = self._number(database)
                rows = database.execute(_OUTAGES, (number, since * 1000, MOST_OUTAGES)).fetchall()
        except sqlite3.Error as error:
            raise unusable(self._path, error) from None
        return [Outage(*self._key, *row) for row in reversed(rows)]

    def stretches(self, since: int, until: int) -> Iterator[Stretch | None]:
        """Yield the stretches in which there is a minute; None where there is more to do before the next.

        What cannot be read ends it: the answer that has begun is short, and the next one says why.
        """
        try:
            with closing(self._open()) as database:
                yield from self._read(database, since, until)
        except (sqlite3.Error, UsageError):
            return

    def _read(self, database: sqlite3.Connection, since: int, until: int) -> Iterator[Stretch | None]:
        number, width = self._number(database), width_of(until - since)
        for began in range(since - since % width, until, width):
            counts, whole = Counts(), CoarseHistogram()
            for part in range(began, began + width, _AT_ONCE):
                end = min(part + _AT_ONCE, began + width)
                rows = database.execute(_MINUTES, (number, part, end)).fetchall()
                for row in rows:
                    whole.add(Packed(*row[8:]))
                counts = Counts.of_all((counts, *(Counts(*row[:8]) for row in rows)))
                yield None
            if counts != Counts():
                yield Stretch(began, counts, *whole.percentiles((50, 99)))

    def _open(self) -> sqlite3.Connection:
        return open_for_reading(self._path, patience=0)  # nothing waits for a lock here: sends would

    def _number(self, database: sqlite3.Connection) -> int:
        found = database.execute(_NUMBER, self._key).fetchone()
        return -1 if found is None else int(found[0])


def width_of(span: int) -> int:
    """Return the seconds of a stretch, whole minutes, so that a span is no longer than `MOST` of them."""
    return -(-span // (MOST * 60)) * 60
