"""Times of either sign: exact where they can be, within 1/1024 of the distance from the base where they cannot."""

from math import ceil, sqrt

import pytest
from hypothesis import given, strategies as st

from netecho.measure.stats.distribution import Distribution
from netecho.measure.stats.signed_histogram import SignedHistogram

HOUR = 3_600_000_000_000


def of(values: list[int], base: int = 0) -> Distribution:
    signed = SignedHistogram(base)
    for value in values:
        signed.record(value)
    return signed.distribution()


def test_nothing() -> None:
    assert of([]) == Distribution()


def test_small_values_are_exact() -> None:
    assert of([-3, -1, 0, 2]) == Distribution(
        count=4, min=-3, mean=-0.5, stddev=sqrt(13 / 4), p50=-1, p90=2, p95=2, p99=2, p99_9=2, max=2
    )


@pytest.mark.parametrize("base", [0, -HOUR, HOUR, 50 * 365 * 24 * HOUR])
def test_an_offset_of_any_size_costs_no_precision_where_the_base_has_it(base: int) -> None:
    got = of([base + value for value in range(1000)], base)
    assert (got.min, got.p50, got.p90, got.p99, got.max) == tuple(base + at for at in (0, 499, 899, 989, 999))
    assert got.mean == base + 499.5


@pytest.mark.parametrize("sign", [1, -1])
def test_without_it_percentiles_are_coarse_and_the_rest_is_exact(sign: int) -> None:
    got = of([sign * (HOUR + value) for value in range(1000)])
    assert (got.min, got.max) == ((HOUR, HOUR + 999) if sign > 0 else (-HOUR - 999, -HOUR))
    assert got.p50 is not None
    assert abs(got.p50) == pytest.approx(HOUR, rel=1e-3)


values = st.lists(st.integers(-(10**12), 10**12) | st.integers(-3000, 3000), min_size=1, max_size=200)


@given(values, st.integers(-(10**12), 10**12))
def test_it_is_what_sorting_says(several: list[int], base: int) -> None:
    got = of(several, base)
    ordered = sorted(several)
    assert (got.count, got.min, got.max) == (len(several), ordered[0], ordered[-1])
    assert got.mean == pytest.approx(sum(several) / len(several), abs=1)
    for percent, percentile in ((50, got.p50), (90, got.p90), (95, got.p95), (99, got.p99), (99.9, got.p99_9)):
        exact = ordered[ceil(percent * len(several) / 100) - 1]
        assert percentile is not None
        assert exact <= percentile <= exact + abs(exact - base) / 1024 + 1
