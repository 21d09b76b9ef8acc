"""Counting times by size: any number of values in constant memory, any percentile to 0.1%.

The layout is HdrHistogram's with three significant digits, from 1 ns on: values below 2048 have a bucket each, and
each doubling above is cut into 1024 equal buckets, so a bucket is never wider than 1/1024 of the values in it.
What does not depend on buckets (count, minimum, maximum, mean, standard deviation) is exact.

This module knows nothing of probes. `Histogram.record` is on the path of every reply: it must not allocate, call or
check more than it does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from itertools import accumulate
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HALF_BITS = 10
HALF = 1 << HALF_BITS
"""Buckets of each doubling; the first doubling that has buckets wider than 1 starts at twice that."""
WIDTH_1_MASK = 2 * HALF - 1
"""The highest value that has a bucket to itself."""
DOUBLINGS = 33
BUCKETS = (DOUBLINGS + 1) * HALF
TOP = (2 * HALF << (DOUBLINGS - 1)) - 1
"""The highest value the last bucket holds: 2**43 - 1 ns, two hours and 26 minutes."""
HIGHEST_TRACKABLE = 1 << 42
"""The parameters with which HdrHistogram has the same buckets."""

_UNSEEN = 1 << 63


def index_of(value: int) -> int:
    """Return the bucket of a value, 0 to `TOP`."""
    shift = (value | WIDTH_1_MASK).bit_length() - (HALF_BITS + 1)
    return (shift << HALF_BITS) + (value >> shift)


def bounds_of(index: int) -> tuple[int, int]:
    """Return the lowest and the highest value of a bucket."""
    shift = max(0, (index >> HALF_BITS) - 1)
    low = (index - (shift << HALF_BITS)) << shift
    return low, low + (1 << shift) - 1


class Bin(NamedTuple):
    """How many values were at least `low` and below `high`."""

    low: int
    high: int
    counted: int


class Histogram:
    """Values in nanoseconds, counted. A dense one takes 272 KiB for ever, a sparse one what its few values need.

    Values above `TOP` count in the last bucket and values below 0 in the first, so their percentiles are coarse;
    `low`, `high`, `total` and `squares` have them as they are.
    """

    __slots__ = ("_counts", "_first", "_shift", "count", "high", "low", "squares", "total")

    def __init__(self, *, sparse: bool = False) -> None:
        # Not an array, which would make an object of each count that is read: 60 ns more for each value.
        self._counts: list[int] | defaultdict[int, int]
        self._counts = defaultdict(int) if sparse else [0] * BUCKETS
        self._shift = 0
        """Of the doubling that the last value above the first ones lay in: the next one mostly lies there too."""
        self._first = 0
        """The doubling's bucket, if it had all below it as well."""
        self.count = 0
        self.total = 0
        self.squares = 0
        self.low = _UNSEEN
        self.high = -_UNSEEN

    def record(self, value: int) -> None:
        """Count one value, in nanoseconds."""
        self.count += 1
        self.total += value
        self.squares += value * value
        if value > self.high:
            self.high = value
        if value < self.low:
            self.low = value
        # index_of() without its call, and mostly without its arithmetic. The literals are HALF and twice that.
        inside = value >> self._shift
        if 1024 <= inside < 2048:
            self._counts[self._first + inside] += 1
        elif 0 <= value < 2048:
            self._counts[value] += 1
        else:
            self._counts[self._bucket_elsewhere(value)] += 1

    def _bucket_elsewhere(self, value: int) -> int:
        """Return the bucket of a value in another doubling than the one before."""
        if not 0 <= value <= TOP:
            return 0 if value < 0 else BUCKETS - 1
        self._shift = shift = value.bit_length() - (HALF_BITS + 1)
        self._first = shift << HALF_BITS
        return self._first + (value >> shift)

    def add(self, other: Histogram) -> None:
        """Count everything that another histogram counted."""
        counts = self._counts
        for index, count in other.nonzero():
            counts[index] += count
        self.count += other.count
        self.total += other.total
        self.squares += other.squares
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)

    @property
    def min(self) -> int | None:
        """The lowest value, exact; None while there is none."""
        return self.low if self.count else None

    @property
    def max(self) -> int | None:
        """The highest value, exact; None while there is none."""
        return self.high if self.count else None

    @property
    def mean(self) -> float | None:
        """The arithmetic mean, exact to a float's precision; None while there is no value."""
        return self.total / self.count if self.count else None

    @property
    def stddev(self) -> float | None:
        """The population's standard deviation, as ping's mdev and HdrHistogram have it; None without a value.

        It describes the values that were counted (divisor n): 0 for a single one.
        """
        if not self.count:
            return None
        # In integers up to the division: the difference of two large sums loses nothing.
        return sqrt((self.count * self.squares - self.total * self.total) / (self.count * self.count))

    def percentile(self, percent: float) -> int | None:
        """Return one percentile; see `percentiles`."""
        return self.percentiles((percent,))[0]

    def percentiles(self, percents: Sequence[float]) -> list[int | None]:
        """Return the value that at least so many percent of all values do not exceed, for each of `percents`.

        The nearest rank, ceil(percent/100 * count), and the highest value of the bucket it falls into, as
        HdrHistogram has it; never outside [min, max]. At most 1/1024 above the exact value, never below it.
        Percents are honoured to three decimals.
        """
        if not self.count:
            return [None] * len(percents)
        ranks = {percent: max(1, -(-round(percent * 1000) * self.count // 100_000)) for percent in percents}
        found = self._at_ranks(sorted(set(ranks.values())))
        return [self._upper(found[ranks[percent]]) for percent in percents]

    def nonzero(self) -> Iterator[tuple[int, int]]:
        """Yield (bucket, count) of the buckets that counted something, in ascending order."""
        counts = self._counts
        if isinstance(counts, defaultdict):
            yield from sorted(counts.items())
        elif self.count:
            first = _clamped_index(self.low)
            last = _clamped_index(self.high)
            for index, count in enumerate(counts[first : last + 1], first):
                if count:
                    yield index, count

    def buckets(self) -> Iterator[tuple[int, int, int]]:
        """Yield (lowest value, highest value, count) of the buckets that counted something, in ascending order."""
        for index, count in self.nonzero():
            low, high = bounds_of(index)
            yield low, high, count

    def bins(self, most: int) -> tuple[Bin, ...]:
        """Return the counts in the finest bins of which there are at most `most`, in ascending order.

        A power of two neighbouring buckets make a bin, at most a doubling; bins that counted nothing are left out. So
        there may be more than `most` only where the values span more doublings. None reaches beyond [min, max].
        """
        merged = dict(self.nonzero())
        level = 0
        while len(merged) > most and level < HALF_BITS:
            level += 1
            coarser: defaultdict[int, int] = defaultdict(int)
            for index, count in merged.items():
                coarser[index >> 1] += count
            merged = coarser
        return tuple(
            Bin(max(self.low, bounds_of(index << level)[0]), self._upper(((index + 1) << level) - 1) + 1, count)
            for index, count in merged.items()
        )

    def _upper(self, index: int) -> int:
        """Return the highest value that a bucket can have counted here."""
        if index == BUCKETS - 1:
            return self.high  # it also has what is above TOP
        return max(self.low, min(self.high, bounds_of(index)[1]))

    def _at_ranks(self, ranks: Iterable[int]) -> dict[int, int]:
        """Map each of the ascending ranks (from 1) to the bucket that holds the value of that rank."""
        counts = self._counts
        if isinstance(counts, defaultdict):
            indices = sorted(counts)
            reached = list(accumulate(counts[index] for index in indices))
            return {rank: indices[bisect_left(reached, rank)] for rank in ranks}
        # A doubling at a time, summed at C speed; only those that hold a rank are looked into. This is what lets a
        # live view ask four times a second without the probes feeling it.
        found: dict[int, int] = {}
        start = _clamped_index(self.low) & -HALF
        before, page, inside = 0, counts[start : start + HALF], 0
        inside = sum(page)
        reached = []
        for rank in ranks:
            while before + inside < rank:
                before += inside
                start += HALF
                page = counts[start : start + HALF]
                inside = sum(page)
                reached = []
            if not reached:
                reached = list(accumulate(page))
            found[rank] = start + bisect_left(reached, rank - before)
        return found


def _clamped_index(value: int) -> int:
    return index_of(max(0, min(TOP, value)))
