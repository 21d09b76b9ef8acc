"""The clocks' offset and drift, from round trips of which only the smallest can be believed."""

import random

import pytest
from hypothesis import given, strategies as st

from netecho.measure.oneway.clock_offset import KEPT, BestSamples, Line, Sample

MILLISECOND = 1_000_000
SECOND = 1_000_000_000


def probe(at: int, forward: int, backward: int, offset: float) -> Sample:
    """What a probe says that took `forward` and `backward`, with the far clock ahead by `offset`."""
    return Sample(at, forward - backward + round(2 * offset), forward + backward)


def line(samples: list[Sample]) -> Line:
    best = BestSamples()
    for sample in samples:
        best.add(sample)
    found = best.line()
    assert found is not None
    return found


def test_nothing() -> None:
    assert BestSamples().line() is None


def test_one_probe_says_it_if_both_directions_took_as_long() -> None:
    found = line([probe(5, 10 * MILLISECOND, 10 * MILLISECOND, 7 * SECOND)])
    assert found == Line(at=5, offset=7 * SECOND, drift=None, within=10 * MILLISECOND)
    assert found.offset_at(5 + SECOND) == 7 * SECOND


def test_the_smallest_round_trips_are_believed() -> None:
    # Queues on the way there make one in two arrive late, by up to 50 ms.
    luck = random.Random(1)
    samples = [
        probe(n * SECOND, MILLISECOND + luck.choice([0, luck.randrange(50 * MILLISECOND)]), MILLISECOND, -3 * SECOND)
        for n in range(100)
    ]
    found = line(samples)
    assert found.offset == -3 * SECOND
    assert found.drift == 0
    assert found.within == MILLISECOND


@pytest.mark.parametrize("ppm", [-200, -1, 0.01, 50])
@pytest.mark.parametrize("count", [3, 100, 5000])
def test_drift(ppm: float, count: int) -> None:
    samples = [
        probe(n * SECOND, MILLISECOND, MILLISECOND, MILLISECOND + n * SECOND * ppm / 1_000_000) for n in range(count)
    ]
    found = line(samples)
    assert found.drift is not None
    assert found.drift * 1_000_000 == pytest.approx(ppm, rel=1e-2)
    for n in (0, count // 2, count - 1):
        assert found.offset_at(n * SECOND) == pytest.approx(samples[n].doubled / 2, abs=2000)


def filling(forward: int, backward: int, drift: float = 0.0) -> list[Sample]:
    """Ten seconds in which packets wait by so much a second longer, each way, while the clocks part."""
    every = ((n, n * SECOND // 10) for n in range(100))
    return [
        probe(at, 10_000 + forward * n // 10, 10_000 + backward * n // 10, MILLISECOND + drift * at) for n, at in every
    ]


@pytest.mark.parametrize(("forward", "backward"), [(100, 200), (0, 60), (300, 0)])
def test_a_queue_that_fills_is_no_drift(forward: int, backward: int) -> None:
    found = line(filling(forward * MILLISECOND, backward * MILLISECOND))
    assert found.drift is None
    assert found.offset_at(10 * SECOND) == pytest.approx(MILLISECOND, abs=10_000)


def test_nor_is_what_has_probes_arrive_before_they_left() -> None:
    """Slow enough for a clock, in the first seconds, and yet the way there would take less than nothing at the end."""
    first = [probe(n * SECOND // 5, MILLISECOND // 2 + 6000 * n, MILLISECOND // 2, 0) for n in range(30)]
    later = [probe(n * SECOND, 600_000, 600_000, 0) for n in range(10, 100)]
    assert line(first).drift == pytest.approx(15e-6)
    assert line(first + later).drift is None


@pytest.mark.parametrize("drift", [2e-4, -2e-3])
def test_clocks_that_part_behind_a_queue_that_stands_do_so(drift: float) -> None:
    found = line(filling(0, 0, drift))
    assert found.drift == pytest.approx(drift, rel=1e-3)


def test_a_run_of_less_than_a_second_says_nothing_of_drift() -> None:
    for last, is_told in ((SECOND - 1, False), (SECOND, True)):
        found = line([probe(at, MILLISECOND, MILLISECOND, at / 1000) for at in (0, SECOND // 2, last)])
        assert (found.drift is not None) is is_told


def test_a_lying_stamp_among_the_best_does_not_bend_the_line() -> None:
    samples = [probe(n * SECOND, MILLISECOND, MILLISECOND, 1000) for n in range(100)]
    samples[50] = probe(50 * SECOND, MILLISECOND - 10, MILLISECOND, 3600 * SECOND)
    found = line(samples)
    assert (found.offset, found.drift) == (1000, 0)


def test_an_asymmetric_path_errs_by_half_the_difference_and_says_that_it_may() -> None:
    found = line([probe(n, 20 * MILLISECOND, 5 * MILLISECOND, 0) for n in range(10)])
    assert found.offset == 7.5 * MILLISECOND
    assert found.offset <= found.within == 12.5 * MILLISECOND


def test_memory_does_not_grow_with_the_run() -> None:
    best = BestSamples()
    for n in range(100_000):
        best.add(probe(n, 10, 10, 0))
        assert len(best._best) <= KEPT
    assert len(best._best) >= KEPT // 2


delays = st.integers(1, 10**10)


@given(st.lists(st.tuples(delays, delays), min_size=1, max_size=300), st.integers(-(10**12), 10**12))
def test_the_truth_is_within_what_is_said(ways: list[tuple[int, int]], offset: int) -> None:
    samples = [probe(0, forward, backward, offset) for forward, backward in ways]  # at one time: no drift
    found = line(samples)
    assert found.drift is None
    assert abs(found.offset - offset) <= found.within + 1
    assert found.within <= max(sample.round_trip for sample in samples) / 2


def test_what_most_say_is_not_believed_against_what_the_fastest_rules_out() -> None:
    queued = probe(0, 9000, 1000, 0)
    found = line([probe(0, 50, 50, 0), queued, queued])
    assert (found.offset, found.within) == (50, 100)


def test_where_probes_contradict_each_other_the_smallest_round_trip_is_the_bound() -> None:
    found = line([probe(0, 1000, 1000, 0), probe(0, 2000, 2000, 10**9), probe(0, 3000, 3000, 0)])
    assert (found.offset, found.within) == (0, 1000)
