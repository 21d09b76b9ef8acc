"""Round trips and losses over the time of a run, in memory that does not grow with its length.

The run is cut into periods of equal length, in order. When they have become too many, each two neighbours are merged
into one of twice the length: a run of any length is between half of `LIMIT` and `LIMIT` periods. Each keeps its round
trips in a coarse histogram of its own (16 buckets a doubling), so that its percentiles are within about 3% and
survive merging; its longest round trip is exact.

Times are integer nanoseconds since the start of the run, by the *scheduled* send: a probe that was lost has no other,
and it is where a stall began. `Timeline.replied` is on the path of every reply (0.4 µs).
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import ceil
from typing import NamedTuple

LIMIT = 240
"""Periods that are kept at most; a power of two times an odd number is merged evenly as often as possible."""
FIRST_WIDTH = 1 << 20
"""Length of a period at first, about a millisecond. Powers of two divide by a shift."""
_BITS = 5
_PER_DOUBLING = 1 << (_BITS - 1)


class Period(NamedTuple):
    """The probes that were scheduled from `start` to before `end`; percentiles are None where none was answered."""

    start: int
    end: int
    received: int
    lost: int
    p50: int | None
    p99: int | None
    max: int | None


class Worst(NamedTuple):
    """The longest round trip of a run, and when its probe was scheduled."""

    scheduled: int
    rtt: int


class _Bucket:
    """One period's round trips, counted by size."""

    __slots__ = ("cells", "lost", "max")

    def __init__(self) -> None:
        self.cells: dict[int, int] = {}
        self.lost = 0
        self.max = 0

    def merge(self, other: _Bucket) -> None:
        cells = self.cells
        for cell, count in other.cells.items():
            cells[cell] = cells.get(cell, 0) + count
        self.lost += other.lost
        self.max = max(self.max, other.max)


class Timeline:
    """A run's round trips and losses by when their probes were scheduled."""

    __slots__ = ("_buckets", "_shift", "worst")

    def __init__(self) -> None:
        self._shift = FIRST_WIDTH.bit_length() - 1
        self._buckets: list[_Bucket] = []
        """Up to the last one that a probe was in."""
        self.worst: Worst | None = None

    def replied(self, scheduled: int, rtt: int) -> None:
        """Count a round trip."""
        place = scheduled >> self._shift
        if place >= len(self._buckets):
            place = self._reach(scheduled)
        bucket = self._buckets[place]
        if rtt > bucket.max:
            bucket.max = rtt
            if self.worst is None or rtt > self.worst[1]:
                self.worst = Worst(scheduled, rtt)
        shift = rtt.bit_length() - _BITS
        cell = (shift << (_BITS - 1)) + (rtt >> shift) if shift > 0 else rtt
        cells = bucket.cells
        cells[cell] = cells.get(cell, 0) + 1

    def lost(self, scheduled: int) -> None:
        """Count a probe that was given up."""
        place = scheduled >> self._shift
        if place >= len(self._buckets):
            place = self._reach(scheduled)
        self._buckets[place].lost += 1

    def periods(self, most: int = LIMIT) -> tuple[Period, ...]:
        """Return at most `most` periods of about the same length, up to the last probe.

        They are no shorter than the mean gap between probes: where those were sent evenly, each has one.
        """
        probes = sum(bucket.lost + sum(bucket.cells.values()) for bucket in self._buckets)
        if not probes:
            return ()
        used = len(self._buckets)
        gap = (used - 1) / max(1, probes - 1)
        # With gaps below two buckets every second bucket may be empty, but none of two.
        step = max(1.0, gap if gap >= 2 else ceil(gap))
        count = ceil(used / step)
        if count > most:
            count, step = most, used / most
        # The last edge is not a multiple of the step, which may be rounded down to a bucket too few.
        edges = sorted({*(int(number * step) for number in range(count)), used})
        return tuple(self._period(first, last) for first, last in pairwise(edges))

    def _period(self, first: int, last: int) -> Period:
        whole = _Bucket()
        for bucket in self._buckets[first:last]:
            whole.merge(bucket)
        return _period(first << self._shift, last << self._shift, whole)

    def _reach(self, scheduled: int) -> int:
        """Have a period for `scheduled`, by merging if need be; return its place."""
        while scheduled >> self._shift >= LIMIT:
            self._merge()
        place = scheduled >> self._shift
        self._buckets.extend(_Bucket() for _ in range(len(self._buckets), place + 1))
        return place

    def _merge(self) -> None:
        for first, second in zip(self._buckets[::2], self._buckets[1::2], strict=False):
            first.merge(second)
        self._buckets = self._buckets[::2]
        self._shift += 1


def _period(start: int, end: int, bucket: _Bucket) -> Period:
    cells = sorted(bucket.cells)
    below = list(accumulate(bucket.cells[cell] for cell in cells))
    received = below[-1] if below else 0
    if not received:
        return Period(start, end, 0, bucket.lost, None, None, None)

    def percentile(share: float) -> int:
        rank = ceil(share * received)
        cell = cells[next(place for place, counted in enumerate(below) if counted >= rank)]
        return min(_middle(cell), bucket.max)

    return Period(start, end, received, bucket.lost, percentile(0.5), percentile(0.99), bucket.max)


def _middle(cell: int) -> int:
    """Return the middle of a cell."""
    shift = cell // _PER_DOUBLING - 1
    if shift <= 0:
        return cell
    low = (cell - shift * _PER_DOUBLING) << shift
    return low + (1 << shift >> 1)
