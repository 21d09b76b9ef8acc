"""The parts that a span is cut into, to show it over time, and what is read of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.history.hours import HOUR
from netecho.history.minutes import all_located
from netecho.monitor.dense import added_up
from netecho.monitor.histogram import CoarseHistogram
from netecho.monitor.windows import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.history.hours import Hour
    from netecho.history.minutes import MinuteData
    from netecho.monitor.directions import Located

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
    sent: int
    received: int
    lost: int
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


class Minutes:
    """Minutes of a part that are in no hour."""

    __slots__ = ("count", "counts", "located", "response", "rtt")

    def __init__(self) -> None:
        self.count = 0
        self.counts = Counts()
        self.located: Located | None = None
        self.rtt = CoarseHistogram()
        self.response = CoarseHistogram()

    def add(self, minute: MinuteData, *, response: bool) -> None:
        """Take in one more, with its response times or without."""
        self.count += 1
        self.counts = Counts.of_all((self.counts, minute.counts))
        self.located = all_located((self.located, minute.located))
        self.rtt.add(minute.rtt)
        if response:
            self.response.add(minute.response)


def period(began: int, hours: Sequence[Hour], minutes: Minutes | None) -> Period:
    """Return a part as it is shown."""
    if minutes is None and len(hours) == 1 and hours[0].p50 is not None:
        (hour,) = hours
        return Period(began, hour.sent, hour.received, hour.lost, hour.p50, hour.p99)
    rtt = added_up([hour.rtt for hour in hours])
    counts = [hour.counts for hour in hours]
    if minutes is not None:
        rtt.merge(minutes.rtt)
        counts.append(minutes.counts)
    whole = Counts.of_all(counts)
    return Period(began, whole.sent, whole.received, whole.lost, *rtt.percentiles((50, 99)))
