"""Hours: what sixty minutes of a target come to, in one row, so that a day is read by 24 of them.

A row is made of minutes that are in the file already, and brought up to date as more come. It says which it has
(`until`), so that a kill between the two costs nothing: what is not in it is read by the minute. A minute that comes
late, as after the clock was set back, has the row of its hour removed, and made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.monitor.dense import added_up, laid_out
from netecho.monitor.histogram import Packed
from netecho.monitor.windows import Counts

if TYPE_CHECKING:
    import sqlite3

HOUR = 3600
_GRACE = 180
"""Seconds after which no minute of an hour that is over is expected any more."""
_HOUR = "INSERT OR REPLACE INTO hours VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_MINUTES = "SELECT * FROM minutes WHERE target = ? AND began >= ? AND began < ? ORDER BY began"


class Hour(NamedTuple):
    """A row."""

    began: int
    """Seconds since 1970, a whole hour."""
    until: int
    """Before this all minutes of the hour are in it: seconds since 1970."""
    minutes: int
    counts: Counts
    rtt: Packed
    """Laid out as `monitor.dense` has it; so is `response`."""
    response: Packed
    p50: int | None
    """Of rtt."""
    p99: int | None

    @classmethod
    def of_row(cls, row: tuple[int, ...]) -> Hour:
        """Return a row of the table."""
        counts = Counts(*row[5:13])
        return cls(row[2], row[3], row[4], counts, Packed(*row[13:18]), Packed(*row[18:23]), *row[23:25])  # type: ignore[arg-type]


def key(target: int, second: int) -> int:
    """Return the id of the hour that a second of a target is in."""
    return target << 32 | second // HOUR


def remove(database: sqlite3.Connection, target: int, minute: int) -> None:
    """Remove the hour that had a minute already, or was made without it."""
    database.execute("DELETE FROM hours WHERE id = ? AND until > ?", (key(target, minute), minute))


def bring_up(database: sqlite3.Connection, target: int, began: int, now: int) -> bool:
    """Have the minutes of an hour in its row; return whether no more of them are expected."""
    known = database.execute("SELECT * FROM hours WHERE id = ?", (key(target, began),)).fetchone()
    hour = None if known is None else Hour.of_row(known)
    end = began + HOUR
    since = began if hour is None else hour.until
    rows = database.execute(_MINUTES, (target, since, end)).fetchall()
    closes = now >= end + _GRACE
    if (rows or hour is not None) and (rows or (closes and since < end)):
        made = _made(hour, began, end if closes else rows[-1][1] + 1, rows)
        values = (*made[:3], *made.counts, *made.rtt, *made.response, *made[6:])
        database.execute(_HOUR, (key(target, began), target, *values))
    return closes


def _made(hour: Hour | None, began: int, until: int, rows: list[tuple[int, ...]]) -> Hour:
    before = [] if hour is None else [hour]
    counts = [each.counts for each in before] + [Counts(*row[2:10]) for row in rows]
    rtt = added_up(each.rtt for each in before)
    response = added_up(each.response for each in before)
    for row in rows:
        rtt.add(Packed(*row[10:15]))  # type: ignore[arg-type]
        response.add(Packed(*row[15:20]))  # type: ignore[arg-type]
    minutes = len(rows) + sum(each.minutes for each in before)
    p50, p99 = rtt.percentiles((50, 99))
    return Hour(began, until, minutes, Counts.of_all(counts), laid_out(rtt), laid_out(response), p50, p99)
