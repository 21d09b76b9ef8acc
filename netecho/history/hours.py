"""Hours: what sixty minutes of a target come to, in one row, so that a day is read by 24 of them.

A row is made of minutes that are in the file already, and brought up to date as more come. It says which it has
(`until`), so that a kill between the two costs nothing: what is not in it is read by the minute. A minute that comes
late, as after the clock was set back, has the row of its hour removed, and made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.history.minutes import all_located, located, minutes_of
from netecho.monitor.dense import added_up, laid_out, plus
from netecho.monitor.histogram import CoarseHistogram, Packed
from netecho.monitor.windows import Counts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from netecho.history.minutes import MinuteData
    from netecho.monitor.directions import Located

HOUR = 3600
_GRACE = 180
"""Seconds after which no minute of an hour that is over is expected any more."""
_HOUR = "INSERT OR REPLACE INTO hours VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_COLUMNS = (
    "id, target, began, until, minutes, sent, received, lost, dropped_here, late, duplicate, reordered, corrupt,"
    " rtt_count, rtt_total, rtt_low, rtt_high, rtt, {response}, rtt_p50, rtt_p99, lost_forward, lost_backward"
)
_RESPONSE = "response_count, response_total, response_low, response_high, response"
_WITHIN = "SELECT {columns} FROM hours WHERE id >= ? AND id < ? AND began >= ? AND until <= ? ORDER BY id"
_WHOLE = _WITHIN.format(columns=_COLUMNS.format(response=_RESPONSE))
_WITHOUT_RESPONSE = _WITHIN.format(columns=_COLUMNS.format(response="0, 0, 0, 0, x''"))
_LOCATE = (
    "UPDATE hours SET lost_forward = ifnull(lost_forward, 0) + ?, lost_backward = ifnull(lost_backward, 0) + ?"
    " WHERE id = ? AND until > ?"
)


class Hour(NamedTuple):
    """A row, as the table has it."""

    id: int
    target: int
    began: int
    """Seconds since 1970, a whole hour."""
    until: int
    """Before this all minutes of the hour are in it: seconds since 1970."""
    minutes: int
    sent: int
    received: int
    lost: int
    dropped_here: int
    late: int
    duplicate: int
    reordered: int
    corrupt: int
    rtt_count: int
    rtt_total: int
    rtt_low: int
    rtt_high: int
    rtt_cells: bytes
    """Laid out as `monitor.dense` has it; so are those of `response`."""
    response_count: int
    response_total: int
    response_low: int
    response_high: int
    response_cells: bytes
    p50: int | None
    """Of rtt, once no more minutes are expected; so is `p99`."""
    p99: int | None
    lost_forward: int | None
    """None where the far end did not stamp in any of its minutes; so is `lost_backward`."""
    lost_backward: int | None

    @property
    def counts(self) -> Counts:
        """What became of the probes."""
        return Counts(*self[5:13])

    @property
    def rtt(self) -> Packed:
        """The round trips."""
        return Packed(*self[13:18])

    @property
    def response(self) -> Packed:
        """The response times."""
        return Packed(*self[18:23])

    @property
    def located(self) -> Located | None:
        """Of those that were lost."""
        return located(self.lost_forward, self.lost_backward)


def hours_of(
    database: sqlite3.Connection, target: int, since: int, until: int, *, responses: bool = True
) -> list[Hour]:
    """Return the hours that are in a span as a whole, or as far as they go; seconds since 1970.

    Without the response times it takes two thirds as long.
    """
    query = _WHOLE if responses else _WITHOUT_RESPONSE
    rows = database.execute(query, (key(target, since), key(target, until) + 1, since, until))
    return list(map(Hour._make, rows))


def key(target: int, second: int) -> int:
    """Return the id of the hour that a second of a target is in."""
    return target << 32 | second // HOUR


def remove(database: sqlite3.Connection, target: int, minute: int) -> None:
    """Remove the hour that had a minute already, or was made without it."""
    database.execute("DELETE FROM hours WHERE id = ? AND until > ?", (key(target, minute), minute))


def locate(database: sqlite3.Connection, target: int, minute: int, told: Located) -> None:
    """Have losses of a minute that is in its hour already the direction that is known of them now."""
    database.execute(_LOCATE, (*told, key(target, minute), minute))


def bring_up(database: sqlite3.Connection, target: int, began: int, now: int) -> bool:
    """Have the minutes of an hour in its row; return whether no more of them are expected."""
    known = database.execute("SELECT * FROM hours WHERE id = ?", (key(target, began),)).fetchone()
    hour = None if known is None else Hour._make(known)
    end = began + HOUR
    since = began if hour is None else hour.until
    came = list(minutes_of(database, target, since, end))
    closes = now >= end + _GRACE
    if came or (hour is not None and closes and since < end):
        made = _made(key(target, began), target, began, end if closes else came[-1].began + 1, came, hour)
        database.execute(_HOUR, _with_percentiles(made) if closes else made)
    return closes


def _made(number: int, target: int, began: int, until: int, came: Sequence[MinuteData], before: Hour | None) -> Hour:
    """Return an hour with more minutes in it than before. Its own buckets are not looked through: they are added to."""
    counts = [each.counts for each in came]
    rtt = laid_out(CoarseHistogram.merged([each.rtt for each in came]))
    response = laid_out(CoarseHistogram.merged([each.response for each in came]))
    count = len(came)
    lost = [each.located for each in came]
    if before is not None:
        lost.append(before.located)
        counts.append(before.counts)
        rtt, response = plus(before.rtt, rtt), plus(before.response, response)
        count += before.minutes
    ways = all_located(lost) or (None, None)
    return Hour(number, target, began, until, count, *Counts.of_all(counts), *rtt, *response, None, None, *ways)


def _with_percentiles(hour: Hour) -> Hour:
    p50, p99 = added_up([hour.rtt]).percentiles((50, 99))
    return hour._replace(p50=p50, p99=p99)
