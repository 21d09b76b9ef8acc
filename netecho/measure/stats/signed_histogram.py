"""Counting times that may be negative: a one-way delay between two clocks is its own length plus what they differ by.

Two histograms, of what is above a base and of what is below it. The base is near the values, so the difference of the
clocks, which may be hours, costs no precision; and nothing is cut off at zero, which would hide a bad clock.
"""

from __future__ import annotations

from math import ceil, sqrt
from typing import TYPE_CHECKING

from netecho.measure.stats.distribution import PERCENTS, Distribution
from netecho.measure.stats.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterator


class SignedHistogram:
    """Values in nanoseconds of either sign, counted in constant memory.

    Percentiles are within 1/1024 of a value's distance from the base; the rest is exact.
    """

    __slots__ = ("_above", "_below", "base")

    def __init__(self, base: int = 0, *, sparse: bool = False) -> None:
        self.base = base
        self._above = Histogram(sparse=sparse)
        # Sparse: with a good base there is little or nothing below it.
        self._below = Histogram(sparse=True)

    @property
    def count(self) -> int:
        """How many values were counted."""
        return self._above.count + self._below.count

    def record(self, value: int) -> None:
        """Count one value."""
        distance = value - self.base
        if distance >= 0:
            self._above.record(distance)
        else:
            self._below.record(-distance)

    def distribution(self) -> Distribution:
        """Return the figures so far."""
        above, below, base, count = self._above, self._below, self.base, self.count
        if not count:
            return Distribution()
        total = above.total - below.total
        squares = above.squares + below.squares
        low = -below.high if below.count else above.low
        high = above.high if above.count else -below.low
        p50, p90, p95, p99, p99_9 = (
            base + max(low, min(high, value)) for value in self._at([ceil(each * count / 100) for each in PERCENTS])
        )
        return Distribution(
            count=count,
            min=base + low,
            mean=base + total / count,
            stddev=sqrt((count * squares - total * total) / (count * count)),
            p50=p50,
            p90=p90,
            p95=p95,
            p99=p99,
            p99_9=p99_9,
            max=base + high,
        )

    def _at(self, ranks: list[int]) -> list[int]:
        """Return the distance from the base of the value of each rank (from 1, ascending): its bucket's highest."""
        found = []
        reached = 0
        buckets = self._ascending()
        highest = 0
        for rank in ranks:
            while reached < rank:
                highest, counted = next(buckets)
                reached += counted
            found.append(highest)
        return found

    def _ascending(self) -> Iterator[tuple[int, int]]:
        for low, _, counted in reversed(list(self._below.buckets())):
            yield -low, counted
        for _, high, counted in self._above.buckets():
            yield high, counted
