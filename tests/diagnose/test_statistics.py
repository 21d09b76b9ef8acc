"""What losses say and what may be chance: against known values, and by simulation with fixed seeds."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.statistics import (
    bursts,
    by_chance,
    design_effect,
    differ,
    fastest,
    interval,
    is_in_a_row,
    median_interval,
    split,
    two_groups,
)

COUNTS = st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


def drawn(random: Random, share: float, of: int = 50) -> tuple[int, int]:
    """So many hits of so many, each as likely."""
    return sum(random.random() < share for _ in range(of)), of


# Interval


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.27753),
        (1, 10, 0.01788, 0.40415),
        (5, 10, 0.23659, 0.76341),
        (15, 148, 0.06239, 0.16054),  # Newcombe 1998, table I
        (81, 263, 0.25530, 0.36621),
        (10, 10, 0.72247, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_an_interval_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    assert interval(hits, of) == pytest.approx((low, high), abs=1e-4)


@given(COUNTS)
def test_an_interval_holds_what_was_seen_and_stays_within_0_and_1(counted: tuple[int, int]) -> None:
    hits, of = counted
    low, high = interval(hits, of)
    assert 0 <= low <= hits / of + 1e-12
    assert hits / of - 1e-12 <= high <= 1


@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.3])
def test_an_interval_of_1600_probes_holds_the_truth_in_about_95_of_100_runs(share: float) -> None:
    """Exactly: the probability of each count, summed over those whose interval holds the share."""
    of = 1600
    held = sum(
        math.exp(
            math.lgamma(of + 1)
            - math.lgamma(k + 1)
            - math.lgamma(of - k + 1)
            + k * math.log(share)
            + (of - k) * math.log1p(-share)
        )
        for k in range(of + 1)
        if interval(k, of).low <= share <= interval(k, of).high
    )
    assert 0.92 < held < 0.98


# Differ


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3])
def test_flows_that_lose_alike_do_not_differ(share: float) -> None:
    random = Random(f"alike {share}")
    assert sum(differ([drawn(random, share) for _ in range(32)]) for _ in range(1000)) <= 1


@pytest.mark.parametrize(("paths", "found"), [(2, 0.99), (4, 0.99), (8, 0.95)])
def test_one_bad_path_that_loses_30_percent_makes_flows_differ(paths: int, found: float) -> None:
    random = Random(f"bad {paths}")

    def one_run() -> bool:
        bad = [random.randrange(paths) == 0 for _ in range(32)]
        return differ([drawn(random, 0.3 if each else 0.0) for each in bad])

    assert sum(one_run() for _ in range(400)) >= 400 * found


def test_sizes_that_lose_alike_do_not_differ_and_bit_errors_make_them() -> None:
    random = Random("sizes")
    assert sum(differ([drawn(random, 0.02, 533) for _ in range(3)]) for _ in range(500)) <= 2
    assert differ([(2, 533), (9, 533), (27, 533)])


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [(3, 50)],
        [(0, 50)] * 32,
        [(50, 50)] * 32,
        [(0, 0), (5, 50)],
        [(1, 50), *[(0, 50)] * 31],
        [(3, 50), *[(0, 50)] * 31],
        [(6, 50), (7, 50)] * 16,  # an outage of all takes as many of each
    ],
)
def test_nothing_differs_by_few_losses_or_by_none_or_all(parts: list[tuple[int, int]]) -> None:
    assert not differ(parts)


def test_five_losses_of_one_flow_are_its_own() -> None:
    assert differ([(5, 50), *[(0, 50)] * 31])


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).filter(lambda each: each[0] <= each[1]), max_size=40))
def test_any_counts_differ_or_do_not_in_whatever_order(parts: list[tuple[int, int]]) -> None:
    assert differ(parts) is differ(parts[::-1])


# Design effect


def test_independent_losses_have_no_design_effect_to_speak_of() -> None:
    random = Random("independent")
    effects = [design_effect([[drawn(random, 0.1, 32) for _ in range(17)] for _ in range(3)]) for _ in range(200)]
    assert sum(effects) / 200 < 1.2


def test_losses_that_come_all_in_one_round_have_one_that_takes_back_the_difference() -> None:
    rounds = [[(0, 32)] * 17, [(0, 32)] * 17, [(25, 32), *[(0, 32)] * 16]]
    parts = [(0, 544), (0, 544), (25, 544)]
    assert differ(parts)
    assert not differ(parts, design_effect(rounds))


def test_a_size_that_is_always_lost_has_none() -> None:
    assert design_effect([[(0, 32)] * 17, [(32, 32)] * 17]) == 1
    assert design_effect([]) == design_effect([[]]) == 1


# By chance


def test_six_of_six_missing_is_no_chance_where_others_arrive_and_may_be_where_many_are_lost() -> None:
    assert not by_chance([6], (0, 66))
    assert not by_chance([6], (7, 66))
    assert by_chance([6], (30, 66))
    assert by_chance([6], (0, 0))
    assert by_chance([1], (0, 66))


def test_several_groups_missing_are_less_of_a_chance_than_one() -> None:
    assert by_chance([6], (2, 6))
    assert not by_chance([6] * 10, (0, 6))


@given(st.lists(st.integers(0, 10), min_size=1, max_size=30), COUNTS)
def test_any_groups_are_chance_or_not(missing: list[int], others: tuple[int, int]) -> None:
    assert by_chance(missing, others) in (True, False)


# Two groups


def test_a_bad_path_is_told_from_those_that_lose_a_little() -> None:
    random = Random("groups")
    bad = {3, 11, 19, 30}
    parts = [drawn(random, 0.3 if n in bad else 0.01) for n in range(32)]
    assert set(two_groups(parts).high) == bad


@given(st.lists(COUNTS, min_size=2, max_size=40))
def test_two_groups_are_all_of_it_and_neither_is_empty(parts: list[tuple[int, int]]) -> None:
    low, high = two_groups(parts)
    assert low
    assert high
    assert sorted(low + high) == list(range(len(parts)))
    assert max(parts[n][0] / parts[n][1] for n in low) <= min(parts[n][0] / parts[n][1] for n in high)


# Bursts


@pytest.mark.parametrize("share", [0.001, 0.005, 0.02, 0.1, 0.3])
def test_independent_losses_are_no_bursts(share: float) -> None:
    random = Random(f"spread {share}")
    assert sum(bursts([random.random() < share for _ in range(1600)]) is not None for _ in range(300)) == 0


def test_one_outage_is_a_burst_of_its_length() -> None:
    assert bursts([100 <= n < 120 for n in range(1600)]) == (20, 20)
    assert bursts([n < 4 for n in range(1600)]) == (4, 4)


def test_bursts_are_told_with_their_mean_length() -> None:
    lost = [n % 200 < 4 or 50 <= n % 200 < 56 for n in range(1600)]
    assert bursts(lost) == (5, 5.2)  # of 10 losses 4 are in a burst of 4, 6 in one of 6


def test_a_loss_every_so_often_is_no_burst() -> None:
    assert bursts([n % 10 == 0 for n in range(1600)]) is None


@pytest.mark.parametrize("lost", [[], [True] * 20, [False] * 20, [True, True, True] + [False] * 97])
def test_of_too_few_or_all_nothing_is_said(lost: list[bool]) -> None:
    assert bursts(lost) is None


@given(st.lists(st.booleans(), max_size=300))
def test_bursts_are_as_long_as_two_at_least(lost: list[bool]) -> None:
    found = bursts(lost)
    assert found is None or 2 <= found.length <= found.around <= sum(lost)


# Split


def test_two_groups_of_values_are_split_at_the_gap() -> None:
    found = split([31, 10, 30, 11, 12])
    assert found == ((10, 11, 12), (30, 31))
    assert found is not None
    assert found.gap == 18


@pytest.mark.parametrize("values", [[], [1, 2, 9], [5.0] * 32, [1, 2, 3, 4, 5, 6, 7], [*range(10), 12]])
def test_one_group_is_not_split(values: list[float]) -> None:
    assert split(values) is None


def test_the_medians_of_flows_on_one_jittery_path_are_one_group() -> None:
    random = Random("jitter")

    def median_of_flow() -> float:
        return sorted(random.expovariate(1 / 30) for _ in range(49))[24]

    assert sum(split([median_of_flow() for _ in range(32)]) is not None for _ in range(200)) <= 1


@given(st.lists(st.floats(-1e12, 1e12), max_size=64))
def test_a_split_has_all_the_values_and_a_gap_that_is_the_largest(values: list[float]) -> None:
    found = split(values)
    if found is not None:
        assert sorted(values) == list(found.below + found.above)
        inside = [b - a for group in found for a, b in pairwise(group)]
        assert found.gap >= max(inside, default=0)


# Medians


@pytest.mark.parametrize("seed", range(3))
def test_a_median_lies_in_its_interval_whatever_the_values_are_like(seed: int) -> None:
    random = Random(seed)
    for number in (1, 4, 20, 50, 800):
        for draw, middle in ((random.random, 0.5), (lambda: random.expovariate(1), math.log(2))):
            low, high = median_interval([draw() for _ in range(number)])
            if number >= 20:
                assert low < middle < high
            assert low <= high


def test_the_fastest_are_a_tenth() -> None:
    assert fastest([7]) == 7
    assert fastest(range(100)) == 10
    assert fastest([-(10**9), *[5] * 19]) == 5


def test_the_interval_is_narrower_the_more_there_are() -> None:
    values = range(1000)
    assert median_interval(values) == (436, 563)
    assert median_interval(values[:10]) == (0, 9)
    assert median_interval([7]) == (7, 7)


# Places in a circle


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (range(25, 32), True),
        ([*range(28, 32), *range(3)], True),  # round the end
        ([*range(20, 26), *range(27, 32)], True),  # with one left out
        (range(32), False),
        ([], False),
        ([7], False),
        ([7, 8], False),
        ([1, 5, 9, 11, 17, 20, 26, 30], False),
    ],
)
def test_places_that_lie_side_by_side_are_told(places: list[int], expected: bool) -> None:
    assert is_in_a_row(list(places), 32) is expected


def test_chosen_places_seldom_do() -> None:
    random = Random(1)
    assert not any(is_in_a_row(random.sample(range(32), random.randint(1, 31)), 32) for _ in range(1000))
