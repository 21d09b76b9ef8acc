"""Reading a history: what the targets came to in a span, by merged histograms."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from netecho.errors import UsageError
from netecho.history.database import open_for_reading
from netecho.history.rows import Outage
from netecho.monitor.histogram import CoarseHistogram, Packed
from netecho.monitor.windows import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator

PERIODS = 60
"""Parts that a span is cut into, to show it over time."""


class Period(NamedTuple):
    """A part of the span; percentiles are None where nothing was received."""

    began: int
    counts: Counts
    p50: int | None
    p99: int | None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is asked for; seconds since 1970, `until` not included."""

    since: int
    until: int
    target: str | None = None
    """None: all."""


class _Part:
    """What is read of a part of the span."""

    def __init__(self) -> None:
        self.counts: list[Counts] = []
        self.rtt = CoarseHistogram()
        self.response = CoarseHistogram()


def read(path: str, span: Span) -> list[TargetHistory]:
    """Return each target that has a minute or an outage in the span. Raises UsageError."""
    try:
        with closing(open_for_reading(path)) as database:
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
                for row in _minutes(database, number, span):
                    yield MinuteRow(name, url, row[0], Counts(*row[1:9]), Packed(*row[9:14]), Packed(*row[14:19]))
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


def _minutes(database: sqlite3.Connection, number: int, span: Span) -> sqlite3.Cursor:
    query = "SELECT * FROM minutes WHERE target = ? AND began >= ? AND began < ? ORDER BY began"
    cursor = database.execute(query, (number, span.since, span.until))
    cursor.row_factory = lambda _, row: row[1:]
    return cursor


def _history(database: sqlite3.Connection, number: int, name: str, url: str, span: Span) -> TargetHistory | None:
    width = max(60, -(-(span.until - span.since) // PERIODS))
    parts: defaultdict[int, _Part] = defaultdict(_Part)
    found = 0
    for row in _minutes(database, number, span):
        found += 1
        # Each minute is unpacked once, for its part of the span; the whole is made of the parts.
        part = parts[(row[0] - span.since) // width]
        part.counts.append(Counts(*row[1:9]))
        part.rtt.add(Packed(*row[9:14]))
        part.response.add(Packed(*row[14:19]))
    outages = _outages(database, number, name, url, span)
    if not found and not outages:
        return None
    periods = tuple(
        Period(span.since + place * width, Counts.of_all(part.counts), *part.rtt.percentiles((50, 99)))
        for place, part in parts.items()
    )
    return TargetHistory(
        target=name,
        url=url,
        minutes=found,
        counts=Counts.of_all(period.counts for period in periods) if periods else Counts(),
        rtt=CoarseHistogram.merged([part.rtt.packed() for part in parts.values()]),
        response=CoarseHistogram.merged([part.response.packed() for part in parts.values()]),
        outages=outages,
        periods=periods,
    )


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
