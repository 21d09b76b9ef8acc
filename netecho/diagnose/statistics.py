"""What a number of losses says, and what may be chance. Shares are of 1."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_Z = 1.959964
"""Of a confidence of 95%, two-sided."""
_SIGMAS = 6.0
"""How far from its mean a statistic must lie before shares are said to differ: less often than once in 10,000 runs."""


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


def differ(parts: Sequence[tuple[int, int]]) -> bool:
    """Tell whether parts, each so many hits of so many, have shares that differ by more than chance.

    Pearson's chi-squared against one common share. Its variance is taken for small counts as well (Haldane 1940),
    where the usual tables do not hold.
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
    return statistic > freedom + _SIGMAS * math.sqrt(max(variance, 2 * freedom))


def bursts(lost: Sequence[bool]) -> float | None:
    """Return the mean length of the runs of losses, where they come in bursts; None where they may be independent.

    Wald and Wolfowitz: of independent losses the number of runs is known, and with it how many it may be fewer.
    """
    count, n = sum(lost), len(lost)
    if count < 4 or count == n:
        return None
    runs = sum(1 for before, here in zip((False, *lost), lost, strict=False) if here and not before)
    expected = count * (n - count + 1) / n
    deviation = math.sqrt(max(expected * (count - 1) * (n - count) / (n * max(n - 1, 1)), 1e-9))
    return count / runs if runs < expected - 4 * deviation and count / runs >= 2 else None


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

    The gap must be four times what either group is wide in itself, its outermost values left out.
    """
    ordered = sorted(values)
    if len(ordered) < 4:
        return None
    at = max(range(1, len(ordered)), key=lambda n: ordered[n] - ordered[n - 1])
    found = Split(tuple(ordered[:at]), tuple(ordered[at:]))
    width = max(_width(found.below), _width(found.above))
    return found if found.gap > 4 * width else None


def _width(group: Sequence[float]) -> float:
    middle = median(group)
    return 2 * median(abs(each - middle) for each in group)
