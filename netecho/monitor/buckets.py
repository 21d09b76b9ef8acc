"""Histograms as Prometheus scrapes them: counts since the start, in buckets that never change.

Prometheus knows two kinds. The bounds of the classic ones are the preferred numbers of IEC 60063's series E6 (a factor
of 1.47), from 10 µs to 10 s. Those of the native ones are powers of 2^(1/8) seconds (schema 3: a factor of 1.09). A
quantile that Prometheus makes of either is within one bucket of the exact one.

A value is counted once, between the nearest two bounds of both kinds: so each kind's counts are exact.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from itertools import accumulate
from math import floor
from typing import NamedTuple

from netecho.units import SECOND

_E6 = (10, 15, 22, 33, 47, 68)
BOUNDS = (*(number * 10**decade for decade in range(3, 9) for number in _E6), 10**10)
"""Upper bounds, nanoseconds; a value that equals one is below it, as Prometheus's `le` has it."""

SCHEMA = 3
"""2^3 native buckets in each doubling."""
_LOWEST, _HIGHEST = -20, 10
ZERO_THRESHOLD = 2.0**_LOWEST
"""Seconds. Up to here, 0.95 µs, all is in the zero bucket: timestamps are no better."""
FIRST = (_LOWEST << SCHEMA) + 1
"""The number of the lowest native bucket: number n is above 2^((n-1)/8) s, up to 2^(n/8) s."""
LAST = _HIGHEST << SCHEMA
"""That of the highest, up to 1,024 s: what is longer is in it as well."""


def native_bound(number: int) -> int:
    """Return the highest value in a native bucket, nanoseconds."""
    return floor(math.pow(2, number / (1 << SCHEMA)) * SECOND)


_NATIVE = tuple(native_bound(number) for number in range(FIRST - 1, LAST))
"""The bounds of the zero bucket and of each but the last."""
_CELLS = tuple(sorted({*BOUNDS, *_NATIVE}))
_UP_TO_CLASSIC = tuple(bisect_left(_CELLS, bound) + 1 for bound in BOUNDS)
"""How many cells are up to each bound."""
_NATIVE_OF = (*(FIRST - 1 + bisect_left(_NATIVE, cell) for cell in _CELLS), LAST)
"""Of each cell its native bucket; `FIRST` - 1 is the zero bucket."""


class NativeCounts(NamedTuple):
    """The native buckets."""

    zero: int
    counted: dict[int, int]
    """By the number of the bucket, in ascending order; those that are empty are left out."""


class Buckets:
    """Values in nanoseconds, counted in buckets."""

    __slots__ = ("_cells", "total")

    def __init__(self) -> None:
        self._cells = array("Q", bytes(8 * (len(_CELLS) + 1)))
        """Each by itself; the last has what is above all bounds."""
        self.total = 0

    def record(self, value: int) -> None:
        """Count one value; one below 0 counts as 0."""
        value = max(value, 0)
        self._cells[bisect_left(_CELLS, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many values were counted."""
        return sum(self._cells)

    def classic(self) -> list[int]:
        """Return how many values are up to each of `BOUNDS`, and last how many there are."""
        reached = (0, *accumulate(self._cells))
        return [*(reached[cells] for cells in _UP_TO_CLASSIC), reached[-1]]

    def native(self) -> NativeCounts:
        """Return the counts of the native buckets."""
        counted: dict[int, int] = {}
        for number, count in zip(_NATIVE_OF, self._cells, strict=True):
            if count:
                counted[number] = counted.get(number, 0) + count
        return NativeCounts(counted.pop(FIRST - 1, 0), counted)
