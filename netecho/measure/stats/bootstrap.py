"""How much a run's figures vary by themselves, and whether two runs differ by more than that.

Both tests here work on stretches of consecutive probes, not on single ones. Round trips are autocorrelated: a queue
that is full stays full for a while. A test that takes 10,000 probes for 10,000 independent witnesses calls every
second pair of runs over the same path different. Runs are therefore cut into a few long parts (what is correlated
within a part does not mislead, as with the batch means of simulation), and the parts are what is drawn or ranked:

- for a figure, the block bootstrap (Carlstein 1986): runs are put together anew from their own parts, drawn with
  replacement; the middle `CONFIDENCE` of the differences between such runs is the interval;
- for the whole location, the Mann-Whitney U test, with its correction for ties, of the medians of the parts.

Pure Python, seeded: the same runs give the same answer.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import erfc, sqrt
from operator import mul
from statistics import median
from sys import byteorder
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

STRETCHES = 20
"""Few and long ones: on autoregressive series, 64 find three times as many differences where there are none."""
FEWEST = 10
"""Blocks of short runs, in which they have less than `SHORTEST` values."""
SHORTEST = 10
LEAST = 2 * FEWEST
"""Values below which nothing is said."""
RESAMPLES = 1000
CONFIDENCE = 0.99
"""High, because many figures are tested at once: one of twenty would differ by chance at the usual 0.95."""
_CELL = 64
_COUNT: Final = "I"
"""As `array` has it: of 32 bits, in which there is room for all values of a run."""


class Blocks:
    """A series cut into parts of equal length (but for one value), in order, ready to be put together anew."""

    def __init__(self, values: Sequence[int]) -> None:
        """Cut `values`, of which there are at least `LEAST`."""
        number = min(STRETCHES, max(FEWEST, len(values) // SHORTEST))
        edges = [len(values) * n // number for n in range(number + 1)]
        self.parts = [values[start:end] for start, end in pairwise(edges)]
        self.sizes = [len(part) for part in self.parts]
        self.sums = [sum(part) for part in self.parts]
        self.squares = [_dot(part, part) for part in self.parts]
        part_of = [number for number, part in enumerate(self.parts) for _ in part]
        by_value = sorted(range(len(values)), key=values.__getitem__)
        self.ranked = [values[index] for index in by_value]
        """The values, the lowest first."""
        self.owners = bytes([part_of[index] for index in by_value])
        """The part of each of them."""
        self.below = [self._below(part) for part in range(number)]

    def resamples(self, random: Random, number: int = RESAMPLES) -> Iterator[Resample]:
        """Draw, for each of them, as many parts as there are, with replacement."""
        parts = list(range(len(self.parts)))
        drawn = random.choices(parts, k=number * len(parts))
        for start in range(0, len(drawn), len(parts)):
            weights = [0] * len(parts)
            for part in drawn[start : start + len(parts)]:
                weights[part] += 1
            yield Resample(self, weights)

    def _below(self, part: int) -> int:
        """Return how many of the lowest 0, 64, 128... values a part has, the counts side by side in one integer."""
        owners = self.owners
        counts = (owners.count(part, start, start + _CELL) for start in range(0, len(owners), _CELL))
        return int.from_bytes(array(_COUNT, accumulate(counts, initial=0)), byteorder)


class Resample:
    """A series put together anew, with each part as often as `weights` says. It is never built."""

    __slots__ = ("_below", "_blocks", "_count", "weights")

    def __init__(self, blocks: Blocks, weights: Sequence[int]) -> None:
        self.weights = weights
        self._blocks = blocks
        self._count = _dot(weights, blocks.sizes)
        self._below: memoryview | None = None

    def mean(self) -> float:
        """Return the mean."""
        return _dot(self.weights, self._blocks.sums) / self._count

    def stddev(self) -> float:
        """Return the population's standard deviation."""
        total = _dot(self.weights, self._blocks.sums)
        squares = _dot(self.weights, self._blocks.squares)
        return sqrt((self._count * squares - total * total) / (self._count * self._count))

    def percentile(self, percent: float) -> int:
        """Return the nearest rank, as `Histogram.percentiles` has it: by bisection, and one short walk."""
        rank = max(1, -(-round(percent * 1000) * self._count // 100_000))
        if (below := self._below) is None:
            below = self._below = self._counts()
        cell = bisect_left(below, rank) - 1
        start = cell * _CELL
        owners = self._blocks.owners[start : start + _CELL]
        reached = list(accumulate(map(self.weights.__getitem__, owners)))
        return self._blocks.ranked[start + bisect_left(reached, rank - below[cell])]

    def _counts(self) -> memoryview:
        """Return how many of the lowest 0, 64, 128... values of the series it has: all by one product for each part."""
        cells = -(-len(self._blocks.owners) // _CELL) + 1
        counts = _dot(self.weights, self._blocks.below).to_bytes(cells * array(_COUNT).itemsize, byteorder)
        return memoryview(counts).cast(_COUNT)


def _dot(first: Sequence[int], second: Sequence[int]) -> int:
    total: int = sum(map(mul, first, second))
    return total


def interval(before: Sequence[float], after: Sequence[float], parts: int) -> tuple[float, float]:
    """Return where the middle `CONFIDENCE` of the differences lies, of a figure in the resamples of two runs.

    With few `parts` a bootstrap's interval is too short, as a normal one is beside Student's: it is widened by
    (parts + 1) / (parts - 1), a tenth for 20, a little more than Student's t with Bessel's correction asks for.
    """
    differences = sorted(second - first for first, second in zip(before, after, strict=True))
    tail = round(len(differences) * (1 - CONFIDENCE) / 2)
    middle = differences[len(differences) // 2]
    wider = (parts + 1) / (parts - 1)
    return middle + (differences[tail] - middle) * wider, middle + (differences[-1 - tail] - middle) * wider


@dataclass(frozen=True, slots=True)
class RankTest:
    """The Mann-Whitney U test of two series: the two-sided p by the normal approximation, with ties corrected."""

    u: float
    """Pairs in which the second is higher, ties counting half."""
    p_value: float
    higher: float
    """The share of such pairs: 0.5 where neither series is higher."""

    @property
    def within_noise(self) -> bool:
        """Whether chance explains it, at `CONFIDENCE`."""
        return self.p_value > 1 - CONFIDENCE


def mann_whitney(before: Sequence[float], after: Sequence[float]) -> RankTest:
    """Test whether one series tends to be higher than the other; both have values (Mann and Whitney 1947)."""
    ranked = sorted([(value, 0) for value in before] + [(value, 1) for value in after])
    n, m, total = len(before), len(after), len(ranked)
    rank_sum, ties, start = 0.0, 0, 0
    while start < total:
        end, seconds = start, 0
        while end < total and ranked[end][0] == ranked[start][0]:
            seconds += ranked[end][1]
            end += 1
        rank_sum += seconds * (start + 1 + end) / 2  # the mean of the ranks start + 1 to end
        ties += (end - start) ** 3 - (end - start)
        start = end
    u = rank_sum - m * (m + 1) / 2
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return RankTest(u, 1.0, u / (n * m))
    distance = max(0.0, abs(u - n * m / 2) - 0.5)
    return RankTest(u, erfc(distance / sqrt(2 * variance)), u / (n * m))


def location(before: Blocks, after: Blocks) -> RankTest:
    """Test whether one run's stretches tend to be higher than the other's, by their medians."""
    return mann_whitney([median(part) for part in before.parts], [median(part) for part in after.parts])
