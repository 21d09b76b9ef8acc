"""The histogram against exact quantiles, and bucket for bucket against HdrHistogram's own."""

from __future__ import annotations

import statistics
import tracemalloc
from itertools import pairwise

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, strategies as st

from netecho.measure.stats.histogram import BUCKETS, HIGHEST_TRACKABLE, TOP, Histogram, bounds_of, index_of

# Magnitudes evenly, not values: every doubling of the range is met.
TIMES = st.one_of(
    st.integers(0, TOP),
    st.integers(0, 43).flatmap(lambda bits: st.integers(0, (1 << bits) - 1)),
)
KINDS = pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])


def filled(values: list[int], *, sparse: bool = False) -> Histogram:
    histogram = Histogram(sparse=sparse)
    for value in values:
        histogram.record(value)
    return histogram


def reference(values: list[int]) -> HdrHistogram:
    histogram = HdrHistogram(1, HIGHEST_TRACKABLE, 3)
    for value in values:
        assert histogram.record_value(value)
    return histogram


@KINDS
def test_empty(sparse: bool) -> None:
    histogram = Histogram(sparse=sparse)
    assert histogram.count == 0
    assert (histogram.min, histogram.max, histogram.mean, histogram.stddev) == (None, None, None, None)
    assert histogram.percentiles([0, 50, 100]) == [None, None, None]
    assert list(histogram.buckets()) == []


@KINDS
@given(values=st.lists(TIMES, min_size=1, max_size=200), permille=st.integers(0, 100_000))
def test_a_percentile_is_at_most_a_1024th_above_the_exact_one(sparse: bool, values: list[int], permille: int) -> None:
    percent = permille / 1000
    rank = max(1, -(-permille * len(values) // 100_000))
    exact = sorted(values)[rank - 1]
    found = filled(values, sparse=sparse).percentile(percent)
    assert found is not None
    assert exact <= found <= exact + exact // 1024
    assert min(values) <= found <= max(values)


@KINDS
@given(values=st.lists(TIMES, min_size=1))
def test_what_needs_no_buckets_is_exact(sparse: bool, values: list[int]) -> None:
    histogram = filled(values, sparse=sparse)
    assert (histogram.count, histogram.min, histogram.max) == (len(values), min(values), max(values))
    assert histogram.mean == sum(values) / len(values)
    assert histogram.stddev == pytest.approx(statistics.pstdev(values), rel=1e-12, abs=1e-6)


def test_the_deviation_of_a_long_run_of_near_equal_values_does_not_cancel_out() -> None:
    assert filled([TOP - 1, TOP + 1] * 500).stddev == 1.0


@KINDS
@given(values=st.lists(TIMES))
def test_the_buckets_are_hdrhistograms(sparse: bool, values: list[int]) -> None:
    theirs = reference(values)
    ours = dict(filled(values, sparse=sparse).nonzero())
    assert theirs.counts_len == BUCKETS
    assert ours == {index: theirs.counts[index] for index in range(BUCKETS) if theirs.counts[index]}


@given(TIMES)
def test_the_bounds_are_hdrhistograms(value: int) -> None:
    theirs = HdrHistogram(1, HIGHEST_TRACKABLE, 3)
    low, high = bounds_of(index_of(value))
    assert low <= value <= high
    assert low == theirs.get_lowest_equivalent_value(value)
    assert high == theirs.get_highest_equivalent_value(value)


@given(st.integers(0, BUCKETS - 2))
def test_the_buckets_leave_no_gap(index: int) -> None:
    assert bounds_of(index)[1] + 1 == bounds_of(index + 1)[0]


@given(st.lists(TIMES, min_size=1), st.sampled_from([50.0, 90.0, 99.0, 99.9, 100.0]))
def test_a_percentile_is_hdrhistograms_value_at_the_same_rank(values: list[int], percent: float) -> None:
    # Its Python edition rounds the rank where its Java edition and we take the ceiling, so it is given the rank.
    rank = max(1, -(-round(percent * 10) * len(values) // 1000))
    theirs = reference(values).get_value_at_percentile(100 * rank / len(values))
    assert filled(values).percentile(percent) == min(theirs, max(values))


def test_percentiles_come_in_the_order_asked() -> None:
    histogram = filled(list(range(1, 1001)))
    assert histogram.percentiles([99.9, 50, 0, 100, 50]) == [999, 500, 1, 1000, 500]
    assert histogram.percentile(99.95) == 1000


def test_ranks_do_not_suffer_from_binary_fractions() -> None:
    # 99.9 / 100 * 1000 is 999.0000000000001 in floats, whose ceiling would be the maximum.
    assert filled(list(range(1, 1001))).percentile(99.9) == 999
    assert filled(list(range(1, 11))).percentile(70) == 7


@KINDS
def test_beyond_the_range_only_the_buckets_are_clamped(sparse: bool) -> None:
    histogram = filled([5 * TOP, TOP, -7], sparse=sparse)
    assert (histogram.min, histogram.max, histogram.total) == (-7, 5 * TOP, 6 * TOP - 7)
    assert dict(histogram.nonzero()) == {0: 1, BUCKETS - 1: 2}
    assert histogram.percentiles([1, 50, 100]) == [0, 5 * TOP, 5 * TOP]
    assert filled([-7, -7], sparse=sparse).percentile(50) == -7
    assert filled([5 * TOP], sparse=sparse).percentile(50) == 5 * TOP


@given(st.lists(TIMES), st.lists(TIMES), st.booleans(), st.booleans())
def test_adding_is_counting_both(ours: list[int], theirs: list[int], sparse: bool, other: bool) -> None:
    sum_of_both = filled(ours, sparse=sparse)
    sum_of_both.add(filled(theirs, sparse=other))
    together = filled(ours + theirs)
    assert list(sum_of_both.buckets()) == list(together.buckets())
    for name in ("count", "min", "max", "mean", "stddev"):
        assert getattr(sum_of_both, name) == getattr(together, name)


def test_memory_does_not_grow() -> None:
    histogram = Histogram()
    values = [(3 * n) ** 3 % TOP for n in range(1, 20_000)]
    histogram.record(values[0])
    tracemalloc.start()
    for value in values:
        histogram.record(value)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 1024


@given(values=st.lists(st.integers(0, 1 << 42), max_size=300), most=st.integers(1, 200))
def test_bins_count_each_value_once_where_it_lies(values: list[int], most: int) -> None:
    bins = filled(values).bins(most)
    assert len(bins) <= max(most, 34)  # a doubling is never split between bins, nor two put together
    assert all(upper.low >= lower.high for lower, upper in pairwise(bins))
    assert [count for _, _, count in bins] == [sum(low <= value < high for value in values) for low, high, _ in bins]
    assert sum(count for _, _, count in bins) == len(values)


def test_bins_are_as_fine_as_they_may_be() -> None:
    histogram = filled(list(range(100_000, 110_000)))
    assert len(histogram.bins(1000)) == 157  # 64 ns wide, as the buckets are
    assert histogram.bins(4) == (
        (100000, 102400, 2400),
        (102400, 106496, 4096),
        (106496, 110000, 3504),
    )
