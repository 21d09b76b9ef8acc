"""Stretches of a run in which the target did not answer.

An outage is a stretch of consecutive probes of one connection that were all lost: three at least where nothing is
known but that no reply came in time (one or two are packet loss), one where there is a word of why (the connection
was reset, refused, closed; an ICMP error came). It lasts from the sending of the first probe lost to that of the first
one answered after it; one that is not over ends when its last loss was known.

What this machine did not send (too large for the path, no room in a queue, no descriptor), or dropped when it came
back, neither makes an outage nor ends one. Outages of parallel connections that overlap are one.

Times are nanoseconds since the start of the run.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from netecho.measure.loss_reason import ON_THIS_SIDE, Loss, LossReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from netecho.measure.settled import SettledProbes

LEAST = 3
"""Consecutive timeouts that make an outage."""
KEPT = 100
"""The longest outages are kept; of the others, their time."""
_GROWING = 64
_NEVER = 1 << 62


class Outage(NamedTuple):
    """One stretch; `reason` is that of its first loss that has one."""

    start: int
    end: int
    lost: int
    reason: LossReason
    recovered: bool = True
    """Whether a probe was answered after it."""


class Outages:
    """The outages of all connections of a run that are over."""

    __slots__ = ("_kept", "_time_of_others")

    def __init__(self) -> None:
        self._kept: list[Outage] = []
        self._time_of_others = 0

    def add(self, outage: Outage) -> None:
        """Keep an outage, joined with those that it overlaps."""
        insert(self._kept, outage)
        if len(self._kept) > KEPT:
            shortest = min(self._kept, key=lambda outage: outage.end - outage.start)
            self._kept.remove(shortest)
            self._time_of_others += shortest.end - shortest.start

    def with_open(self, still_open: Iterable[Outage]) -> tuple[tuple[Outage, ...], int]:
        """Return the outages in order of time, those not over included, and what all took together."""
        outages = list(self._kept)
        for outage in still_open:
            insert(outages, outage)
        total = self._time_of_others + sum(outage.end - outage.start for outage in outages)
        while len(outages) > KEPT:
            outages.remove(min(outages, key=lambda outage: outage.end - outage.start))
        return tuple(outages), total


def insert(outages: list[Outage], outage: Outage) -> None:
    """Put an outage into a list in order of time in which none overlaps another, joined with those it overlaps."""
    begin = bisect_right(outages, outage.start, key=lambda other: other.start)
    if begin and outages[begin - 1].end >= outage.start:
        begin -= 1
    end = begin
    while end < len(outages) and outages[end].start <= outage.end:
        end += 1
    overlapped = sorted((*outages[begin:end], outage))
    outages[begin:end] = [
        Outage(
            overlapped[0].start,
            max(other.end for other in overlapped),
            sum(other.lost for other in overlapped),
            _first_known(other.reason for other in overlapped),
            all(other.recovered for other in overlapped),
        )
    ]


def _first_known(reasons: Iterable[LossReason]) -> LossReason:
    return next((reason for reason in reasons if reason is not LossReason.TIMEOUT), LossReason.TIMEOUT)


class _Stretch:
    """Consecutive probes that were lost, by number; those that were lost on this side are not counted."""

    __slots__ = ("end", "first", "known", "last", "lost", "reason", "start")

    def __init__(self, index: int, sent_at: int, known: int, why: Loss) -> None:
        counts = why.reason not in ON_THIS_SIDE
        self.first = self.last = index
        self.lost = int(counts)
        self.reason = why.reason if counts else LossReason.TIMEOUT
        self.start = sent_at if counts else _NEVER
        self.known = known if counts else 0
        """When its last loss was known."""
        self.end: int | None = None
        """When the probe after it left, which was answered; None: it was not, or not yet."""

    def join(self, later: _Stretch) -> None:
        """Take in the stretch that begins where this one ends."""
        self.last = later.last
        self.lost += later.lost
        self.reason = _first_known((self.reason, later.reason))
        self.start = min(self.start, later.start)
        self.known = max(self.known, later.known)
        self.end = later.end

    @property
    def counts(self) -> bool:
        """Whether it is an outage."""
        return self.lost >= LEAST or (self.lost > 0 and self.reason is not LossReason.TIMEOUT)

    def outage(self, origin: int) -> Outage:
        start, end = self.start - origin, (self.known if self.end is None else self.end) - origin
        return Outage(start, max(start, end), self.lost, self.reason, self.end is not None)


class OutageTracker:
    """Finds the outages of one connection, from its losses and answers in any order.

    A loss that is known by a word of why is known at once, others only at their timeout. So a stretch is kept until
    the probes on both its sides are settled.
    """

    __slots__ = ("_outages", "_settled", "origin", "stretches")

    def __init__(self, outages: Outages, settled: SettledProbes) -> None:
        """Make one; `settled` knows of each probe whether it was answered, and when it left."""
        self._outages = outages
        self._settled = settled
        self.origin = 0
        """The run's start, by the clock of the times that are given."""
        self.stretches: list[_Stretch] = []
        """Those that may still grow, in order; `answered` need not be called where there are none."""

    def lost(self, index: int, sent_at: int, now: int, why: Loss) -> None:
        """Take in that a probe is lost, and known to be since `now`; `settled` has it already."""
        stretch = _Stretch(index, sent_at, now, why)
        if self._settled.was_answered(index + 1):
            stretch.end = self._settled.sent_at(index + 1)
        at = bisect_right(self.stretches, index, key=lambda other: other.first)
        self.stretches.insert(at, stretch)
        for place in (at, at - 1):
            pair = self.stretches[max(place, 0) : place + 2]
            if len(pair) == 2 and pair[0].last + 1 == pair[1].first:
                pair[0].join(self.stretches.pop(place + 1))
        self._keep_what_may_grow()

    def answered(self, index: int, sent_at: int) -> None:
        """Take in that a probe was answered in time; `settled` has it already."""
        for stretch in self.stretches:
            if stretch.last + 1 == index:
                stretch.end = sent_at
        self._keep_what_may_grow()

    def _keep_what_may_grow(self) -> None:
        growing = [each for each in self.stretches if each.end is None or not self._settled.is_settled(each.first - 1)]
        if len(growing) == len(self.stretches) <= _GROWING:
            return
        for stretch in self.stretches:
            if stretch not in growing and stretch.counts:
                self._outages.add(stretch.outage(self.origin))
        for stretch in growing[:-_GROWING]:
            if stretch.counts:
                self._outages.add(stretch.outage(self.origin)._replace(recovered=True))
        self.stretches = growing[-_GROWING:]

    def open(self) -> Sequence[Outage]:
        """Return the outages that may yet grow; the last of them is not over, unless it `recovered`."""
        return [self._as_it_stands(stretch) for stretch in self.stretches if stretch.counts]

    def _as_it_stands(self, stretch: _Stretch) -> Outage:
        """Return a stretch as an outage; those between it and the next answered probe may be in flight for ever."""
        outage, settled = stretch.outage(self.origin), self._settled
        if not outage.recovered:
            for index in range(stretch.last + 1, settled.newest + 1):
                if settled.was_answered(index):
                    end = max(settled.sent_at(index) - self.origin, outage.start)
                    return outage._replace(end=end, recovered=True)
        return outage
