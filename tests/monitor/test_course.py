"""A target's last minutes as points: what is kept, for how long, and where each stands in time."""

from __future__ import annotations

from netecho.monitor.course import POINTS, Course, Point
from netecho.monitor.windows import SLOT, SLOTS
from netecho.units import MILLISECOND, SECOND
from tests.report.monitored import watched


def test_the_latest_are_kept_as_they_were() -> None:
    course, added = Course(), []
    assert course.latest is None
    for number in range(POINTS + 5):
        added.append(Point(number, 5, 4, 1, None if number % 3 else number << 40, number))
        course.add(added[-1])
        assert course.latest == added[-1]
    assert list(course) == added[-POINTS:]


def test_each_slot_of_a_target_is_a_point_with_its_own_percentiles() -> None:
    target, _ = watched("fra", "....x", seconds=31)
    assert [(each.number, each.sent, each.received, each.lost) for each in target.course] == [
        (number, 5, 4, 1) for number in range(6)
    ]
    first = next(iter(target.course))
    assert first.p50 is not None
    assert abs(first.p50 - MILLISECOND) < MILLISECOND * 0.016


def test_without_an_answer_there_are_no_percentiles() -> None:
    latest = watched("nyc", "x", seconds=10)[0].course.latest
    assert latest == Point(1, 5, 0, 5, None, None)


def test_minutes_and_slots_say_where_they_stand_though_nothing_ran_for_a_while() -> None:
    target, _ = watched("fra", ".", seconds=61)
    later = 10 * SLOTS * SLOT + 3 * SECOND
    target.advance(later)
    target.advance(11 * SLOTS * SLOT)
    assert list(target.minutes) == [0, 9, 10]
    assert len(target.minutes) == len(target.windows.minutes)
    assert [each.number for each in target.course][-2:] == [119, 131]
