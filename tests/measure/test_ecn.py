"""With which ECN codepoint packets arrived, counted in each direction."""

from __future__ import annotations

import pytest

from netecho.measure.ecn import CODEPOINTS, EcnCounter, value_of
from netecho.measure.facts.ecn import Codepoint, EcnFacts


def counts(*each: int) -> dict[str, int]:
    return dict(zip(CODEPOINTS, each, strict=True))


def test_codepoints_have_the_bits_of_rfc_3168() -> None:
    assert [value_of(each) for each in CODEPOINTS] == [0b00, 0b01, 0b10, 0b11]
    assert value_of("ect0") == 0b10
    assert value_of(None) == 0


@pytest.mark.parametrize("sent", CODEPOINTS)
def test_each_direction_counts_by_itself(sent: Codepoint) -> None:
    counter = EcnCounter(sent)
    for probe, (far, here) in enumerate([(2, 0), (2, 0), (3, 1), (0, 0)]):
        counter.replied(probe, far=far, here=here)
    assert counter.facts() == EcnFacts(sent=sent, forward=counts(1, 0, 2, 1), backward=counts(3, 1, 0, 0))


def test_the_warm_up_does_not_count() -> None:
    counter = EcnCounter("ect0", warmup=2)
    for probe in range(3):
        counter.replied(probe, far=2, here=0)
    assert counter.facts() == EcnFacts(sent="ect0", forward=counts(0, 0, 1, 0), backward=counts(1, 0, 0, 0))


def test_a_direction_of_which_nobody_says_anything_is_not_known() -> None:
    counter = EcnCounter("ce")
    counter.replied(0, here=3)
    assert counter.facts() == EcnFacts(sent="ce", forward=None, backward=counts(0, 0, 0, 1))
