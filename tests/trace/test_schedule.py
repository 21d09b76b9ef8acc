"""Which TTL is due when."""

from __future__ import annotations

import pytest

from netecho.trace.plan import Plan
from netecho.trace.schedule import BEYOND, Schedule
from netecho.units import SECOND

SPACING = Plan().spacing


def played(schedule: Schedule, until: int, distance: int | None = None) -> list[tuple[int, int, int]]:
    """What is sent up to an instant: (when, round, TTL), where the target at `distance` answers at once."""
    sent = []
    while (at := schedule.next_deadline()) is not None and at < until:
        for number, ttl in schedule.due(at):
            sent.append((at, number, ttl))
            if distance is not None:
                schedule.reached(ttl) if ttl >= distance else schedule.passed(ttl)
    return sent


def test_the_first_round_sends_one_ttl_after_the_other_and_ends_with_the_target() -> None:
    sent = played(Schedule(Plan(rounds=1), 0), SECOND, distance=5)
    assert sent == [(n * SPACING, 0, n + 1) for n in range(5)]


def test_a_round_of_which_the_end_is_known_leaves_at_once() -> None:
    sent = played(Schedule(Plan(rounds=2), 0), 10 * SECOND, distance=5)
    assert sorted(sent[5:]) == [(SECOND, 1, ttl) for ttl in (1, 2, 3, 4, 5)]


@pytest.mark.parametrize("ways", [2, 3, 4])
@pytest.mark.parametrize("distance", range(2, 13))
def test_no_ttl_keeps_step_with_a_router_that_sends_packets_by_several_ways_in_turns(distance: int, ways: int) -> None:
    sent = played(Schedule(Plan(), 0), 100 * SECOND, distance=distance)
    for ttl in range(1, distance + 1):
        assert len({place % ways for place, (_, _, each) in enumerate(sent) if each == ttl}) > 1


def test_flows_do_not_keep_step_with_each_other() -> None:
    orders = {tuple(played(Schedule(Plan(), 0, seed), 100 * SECOND, distance=9)) for seed in range(4)}
    assert len(orders) == 4


def test_a_target_that_does_not_answer_is_looked_for_in_the_first_round() -> None:
    schedule = Schedule(Plan(rounds=2, max_hops=12), 0)
    first = played(schedule, SECOND)
    assert [ttl for _, _, ttl in first] == list(range(1, 13))
    schedule.passed(4)
    assert [ttl for _, _, ttl in played(schedule, 2 * SECOND)] == list(range(1, 4 + BEYOND + 1))


def test_a_path_that_becomes_longer_is_followed() -> None:
    schedule = Schedule(Plan(rounds=0), 0)
    played(schedule, SECOND, distance=3)
    schedule.passed(3)
    later = [ttl for _, _, ttl in played(schedule, 2 * SECOND, distance=5)]
    assert sorted(later) == [1, 2, 3, 4, 5]
    assert later[3:] == [4, 5]
    assert schedule.end == 5


def test_a_path_that_becomes_shorter_is_too() -> None:
    schedule = Schedule(Plan(rounds=0), 0)
    played(schedule, SECOND, distance=5)
    assert sorted(ttl for _, _, ttl in played(schedule, 2 * SECOND, distance=2)) == [1, 2, 3, 4, 5]
    assert schedule.end == 2


def test_rounds_end_by_their_number() -> None:
    schedule = Schedule(Plan(rounds=3), 0)
    assert {number for _, number, _ in played(schedule, 100 * SECOND, distance=1)} == {0, 1, 2}
    assert schedule.next_deadline() is None


def test_rounds_end_by_the_time() -> None:
    schedule = Schedule(Plan(rounds=0, duration=2 * SECOND), 0)
    assert [at for at, _, _ in played(schedule, 100 * SECOND, distance=1)] == [0, SECOND]


def test_rounds_that_were_missed_are_not_caught_up_with() -> None:
    schedule = Schedule(Plan(rounds=0), 0)
    played(schedule, SECOND, distance=1)
    assert schedule.due(10 * SECOND) == [(1, 1)]
    assert schedule.next_deadline() == 11 * SECOND


def test_nothing_is_due_after_the_end() -> None:
    schedule = Schedule(Plan(), 0)
    schedule.stop()
    assert schedule.due(SECOND) == []
    assert schedule.next_deadline() is None
