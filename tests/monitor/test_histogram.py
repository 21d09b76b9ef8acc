"""Coarse histograms: how coarse, and that nothing is lost by packing and merging."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import pairwise
from math import ceil, frexp
from typing import TYPE_CHECKING

from hypothesis import given, strategies as st

from netecho.monitor.buckets import BOUNDS, FIRST, LAST, ZERO_THRESHOLD, Buckets, native_bound
from netecho.monitor.histogram import NOTHING, CoarseHistogram, Packed, _pack, unpacked
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable

TIMES = st.integers(0, 1 << 44)


def of(values: Iterable[int]) -> CoarseHistogram:
    histogram = CoarseHistogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(st.lists(TIMES, min_size=1), st.floats(0.1, 100))
def test_a_percentile_is_within_a_bucket_of_the_exact_one(values: list[int], percent: float) -> None:
    percent = round(percent, 3)
    exact = sorted(values)[max(1, ceil(round(percent * 1000) * len(values) / 100_000)) - 1]
    (found,) = of(values).percentiles((percent,))
    assert found is not None
    assert abs(found - exact) <= exact / 32
    assert min(values) <= found <= max(values)


@given(st.lists(st.lists(TIMES)))
def test_what_is_packed_and_merged_is_what_was_counted(parts: list[list[int]]) -> None:
    merged = CoarseHistogram.merged([of(part).packed() for part in parts])
    together = of(value for part in parts for value in part)
    assert merged.packed() == together.packed()
    assert (merged.count, merged.total) == (sum(map(len, parts)), sum(map(sum, parts)))


def test_nothing_has_no_figures() -> None:
    empty = CoarseHistogram()
    assert empty.packed() is NOTHING
    assert (empty.min, empty.max, empty.mean, empty.percentiles((50,))) == (None, None, None, [None])


@given(st.binary())
def test_any_bytes_are_unpacked_without_an_error(data: bytes) -> None:
    assert all(cell >= 0 and count >= 0 for cell, count in unpacked(data))


@given(st.binary() | st.binary().map(lambda data: bytes(byte & 127 for byte in data)))
def test_the_fast_way_to_unpack_is_the_plain_one(data: bytes) -> None:
    histogram = CoarseHistogram()
    histogram.add(Packed(1, 0, 0, 1 << 60, data))
    plain: Counter[int] = Counter()
    for cell, count in unpacked(data):
        plain[cell] += count
    assert histogram.packed().cells == _pack(plain)


def test_a_minute_of_a_steady_path_takes_two_bytes_a_bucket() -> None:
    packed = of(1_000_000 + 1_000 * n for n in range(60)).packed()
    assert len(packed.cells) <= 1 + 2 * 4  # the first bucket is two bytes from 0


def test_the_bounds_are_ten_microseconds_to_ten_seconds_by_about_one_and_a_half() -> None:
    assert (BOUNDS[0], BOUNDS[-1]) == (10_000, 10_000_000_000)
    assert all(1.4 <= high / low <= 1.55 for low, high in pairwise(BOUNDS))


ALL_BOUNDS = [*BOUNDS, *map(native_bound, range(FIRST, LAST))]
VALUES = st.lists(st.integers(0, 1 << 42) | st.builds(int.__add__, st.sampled_from(ALL_BOUNDS), st.integers(-1, 1)))


@given(VALUES)
def test_a_value_is_below_the_bounds_that_it_does_not_exceed(values: list[int]) -> None:
    buckets = Buckets()
    for value in values:
        buckets.record(value)
    assert buckets.classic() == [*(sum(value <= bound for value in values) for bound in BOUNDS), len(values)]
    assert (buckets.count, buckets.total) == (len(values), sum(values))


@given(VALUES)
def test_a_value_is_in_the_native_bucket_whose_powers_it_is_between(values: list[int]) -> None:
    buckets = Buckets()
    for value in values:
        buckets.record(value)
    native = buckets.native()
    expected = Counter(min(LAST, native_number(value)) for value in values if value / SECOND > ZERO_THRESHOLD)
    assert native.counted == expected
    assert list(native.counted) == sorted(expected)
    assert native.zero == len(values) - expected.total()


def native_number(value: int) -> int:
    """The bucket of a value, as Prometheus's client for Go finds it."""
    fraction, exponent = frexp(value / SECOND)
    in_doubling = [2 ** (n / 8 - 1) for n in range(8)]
    return bisect_left(in_doubling, fraction) + (exponent - 1) * 8


def test_a_value_below_zero_counts_as_zero() -> None:
    buckets = Buckets()
    buckets.record(-1_000_000)
    assert (buckets.native().zero, buckets.classic()[0], buckets.total) == (1, 1, 0)
