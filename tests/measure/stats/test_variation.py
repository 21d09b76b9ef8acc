"""ipdv and jitter against their definitions, computed the slow way."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, strategies as st

from netecho.measure.stats.variation import EDGES, Variation

RTT = st.integers(1, 10**9)


def told(*replies: tuple[int, int]) -> Variation:
    variation = Variation()
    for seq, rtt in replies:
        variation.replied(seq, rtt)
    return variation


def ipdv(replies: dict[int, int]) -> tuple[int, int]:
    """RFC 3393 with hindsight: (sum of absolute differences, pairs)."""
    differences = [abs(replies[seq + 1] - rtt) for seq, rtt in replies.items() if seq + 1 in replies]
    return sum(differences), len(differences)


def jitter(rtts: list[int]) -> float | None:
    """RFC 3550, appendix A.8, in order of arrival."""
    value = 0.0
    for before, after in itertools.pairwise(rtts):
        value += (abs(after - before) - value) / 16
    return value if len(rtts) > 1 else None


def test_nothing_and_one_reply_have_no_variation() -> None:
    assert (told().pairs, told().jitter) == (0, None)
    assert (told((0, 500)).pairs, told((0, 500)).jitter) == (0, None)


def test_in_order() -> None:
    variation = told((0, 100), (1, 260), (2, 160))
    assert (variation.ipdv_sum, variation.pairs) == (260, 2)
    assert variation.jitter == 10 + (100 - 10) / 16


def test_a_run_need_not_start_at_0() -> None:
    variation = told((7, 100), (8, 150))
    assert (variation.ipdv_sum, variation.pairs) == (50, 1)


def test_a_loss_leaves_no_pair_but_is_no_break_in_arrival() -> None:
    variation = told((0, 100), (2, 260))
    assert (variation.ipdv_sum, variation.pairs) == (0, 0)
    assert variation.jitter == 10


def test_an_overtaken_reply_still_pairs_with_both_its_neighbours() -> None:
    variation = told((0, 100), (2, 300), (1, 450), (3, 310))
    assert (variation.ipdv_sum, variation.pairs) == (350 + 150 + 10, 3)


@given(st.data())
def test_any_losses_and_any_order(data: st.DataObject) -> None:
    seqs = data.draw(st.lists(st.integers(0, 60), unique=True))
    replies = {seq: data.draw(RTT) for seq in seqs}
    variation = told(*replies.items())
    assert (variation.ipdv_sum, variation.pairs) == ipdv(replies)
    assert variation.jitter == pytest.approx(jitter(list(replies.values())))


def test_memory_is_bounded_when_every_other_probe_is_lost() -> None:
    variation = told(*((seq, 1000) for seq in range(0, 20 * EDGES, 2)))
    assert len(variation._edges) <= EDGES
    variation.replied(20 * EDGES - 3, 1500)  # the newest gap is still known
    assert (variation.ipdv_sum, variation.pairs) == (1000, 2)
    variation.replied(1, 1500)  # the oldest is not
    assert variation.pairs == 2
