"""The frozen figures."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from netecho.measure.stats.distribution import Distribution
from netecho.measure.stats.histogram import Histogram
from netecho.measure.summary import Summary


def test_a_distribution_of_a_histogram() -> None:
    histogram = Histogram()
    for value in range(1, 1001):
        histogram.record(value)
    assert Distribution.of(histogram) == Distribution(
        count=1000,
        min=1,
        mean=500.5,
        stddev=((1000**2 - 1) / 12) ** 0.5,
        p50=500,
        p90=900,
        p95=950,
        p99=990,
        p99_9=999,
        max=1000,
    )


def test_a_distribution_of_nothing_has_no_values() -> None:
    assert Distribution.of(Histogram()) == Distribution()


@given(st.lists(st.integers(0, 10**10), min_size=1))
def test_a_distribution_ascends(values: list[int]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    it = Distribution.of(histogram)
    ascending = [it.min, it.p50, it.p90, it.p95, it.p99, it.p99_9, it.max]
    assert ascending == sorted(value for value in ascending if value is not None)


def test_figures_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Summary().sent = 1  # type: ignore[misc]
