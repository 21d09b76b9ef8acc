"""Probes are due where the schedule says, however many came before."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice, pairwise

from hypothesis import given, strategies as st

from netecho.measure.plan import Plan
from netecho.measure.schedule import offsets
from netecho.units import MILLISECOND, SECOND


@given(st.fractions(Fraction(1), Fraction(10 * SECOND)), st.integers(0, 10**6))
def test_the_nth_probe_is_due_at_n_intervals_rounded_down(interval: Fraction, n: int) -> None:
    due = next(islice(offsets(Plan(interval=interval)), n % 1000, None))
    assert due == (n % 1000) * interval.numerator // interval.denominator


def test_a_rate_that_is_no_whole_number_of_nanoseconds_does_not_drift() -> None:
    third = Plan(interval=Fraction(SECOND, 3))
    assert list(islice(offsets(third), 7)) == [0, 333333333, 666666666, SECOND, 1333333333, 1666666666, 2 * SECOND]


def test_a_phase_moves_the_whole_schedule() -> None:
    assert list(islice(offsets(Plan(interval=Fraction(100)), Fraction(50)), 3)) == [50, 150, 250]


def test_poisson_gaps_are_exponential_with_the_mean_asked_for() -> None:
    plan = Plan(interval=Fraction(MILLISECOND), schedule="poisson", seed=7)
    due = list(islice(offsets(plan), 20_001))
    gaps = [b - a for a, b in pairwise(due)]
    mean = sum(gaps) / len(gaps)
    assert due[0] == 0
    assert abs(mean / MILLISECOND - 1) < 0.03
    # An exponential's standard deviation is its mean, and a share of 1/e lies above it.
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert abs(deviation / mean - 1) < 0.05
    assert abs(sum(gap > mean for gap in gaps) / len(gaps) - 0.3679) < 0.02


def test_poisson_gaps_come_again_with_the_seed_and_differ_between_connections() -> None:
    plan = Plan(interval=Fraction(MILLISECOND), schedule="poisson", seed=7)
    assert list(islice(offsets(plan), 50)) == list(islice(offsets(plan), 50))
    gaps = [b - a for a, b in pairwise(islice(offsets(plan), 50))]
    others = [b - a for a, b in pairwise(islice(offsets(plan, Fraction(MILLISECOND, 2)), 50))]
    assert gaps != others
