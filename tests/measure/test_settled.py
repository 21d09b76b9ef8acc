"""What became of a probe is remembered until a newer one takes its place."""

from __future__ import annotations

from fractions import Fraction

import pytest

from netecho.measure.plan import Plan
from netecho.measure.settled import LEAST, MOST, Again, SettledProbes, capacity
from netecho.units import MILLISECOND, SECOND


def test_a_reply_to_a_lost_probe_is_late_once_and_then_a_duplicate() -> None:
    settled = SettledProbes(4)
    settled.sent(0, 100)
    settled.lost(0)
    assert [settled.answered_again(0) for _ in range(3)] == [Again.LATE, Again.DUPLICATE, Again.DUPLICATE]
    assert settled.sent_at(0) == 100


def test_a_reply_to_an_answered_probe_is_a_duplicate() -> None:
    settled = SettledProbes(4)
    settled.sent(0, 100)
    settled.answered(0)
    assert settled.was_answered(0)
    assert settled.answered_again(0) is Again.DUPLICATE


def test_what_was_never_sent_or_is_forgotten_is_unknown() -> None:
    settled = SettledProbes(4)
    for index in range(5):
        settled.sent(index, index)
        settled.answered(index)
    assert [settled.answered_again(index) for index in (-1, 0, 5)] == [Again.UNKNOWN] * 3
    assert [settled.was_answered(index) for index in (-1, 0, 1, 4, 5)] == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (Plan(), LEAST),
        (Plan(count=None, interval=Fraction(MILLISECOND)), 4096),
        (Plan(count=None, interval=Fraction(1000), timeout=2 * SECOND), MOST),
        (Plan(count=None, interval=Fraction(0)), MOST),
        (Plan(count=None, interval=Fraction(0), connections=2000), LEAST),
    ],
)
def test_as_many_are_remembered_as_can_be_outstanding_twice_over(plan: Plan, expected: int) -> None:
    assert capacity(plan) == expected
