"""When probes are due: offsets from the start of a run, in nanoseconds, without end.

Offsets are computed from the count of sends, not from the send before, so that a late send never moves the ones
after it: the schedule does not drift.
"""

from __future__ import annotations

from itertools import count
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from netecho.measure.plan import Plan


def offsets(plan: Plan, phase: Fraction | int = 0) -> Iterator[int]:
    """Yield when each probe is due, for a plan with an interval above 0; the first is due at `phase`."""
    if plan.schedule == "poisson":
        return _poisson(plan, phase)
    return _even(plan.interval, phase)


def _even(interval: Fraction, phase: Fraction | int) -> Iterator[int]:
    first = int(phase)
    numerator, denominator = interval.numerator, interval.denominator
    return (first + n * numerator // denominator for n in count())


def _poisson(plan: Plan, phase: Fraction | int) -> Iterator[int]:
    """Exponential gaps of mean `interval` (RFC 2330 section 11.1.1): probes do not fall in step with the path."""
    random = Random(f"{plan.seed}/{phase}/gaps")
    rate = 1 / plan.interval
    due = float(phase)
    while True:
        yield int(due)
        due += random.expovariate(float(rate))
