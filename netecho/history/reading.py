"""Reading a history: what the targets came to in a span, by merged histograms.

Whole hours are read by their rows, what is not in them by the minute: the figures are the same. The course over time
is cut finer than into hours where the span is short, or of one target: then all is read by the minute.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from netecho.errors import UsageError
from netecho.history.database import open_for_reading
from netecho.history.hours import Hour, key
from netecho.history.minutes import minutes_of
from netecho.history.parts import Part, cut, merged
from netecho.history.rows import Outage
from netecho.monitor.windows import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.history.parts import Cut, Period, Span
    from netecho.monitor.histogram import CoarseHistogram, Packed


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetHistory:
    """One target in a span."""

    target: str
    url: str
    minutes: int
    """How many of them there are."""
    counts: Counts
    rtt: CoarseHistogram
    response: CoarseHistogram
    outages: tuple[Outage, ...]
    periods: tuple[Period, ...]


class MinuteRow(NamedTuple):
    """A minute as it was written."""

    target: str
    url: str
    began: int
    counts: Counts
    rtt: Packed
    response: Packed


def read(path: str, span: Span) -> list[TargetHistory]:
    """Return each target that has a minute or an outage in the span. Raises UsageError."""
    try:
        with closing(open_for_reading(path)) as database:
            database.execute("BEGIN")  # what is written meanwhile is not seen: an hour and its minutes fit
            return [
                found
                for number, name, url in _targets(database, span)
                if (found := _history(database, number, name, url, span)) is not None
            ]
    except sqlite3.Error as error:
        raise _unreadable(path, error) from None


def minutes(path: str, span: Span) -> Iterator[MinuteRow]:
    """Yield every minute of the span, a target after the other. Raises UsageError."""
    try:
        with closing(open_for_reading(path)) as database:
            for number, name, url in _targets(database, span):
                for minute in minutes_of(database, number, span.since, span.until):
                    yield MinuteRow(name, url, *minute)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from None


def _targets(database: sqlite3.Connection, span: Span) -> list[tuple[int, str, str]]:
    every = database.execute("SELECT id, name, url FROM targets ORDER BY name, url").fetchall()
    if span.target is None:
        return every
    named = [row for row in every if span.target in row[1:]]
    if not named:
        from difflib import get_close_matches

        near = get_close_matches(span.target, [row[1] for row in every], n=1)
        raise UsageError(f"there is no target {span.target!r} in it", f"did you mean {near[0]}?" if near else None)
    return named


def _hours(database: sqlite3.Connection, number: int, span: Span) -> Iterator[Hour]:
    """Return those that are in the span as a whole, or as far as they go."""
    query = "SELECT * FROM hours WHERE id >= ? AND id < ? AND began >= ? AND until <= ? ORDER BY id"
    ids = key(number, span.since), key(number, span.until) + 1
    return map(Hour._make, database.execute(query, (*ids, span.since, span.until)))


def _history(database: sqlite3.Connection, number: int, name: str, url: str, span: Span) -> TargetHistory | None:
    course = cut(span)
    parts: defaultdict[int, Part] = defaultdict(Part)
    found = _read_parts(database, number, span, course, parts)
    outages = _outages(database, number, name, url, span)
    if not found and not outages:
        return None
    each = parts.values()
    hours = [hour for part in each for hour in part.hours]
    periods = tuple(part.period(course.begins + place * course.width) for place, part in parts.items())
    return TargetHistory(
        target=name,
        url=url,
        minutes=found,
        counts=Counts.of_all(period.counts for period in periods) if periods else Counts(),
        rtt=merged((part.rtt for part in each), (hour.rtt for hour in hours)),
        response=merged((part.response for part in each), (hour.response for hour in hours)),
        outages=outages,
        periods=periods,
    )


def _read_parts(
    database: sqlite3.Connection, number: int, span: Span, course: Cut, parts: defaultdict[int, Part]
) -> int:
    """Read a target into the parts of a span; return how many minutes it has."""
    found = 0
    since = span.since

    def read_minutes(until: int) -> int:
        """Read what no hour has, each minute once."""
        count = 0
        for minute in minutes_of(database, number, since, until) if since < until else ():
            count += 1
            parts[(minute.began - course.begins) // course.width].add_minute(*minute[1:])
        return count

    for hour in _hours(database, number, span) if course.of_hours else ():
        found += read_minutes(hour.began) + hour.minutes
        parts[(hour.began - course.begins) // course.width].add_hour(hour)
        since = hour.until
    return found + read_minutes(span.until)


def _outages(database: sqlite3.Connection, number: int, name: str, url: str, span: Span) -> tuple[Outage, ...]:
    query = (
        "SELECT began, ended, state, reason FROM outages"
        " WHERE target = ? AND began < ? AND (ended IS NULL OR ended >= ?) ORDER BY began"
    )
    rows = database.execute(query, (number, span.until * 1000, span.since * 1000))
    return tuple(Outage(name, url, *row) for row in rows)


def _unreadable(path: str, error: sqlite3.Error) -> UsageError:
    return UsageError(
        f"{path!r} cannot be read: {error}", "if it is corrupt, sqlite3 FILE .recover saves what there is"
    )
