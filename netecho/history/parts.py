"""The parts that a span is cut into, to show it over time, and what is read of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.history.hours import HOUR
from netecho.monitor.dense import added_up
from netecho.monitor.histogram import CoarseHistogram, Packed
from netecho.monitor.windows import Counts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netecho.history.hours import Hour

PERIODS = 60
"""Parts at most."""
FINE = 6 * HOUR
"""Seconds of all targets that are read by the minute at most."""


class Span(NamedTuple):
    """What is asked for; seconds since 1970, `until` not included."""

    since: int
    until: int
    target: str | None = None
    """None: all."""


class Period(NamedTuple):
    """A part of the span; percentiles are None where nothing was received."""

    began: int
    counts: Counts
    p50: int | None
    p99: int | None


class Cut(NamedTuple):
    """Where the parts begin, and how long each is; seconds."""

    begins: int
    width: int

    @property
    def of_hours(self) -> bool:
        """Whether each part is made of whole hours."""
        return self.width % HOUR == 0


def cut(span: Span) -> Cut:
    """Cut a span: into hours where it is long, or of so many targets that minutes would take long."""
    length = span.until - span.since
    width = max(60, -(-length // PERIODS))
    if width < HOUR and (span.target is not None or length <= FINE):
        return Cut(span.since, width)
    begins = span.since // HOUR * HOUR
    return Cut(begins, -(-(span.until - begins) // (PERIODS * HOUR)) * HOUR)


def from_whole_hours(span: Span) -> Span:
    """Return a span that is cut into hours from its first whole one on: the hour before it, which began earlier."""
    return span._replace(since=cut(span).begins)


class Part:
    """What is read of a part."""

    def __init__(self) -> None:
        self.counts: list[Counts] = []
        self.hours: list[Hour] = []
        self.rtt: CoarseHistogram | None = None
        """Of the minutes alone, where there are some; so is `response`."""
        self.response: CoarseHistogram | None = None

    def add_minute(self, counts: Counts, rtt: Packed, response: Packed) -> None:
        """Take in a minute."""
        self.counts.append(counts)
        if self.rtt is None or self.response is None:
            self.rtt, self.response = CoarseHistogram(), CoarseHistogram()
        self.rtt.add(rtt)
        self.response.add(response)

    def add_hour(self, hour: Hour) -> None:
        """Take in an hour."""
        self.counts.append(hour.counts)
        self.hours.append(hour)

    def period(self, began: int) -> Period:
        """Return it as it is shown."""
        p50, p99 = (self.hours[0].p50, self.hours[0].p99) if len(self.hours) == 1 else (None, None)
        if p50 is None or self.rtt is not None:
            p50, p99 = merged([self.rtt], [hour.rtt for hour in self.hours]).percentiles((50, 99))
        counts = self.counts[0] if len(self.counts) == 1 else Counts.of_all(self.counts)
        return Period(began, counts, p50, p99)


def merged(minutes: Iterable[CoarseHistogram | None], hours: Iterable[Packed]) -> CoarseHistogram:
    """Return all that was counted in minutes, and in hours as `monitor.dense` lays them out."""
    whole = added_up(hours)
    for each in minutes:
        if each is not None:
            whole.merge(each)
    return whole
