from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, strategies as st

from netecho.measure.stats.timeline import FIRST_WIDTH, LIMIT, Timeline, Worst

MS = 1_000_000
SECOND = 1000 * MS


def test_nothing_yet() -> None:
    timeline = Timeline()
    assert timeline.periods() == ()
    assert timeline.worst is None


def test_round_trips_and_losses_stand_where_they_were_scheduled() -> None:
    timeline = Timeline()
    for rtt in (5 * MS, 4 * MS, 3 * MS):
        timeline.replied(0, rtt)
    timeline.lost(FIRST_WIDTH)
    timeline.replied(3 * FIRST_WIDTH, 7 * MS)
    assert [
        (period.start // FIRST_WIDTH, period.received, period.lost, period.max) for period in timeline.periods()
    ] == [
        (0, 3, 0, 5 * MS),
        (1, 0, 1, None),
        (2, 0, 0, None),
        (3, 1, 0, 7 * MS),
    ]


def test_the_worst_is_exact_and_has_its_time() -> None:
    timeline = Timeline()
    for scheduled, rtt in [(0, 3), (1, 123_456_789), (2 * SECOND, 123_456_789), (SECOND, 7)]:
        timeline.replied(scheduled, rtt)
    assert timeline.worst == Worst(1, 123_456_789)


def test_percentiles_of_a_period() -> None:
    timeline = Timeline()
    for rtt in range(1, 1001):
        timeline.replied(0, rtt * MS)
    (period,) = timeline.periods()
    assert period.p50 == pytest.approx(500 * MS, rel=0.04)
    assert period.p99 == pytest.approx(990 * MS, rel=0.04)
    assert period.max == 1000 * MS


@pytest.mark.parametrize("rtt", [-1, 0, 1, 15, 16, 31, 32, 33, 1 << 40])
def test_a_single_round_trip_of_any_size(rtt: int) -> None:
    timeline = Timeline()
    timeline.replied(0, rtt)
    (period,) = timeline.periods()
    assert period.p50 == pytest.approx(max(rtt, 0), rel=0.04, abs=1)


EVENTS = st.lists(st.tuples(st.integers(0, 10**18), st.one_of(st.none(), st.integers(0, 10**12))), max_size=60)


@given(EVENTS, st.integers(1, LIMIT))
@example([(0, None)] * 35 + [(222 << 20, None)], 35)  # 35 times 223/35 is less than 223
def test_merging_loses_nothing(events: list[tuple[int, int | None]], most: int) -> None:
    timeline = Timeline()
    for scheduled, rtt in events:
        if rtt is None:
            timeline.lost(scheduled)
        else:
            timeline.replied(scheduled, rtt)
    periods = timeline.periods(most)
    assert len(periods) <= most
    assert all(first.end == second.start for first, second in pairwise(periods))
    for period in periods:
        inside = [rtt for scheduled, rtt in events if period.start <= scheduled < period.end]
        answered = sorted(rtt for rtt in inside if rtt is not None)
        assert period.received == len(answered)
        assert period.lost == len(inside) - len(answered)
        assert period.max == (answered[-1] if answered else None)
        if answered:
            assert period.p50 == pytest.approx(answered[(len(answered) - 1) // 2], rel=0.04, abs=1)
    assert sum(period.received + period.lost for period in periods) == len(events)


@pytest.mark.parametrize("interval", [3 * MS, 200 * MS, SECOND, 3600 * SECOND])
def test_probes_that_are_sent_evenly_leave_no_period_empty(interval: int) -> None:
    timeline = Timeline()
    for seq in range(10):
        timeline.replied(seq * interval, MS)
    periods = timeline.periods()
    assert [period.received for period in periods] == [1] * 10


def test_a_run_of_any_length_has_a_bounded_number_of_periods() -> None:
    timeline = Timeline()
    for second in range(100_000):
        timeline.replied(second * SECOND, MS)
    assert LIMIT // 2 <= len(timeline.periods()) <= LIMIT
