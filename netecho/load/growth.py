"""When one more flow of load helps no more: draft-ietf-ippm-responsiveness-09 section 4.4."""

from __future__ import annotations

from statistics import fmean, pstdev
from typing import TYPE_CHECKING

from netecho.load.parameters import MAD, SDT

if TYPE_CHECKING:
    from collections.abc import Sequence


def moving_averages(values: Sequence[float]) -> list[float]:
    """Return for each interval the average of it and those before it, `MAD` of them where there are as many."""
    return [fmean(values[max(0, n + 1 - MAD) : n + 1]) for n in range(len(values))]


def is_stable(averages: Sequence[float]) -> bool:
    """Tell whether the last `MAD` moving averages differ by no more than `SDT` percent of the latest."""
    if len(averages) < MAD:
        return False
    return pstdev(averages[-MAD:]) <= SDT / 100 * averages[-1]


class Growth:
    """The goodput of each interval so far; it is saturated once it was stable."""

    def __init__(self) -> None:
        self.saturated = False
        self._goodputs: list[float] = []

    def interval(self, goodput: float) -> bool:
        """Take in the goodput of an interval; return whether one more flow may help."""
        self._goodputs.append(goodput)
        self.saturated = self.saturated or is_stable(moving_averages(self._goodputs))
        return not self.saturated
