"""Reading a history: what the targets came to in a span, by merged histograms.

Whole hours are read by their rows, what is not in them by the minute: the figures are the same. The course over time
is cut finer than into hours where the span is short, or of one target: then all is read by the minute.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from netecho.errors import UsageError
from netecho.history.database import open_for_reading
from netecho.history.hours import hours_of
from netecho.history.minutes import all_located, minutes_of
from netecho.history.parts import Minutes, cut, period
from netecho.history.rows import Outage
from netecho.monitor.dense import added_columns
from netecho.monitor.histogram import CoarseHistogram
from netecho.monitor.windows import Counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from netecho.history.hours import Hour
    from netecho.history.parts import Cut, Period, Span
    from netecho.monitor.directions import Located
    from netecho.monitor.histogram import Packed


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetHistory:
    """One target in a span."""

    target: str
    url: str
    minutes: int
    """How many of them there are."""
    counts: Counts
    located: Located | None
    """Of those that were lost; None where the far end did not stamp."""
    rtt: CoarseHistogram
    response: CoarseHistogram | None
    """None where it was not asked for."""
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
    located: Located | None


def read(path: str, span: Span, *, responses: bool = True) -> list[TargetHistory]:
    """Return each target that has a minute or an outage in the span. Raises UsageError.

    Without the response times, which are not shown everywhere, it takes a third less.
    """
    try:
        with closing(open_for_reading(path)) as database:
            database.execute("BEGIN")  # what is written meanwhile is not seen: an hour and its minutes fit
            return [
                found
                for number, name, url in _targets(database, span)
                if (found := _history(database, number, name, url, span, responses)) is not None
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


def _history(
    database: sqlite3.Connection, number: int, name: str, url: str, span: Span, responses: bool
) -> TargetHistory | None:
    course = cut(span)
    hours = hours_of(database, number, span.since, span.until, responses=responses) if course.of_hours else []
    minutes = _minutes_between(database, number, span, course, hours, responses=responses)
    outages = _outages(database, number, name, url, span)
    if not (hours or minutes or outages):
        return None
    periods = tuple(_periods(course, hours, minutes))
    totals = _totals(hours, minutes.values())
    response = _responses(hours, minutes.values()) if responses else None
    return TargetHistory(target=name, url=url, outages=outages, periods=periods, response=response, **totals)


def _minutes_between(
    database: sqlite3.Connection, number: int, span: Span, course: Cut, hours: Sequence[Hour], *, responses: bool
) -> dict[int, Minutes]:
    """Return the minutes that no hour has, by the part that they are in."""
    found: dict[int, Minutes] = {}

    def read_minutes(since: int, until: int) -> None:
        for minute in minutes_of(database, number, since, until):
            place = (minute.began - course.begins) // course.width
            if place not in found:
                found[place] = Minutes()
            found[place].add(minute, response=responses)

    since = span.since
    for hour in hours:
        if since < hour.began:
            read_minutes(since, hour.began)
        since = hour.until
    read_minutes(since, span.until)
    return found


def _totals(hours: Sequence[Hour], minutes: Iterable[Minutes]) -> dict[str, Any]:
    """Return what a target came to: of hours by the columns of their table, which is a third of the time."""
    rtt = CoarseHistogram()
    count, counts, located = 0, Counts(), None
    if hours:
        columns = tuple(zip(*hours, strict=True))
        count, counts = sum(columns[4]), Counts(*map(sum, columns[5:13]))
        rtt = added_columns(*columns[13:18])
        if any(each is not None for each in columns[25]):
            located = all_located([hour.located for hour in hours])
    for some in minutes:
        count += some.count
        counts, located = Counts.of_all((counts, some.counts)), all_located((located, some.located))
        rtt.merge(some.rtt)
    return {"minutes": count, "counts": counts, "located": located, "rtt": rtt}


def _responses(hours: Sequence[Hour], minutes: Iterable[Minutes]) -> CoarseHistogram:
    merged = added_columns(*zip(*(hour[18:23] for hour in hours), strict=True)) if hours else CoarseHistogram()
    for some in minutes:
        merged.merge(some.response)
    return merged


def _periods(course: Cut, hours: Sequence[Hour], minutes: Mapping[int, Minutes]) -> Iterator[Period]:
    begins, width = course
    by_place: defaultdict[int, list[Hour]] = defaultdict(list)
    for hour in hours:
        by_place[(hour.began - begins) // width].append(hour)
    for place in sorted({*by_place, *minutes}):
        yield period(begins + place * width, by_place.get(place, ()), minutes.get(place))


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
