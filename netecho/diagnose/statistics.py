"""What a number of losses says, and what may be chance. Shares are of 1."""

from __future__ import annotations

import math
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_Z = 1.959964
"""Of a confidence of 95%, two-sided."""
_SIGMAS = 6.0
"""How far from its mean a statistic must lie before shares are said to differ: less often than once in 10,000 runs."""

_RANKS = 4.0
"""How many deviations of the rank of a median the interval around it reaches: less often than once in 10,000 runs."""
_BY_CHANCE = 0.01
"""A probability below which something is not taken for chance."""
_SIDE_BY_SIDE = 11
_MANY = 4
"""Values of a group that say how wide it is."""
_IN_A_ROW = 0.001
"""A probability below which places that lie side by side do not by chance."""


class Interval(NamedTuple):
    """Where a share lies, with 95% confidence."""

    low: float
    high: float


def interval(hits: int, of: int) -> Interval:
    """Return where the share behind `hits` of `of` lies: Wilson's interval, which holds at 0 and at 1 as well."""
    if not of:
        return Interval(0.0, 1.0)
    share, z2 = hits / of, _Z * _Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def differ(parts: Sequence[tuple[int, int]], effect: float = 1.0) -> bool:
    """Tell whether parts, each so many hits of so many, have shares that differ by more than chance.

    Pearson's chi-squared against one common share. Its variance is taken for small counts as well (Haldane 1940),
    where the usual tables do not hold. `effect` is the design effect where hits are not independent of each other
    (Rao and Scott 1984): see `design_effect`.
    """
    parts = [(hits, of) for hits, of in parts if of]
    hits, of = sum(each for each, _ in parts), sum(each for _, each in parts)
    if len(parts) < 2 or hits in (0, of):
        return False
    share = hits / of
    spread = share * (1 - share)
    statistic = sum((each - share * number) ** 2 / (share * (1 - share) * number) for each, number in parts)
    freedom = len(parts) - 1
    variance = 2 * freedom + sum((1 - 6 * spread) / (spread * number) for _, number in parts)
    return statistic / effect > freedom + _SIGMAS * math.sqrt(max(variance, 2 * freedom))


def design_effect(parts: Sequence[Sequence[tuple[int, int]]]) -> float:
    """Return how many times as much hits vary as independent ones would: 1 where they are, or nothing can be said.

    Each part comes in clusters, each so many hits of so many: probes of one size that left together. Losses that come
    all at once make some clusters full and others empty; that is the part's doing only where it happens in most.
    """
    statistic, freedom = 0.0, 0
    for clusters in parts:
        hits, of = sum(each for each, _ in clusters), sum(each for _, each in clusters)
        if hits in (0, of):
            continue  # whatever the clusters are, they are alike
        share = hits / of
        statistic += sum((each - share * number) ** 2 / (share * (1 - share) * number) for each, number in clusters)
        freedom += len(clusters) - 1
    return max(1.0, statistic / freedom) if freedom else 1.0


def by_chance(missing: Sequence[int], others: tuple[int, int]) -> bool:
    """Tell whether groups of which nothing came back may have been unlucky: `missing` is how many each had sent.

    `others` is how many of all the rest were lost, of how many. That loss is taken to be as high as it may be, and any
    choice of as many groups out of those that there could be counts: eleven, of what is tried side by side.
    """
    share = interval(*others).high
    choices = math.comb(max(_SIDE_BY_SIDE, len(missing)), len(missing))
    return choices * share ** sum(missing) > _BY_CHANCE


class Groups(NamedTuple):
    """Parts in two groups, as their places in what was given."""

    low: tuple[int, ...]
    high: tuple[int, ...]


def two_groups(parts: Sequence[tuple[int, int]]) -> Groups:
    """Return the parts in two groups of one share each, as is most likely; each part is so many hits of so many."""
    order = sorted(range(len(parts)), key=lambda n: parts[n][0] / max(parts[n][1], 1))
    ordered = [parts[n] for n in order]
    at = max(range(1, len(order)), key=lambda n: _likelihood(ordered[:n]) + _likelihood(ordered[n:]))
    return Groups(tuple(sorted(order[:at])), tuple(sorted(order[at:])))


def is_in_a_row(places: Sequence[int], of: int) -> bool:
    """Tell whether places out of so many, in a circle, lie side by side more than chosen ones would.

    The number of circular runs of a random choice is known (Stevens 1939).
    """
    count, chosen = len(places), set(places)
    if not 0 < count < of:
        return False
    runs = sum(place in chosen and (place + 1) % of not in chosen for place in range(of))
    fewer = sum(math.comb(count - 1, n - 1) * math.comb(of - count - 1, n - 1) * of / n for n in range(1, runs + 1))
    return fewer / math.comb(of, count) < _IN_A_ROW


def _likelihood(parts: Sequence[tuple[int, int]]) -> float:
    """Return the logarithm of how likely the hits are, if all parts have the share that suits them best."""
    hits, of = sum(each for each, _ in parts), sum(each for _, each in parts)
    return sum(count * math.log(count / of) for count in (hits, of - hits) if count)


class Bursts(NamedTuple):
    """Runs of losses, in probes."""

    length: float
    """The mean."""
    around: float
    """The mean length of the run that a loss is in: how many losses are one event, which is a design effect."""


def bursts(lost: Sequence[bool]) -> Bursts | None:
    """Return how long the runs of losses are, where they come in bursts; None where they may be independent.

    Wald and Wolfowitz: of independent losses the number of runs is known, and with it how many it may be fewer.
    """
    count, n = sum(lost), len(lost)
    if count < 4 or count == n:
        return None
    lengths = [sum(1 for _ in run) for gone, run in groupby(lost) if gone]
    runs = len(lengths)
    expected = count * (n - count + 1) / n
    deviation = math.sqrt(max(expected * (count - 1) * (n - count) / (n * max(n - 1, 1)), 1e-9))
    if runs >= expected - 4 * deviation or count < 2 * runs:
        return None
    return Bursts(count / runs, sum(length * length for length in lengths) / count)


class Split(NamedTuple):
    """Two groups of values, with the largest gap between."""

    below: tuple[float, ...]
    above: tuple[float, ...]

    @property
    def gap(self) -> float:
        """From the highest of the lower group to the lowest of the upper one."""
        return self.above[0] - self.below[-1]


def split(values: Sequence[float]) -> Split | None:
    """Return the two groups that values fall into, where the gap between stands out; None where there is one group.

    The gap must be four times what the lower group is wide in itself, its outermost values left out; where that has few
    values, what either is. The upper one may be as wide as it likes: what delays also varies.
    """
    ordered = sorted(values)
    if len(ordered) < 4:
        return None
    at = max(range(1, len(ordered)), key=lambda n: ordered[n] - ordered[n - 1])
    found = Split(tuple(ordered[:at]), tuple(ordered[at:]))
    width = _width(found.below) if len(found.below) >= _MANY else max(_width(found.below), _width(found.above))
    return found if found.gap > 4 * width else None


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return between which values the median behind these lies, of whatever distribution: less than once in 10,000 not.

    By their ranks, of which the median's is binomial; all of them, where they are few.
    """
    ordered, n = sorted(values), len(values)
    half = _RANKS * math.sqrt(n) / 2
    return ordered[max(0, int(n / 2 - half))], ordered[min(n - 1, int(n / 2 + half))]


def fastest(values: Sequence[float]) -> float:
    """Return what a tenth of the values stays below, without the few that have no like."""
    return sorted(values)[len(values) // 10]


def _width(group: Sequence[float]) -> float:
    middle = median(group)
    return 2 * median(abs(each - middle) for each in group)
