"""Classic histograms as Prometheus scrapes them: counts since the start, in buckets that never change.

The bounds are the preferred numbers of IEC 60063's series E6 (a factor of 1.47), from 10 µs to 10 s: a quantile that
Prometheus makes of them is within one bucket of the exact one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

_E6 = (10, 15, 22, 33, 47, 68)
BOUNDS = (*(number * 10**decade for decade in range(3, 9) for number in _E6), 10**10)
"""Upper bounds, nanoseconds; a value that equals one is below it, as Prometheus's `le` has it."""


class Buckets:
    """Values in nanoseconds, counted in buckets."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = array("Q", bytes(8 * (len(BOUNDS) + 1)))
        """Of each bucket by itself; the last has what is above all bounds."""
        self.total = 0

    def record(self, value: int) -> None:
        """Count one value."""
        self.counts[bisect_left(BOUNDS, value)] += 1
        self.total += value
