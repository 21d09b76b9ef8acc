"""Whether one share of losses is lower than another by more than chance."""

from __future__ import annotations

from math import exp, lgamma
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Share(NamedTuple):
    """So many were lost of so many."""

    lost: int
    of: int

    def __str__(self) -> str:
        return f"{percent(self.lost, self.of)} ({self.lost:,} of {self.of:,})"


def total(shares: Iterable[Share]) -> Share:
    """Return the share of all of them together."""
    every = list(shares)
    return Share(sum(each.lost for each in every), sum(each.of for each in every))


def percent(part: int, whole: int) -> str:
    """Return a share: 0%, 0.13%, 2.1%, 31%."""
    share = 100 * part / whole if whole else 0
    return f"{share:.0f}%" if share >= 10 or not share else f"{share:.1f}%" if share >= 1 else f"{share:.2g}%"


def chance(fewer: Share, more: Share) -> float:
    """Return how likely `fewer` has as few losses by chance, were both lost alike: Fisher's exact test, one-sided."""
    lost, of = fewer.lost + more.lost, fewer.of + more.of
    if not fewer.of or not more.of or not lost:
        return 1.0
    least = max(0, lost - more.of)
    whole = _choose(of, lost)
    return min(
        1.0,
        sum(
            exp(_choose(fewer.of, each) + _choose(more.of, lost - each) - whole)
            for each in range(least, fewer.lost + 1)
        ),
    )


def _choose(of: int, some: int) -> float:
    """Return the logarithm of the binomial coefficient."""
    return lgamma(of + 1) - lgamma(some + 1) - lgamma(of - some + 1)
