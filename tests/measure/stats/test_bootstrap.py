"""The tests of a comparison, against the same thing done by hand."""

from __future__ import annotations

import statistics
from itertools import combinations
from math import exp, sqrt
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.measure.stats.bootstrap import (
    FEWEST,
    LEAST,
    RESAMPLES,
    STRETCHES,
    Blocks,
    RankTest,
    interval,
    location,
    mann_whitney,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# Few different values, for ties; lengths of several cells of 256.
SERIES = st.builds(
    lambda length, most, seed: [Random(seed + n).randrange(most) for n in range(length)],
    st.integers(LEAST, 1100),
    st.integers(1, 1000),
    st.integers(0, 1000),
)


def put_together(blocks: Blocks, weights: Sequence[int]) -> list[int]:
    """Build the resample that weights stand for."""
    return [value for part, times in zip(blocks.parts, weights, strict=True) for value in list(part) * times]


def steady(length: int, seed: int, *, level: float = 1e5, memory: float = 0.9) -> list[int]:
    """An autoregressive series of log-normal values: round trips over a path with a queue."""
    random = Random(seed)
    state, values = random.gauss(0, 1), []
    for _ in range(length):
        state = memory * state + sqrt(1 - memory * memory) * random.gauss(0, 1)
        values.append(int(level * exp(0.5 * state)))
    return values


@given(SERIES)
def test_stretches_are_the_series_in_order_cut_evenly(values: list[int]) -> None:
    parts = Blocks(values).parts
    assert [value for part in parts for value in part] == values
    assert FEWEST <= len(parts) <= STRETCHES
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(SERIES, st.integers(0, 100), st.sampled_from([0.0, 50.0, 90.0, 99.0, 99.9, 100.0]))
def test_a_resample_is_never_built_but_has_the_figures_as_if(values: list[int], seed: int, percent: float) -> None:
    blocks = Blocks(values)
    (resample,) = blocks.resamples(Random(seed), 1)
    assert sum(resample.weights) == len(blocks.parts)
    built = sorted(put_together(blocks, resample.weights))
    rank = max(1, -(-round(percent * 10) * len(built) // 1000))
    assert resample.percentile(percent) == built[rank - 1]
    assert resample.mean() == pytest.approx(statistics.fmean(built))
    assert resample.stddev() == pytest.approx(statistics.pstdev(built), abs=1e-6)


def test_the_interval_is_the_middle_99_percent_of_the_differences_and_a_little() -> None:
    low, high = interval([0.0] * RESAMPLES, [float(n) for n in range(RESAMPLES)], parts=21)
    # From 5 to 994 around 500, and a tenth wider for 21 parts.
    assert [low, high] == pytest.approx([500 - 495 * 1.1, 500 + 494 * 1.1])
    assert interval([5.0] * RESAMPLES, [7.0] * RESAMPLES, parts=10) == (2.0, 2.0)


def test_the_u_test_on_a_worked_example() -> None:
    # Tortoises and hares, Wikipedia's example: U is 11 of 36 for one side, 25 for the other.
    finish = "THHHHHTTTTTH"
    hares = [float(place) for place, who in enumerate(finish) if who == "H"]
    tortoises = [float(place) for place, who in enumerate(finish) if who == "T"]
    assert mann_whitney(hares, tortoises).u == 25
    assert mann_whitney(tortoises, hares).u == 11
    # Their mean is 18 and their deviation sqrt(39): z is (25 - 18 - 0.5) / 6.245 = 1.0408.
    assert mann_whitney(hares, tortoises).p_value == pytest.approx(0.29796, abs=1e-5)
    assert mann_whitney(tortoises, hares).p_value == mann_whitney(hares, tortoises).p_value


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=4),
    st.lists(st.integers(0, 5), min_size=1, max_size=4),
)
def test_u_and_its_spread_are_those_of_all_the_ways_to_deal_the_values(before: list[int], after: list[int]) -> None:
    def u_of(first: list[int], second: list[int]) -> float:
        return sum((a < b) + (a == b) / 2 for a in first for b in second)

    pooled = before + after
    dealt = []
    for chosen in combinations(range(len(pooled)), len(after)):
        second = [pooled[n] for n in chosen]
        first = [pooled[n] for n in range(len(pooled)) if n not in chosen]
        dealt.append(u_of(first, second))
    found = mann_whitney(before, after)
    assert found.u == u_of(before, after)
    assert found.higher == found.u / (len(before) * len(after))
    spread = statistics.pvariance(dealt)
    distance = max(0.0, abs(found.u - statistics.fmean(dealt)) - 0.5)
    expected = 2 * statistics.NormalDist().cdf(-distance / sqrt(spread)) if spread else 1.0
    assert found.p_value == pytest.approx(expected)


def test_what_chance_explains() -> None:
    assert RankTest(0, 0.02, 0.5).within_noise
    assert not RankTest(0, 0.005, 0.9).within_noise


def test_what_neighbours_share_is_not_taken_for_evidence() -> None:
    pairs = [(steady(1000, seed), steady(1000, 1000 + seed)) for seed in range(25)]
    naive = sum(not mann_whitney(before, after).within_noise for before, after in pairs)
    by_stretch = sum(not location(Blocks(before), Blocks(after)).within_noise for before, after in pairs)
    assert naive > 10
    assert by_stretch <= 1


def test_a_slower_run_is_told() -> None:
    before, after = steady(1000, 1), steady(1000, 2, level=2e5)
    found = location(Blocks(before), Blocks(after))
    assert not found.within_noise
    assert found.higher > 0.8
