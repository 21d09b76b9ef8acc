"""Histograms as integers: what is added up is what was counted, however much, and whatever stands in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, strategies as st

from netecho.monitor import dense
from netecho.monitor.dense import added_up, laid_out, plus
from netecho.monitor.histogram import NOTHING, CoarseHistogram, Packed
from tests.monitor.test_histogram import TIMES, of

if TYPE_CHECKING:
    import pytest


@given(st.lists(st.lists(TIMES)))
def test_what_is_added_up_is_what_was_counted(parts: list[list[int]]) -> None:
    whole = added_up(laid_out(of(part)) for part in parts)
    assert whole.packed() == of(value for part in parts for value in part).packed()


def test_more_values_than_a_bucket_has_bits_for_are_added_up_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "_FULL", 100)
    part = laid_out(of([5] * 40))
    for times in range(8):
        whole = added_up([part] * times)
        assert (whole.count, dict(whole.cells)) == (40 * times, {5: 40 * times} if times else {})
    most = CoarseHistogram()
    most.count_all(Packed(1 << 40, 0, 0, 0))
    most.add_cells({7: 1 << 40})
    assert dict(added_up([laid_out(most)]).cells) == {7: 99}


@given(st.lists(TIMES), st.lists(TIMES))
def test_two_together_are_laid_out_as_their_values_are(one: list[int], other: list[int]) -> None:
    assert plus(laid_out(of(one)), laid_out(of(other))) == laid_out(of(one + other))


def test_nothing_comes_to_nothing() -> None:
    assert laid_out(CoarseHistogram()) == NOTHING
    assert added_up([]).packed() == added_up([NOTHING, NOTHING]).packed() == NOTHING


@given(st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=40))))
def test_any_bytes_are_added_up_without_an_error(parts: list[tuple[int, bytes]]) -> None:
    whole = added_up([Packed(counted, counted, 0, 1 << 60, cells) for counted, cells in parts])
    assert whole.count == sum(counted for counted, _ in parts)
    assert all(value is None or value >= 0 for value in whole.percentiles((0.1, 50, 100)))


def test_a_bucket_that_is_none_takes_no_memory() -> None:
    assert dict(added_up([Packed(1, 1, 1, 1, b"\xff\xff\xff\xff\x01\x00\x00\x00")]).cells) == {}
    wild = CoarseHistogram()
    wild.add(Packed(2, 2, 1, 1, b"\x01\x01\xff\xff\xff\xff\x7f\x01"))
    assert len(laid_out(wild).cells) == 8
