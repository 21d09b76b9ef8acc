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

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import erfc, sqrt
from operator import mul
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
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


class Blocks:
    """A series cut into parts of equal length (but for one value), in order, ready to be put together anew."""

    def __init__(self, values: Sequence[int]) -> None:
        """Cut `values`, of which there are at least `LEAST`."""
        number = min(STRETCHES, max(FEWEST, len(values) // SHORTEST))
        edges = [len(values) * n // number for n in range(number + 1)]
        self.parts = [values[start:end] for start, end in pairwise(edges)]
        self._sizes = [len(part) for part in self.parts]
        self._sums = [sum(part) for part in self.parts]
        self._squares = [_dot(part, part) for part in self.parts]
        ranked = sorted((value, owner) for owner, part in enumerate(self.parts) for value in part)
        self._values = [value for value, _ in ranked]
        self._owners = [owner for _, owner in ranked]
        # How many of the lowest 0, 64, 128... values each part has: with these, a percentile of a resample is found
        # by bisection and one short walk instead of a walk over everything.
        counts = [0] * number
        self._below = [counts.copy()]
        for start in range(0, len(values), _CELL):
            for owner, count in Counter(self._owners[start : start + _CELL]).items():
                counts[owner] += count
            self._below.append(counts.copy())

    def drawn(self, random: Random) -> list[int]:
        """Return how often each part is in a resample."""
        number = len(self.parts)
        counts = Counter(random.choices(range(number), k=number))
        return [counts[part] for part in range(number)]

    def mean(self, weights: Sequence[int]) -> float:
        """Return the mean of a resample."""
        return _dot(weights, self._sums) / _dot(weights, self._sizes)

    def stddev(self, weights: Sequence[int]) -> float:
        """Return the population's standard deviation of a resample."""
        count = _dot(weights, self._sizes)
        total = _dot(weights, self._sums)
        return sqrt((count * _dot(weights, self._squares) - total * total) / (count * count))

    def percentile(self, weights: Sequence[int], percent: float) -> int:
        """Return the nearest rank of a resample, as `Histogram.percentiles` has it."""
        rank = max(1, -(-round(percent * 1000) * _dot(weights, self._sizes) // 100_000))
        cell = bisect_left(self._below, rank, key=lambda below: _dot(weights, below)) - 1
        start = cell * _CELL
        before = sum(map(mul, weights, self._below[cell]))
        reached = list(accumulate(map(weights.__getitem__, self._owners[start : start + _CELL])))
        return self._values[start + bisect_left(reached, rank - before)]


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
