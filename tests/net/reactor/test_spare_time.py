"""Work that waits for a gap between sends: when it is taken, for how long, and that it is taken at last."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from netecho.net.reactor.spare_time import MOMENT, PATIENCE, ROOM, SpareTime
from netecho.net.reactor.timer import Pacer, Timer
from netecho.units import SECOND

US = 1000


class Day:
    """Sends at instants of its own, and what is done between them."""

    def __init__(self) -> None:
        self.clock, self.at, self.log = Clock(), 0, list[tuple[str, int]]()
        self.timer = Timer(self.clock, clock=lambda: self.at)
        self.spare = SpareTime(self.timer)

    def send(self, at: int, takes: int = 0) -> None:
        def sent() -> None:
            self.log.append(("send", self.at))
            self.at += takes

        Pacer(self.timer, sent).arm(at)

    def work(self, name: str, takes: int = 0) -> None:
        self.spare.later(lambda: self.step(name, takes))

    def step(self, name: str, takes: int = 0) -> None:
        self.log.append((name, self.at))
        self.at += takes

    def go_on(self, until: int) -> list[tuple[str, int]]:
        """Let time pass, a microsecond a pass of the reactor."""
        while self.at < until:
            self.at += US
            self.clock.rightNow = self.at / SECOND
            calls: list[Any] = list(self.clock.getDelayedCalls())
            for call in calls:  # not those that are made meanwhile, as a reactor does
                if call.getTime() <= self.clock.seconds():
                    func, args = call.func, call.args
                    call.cancel()
                    func(*args)
        return self.log


@pytest.fixture
def day() -> Day:
    return Day()


def test_a_step_is_taken_in_the_reactors_next_pass_where_nothing_is_due(day: Day) -> None:
    day.work("a")
    assert day.log == []
    assert day.go_on(2 * US) == [("a", US)]


def test_a_step_is_taken_behind_a_send_where_that_is_due_before_it_could_be_over(day: Day) -> None:
    day.send(ROOM - US, takes=50 * US)
    day.work("a")
    log = day.go_on(SECOND // 100)
    assert [name for name, _ in log] == ["send", "a"]
    assert log[0][1] == ROOM - US


def test_a_step_is_taken_before_a_send_where_there_is_room_for_it(day: Day) -> None:
    day.send(2 * ROOM)
    day.work("a", takes=MOMENT)
    assert [name for name, _ in day.go_on(SECOND // 100)] == ["a", "send"]


def test_where_sends_leave_no_room_a_step_is_taken_all_the_same(day: Day) -> None:
    for n in range(1, 200):
        day.send(n * (ROOM - US) // 2)
    day.work("a")
    day.work("b")
    at = {name: at for name, at in day.go_on(3 * PATIENCE) if name != "send"}
    assert PATIENCE <= at["a"] <= PATIENCE + ROOM
    assert 2 * PATIENCE <= at["b"] <= 2 * PATIENCE + 2 * ROOM


def test_steps_take_turns_and_the_reactor_has_its_turn_between(day: Day) -> None:
    for name in ("a", "b"):
        day.work(name, takes=MOMENT)
    log = day.go_on(SECOND // 100)
    assert [name for name, _ in log] == ["a", "b"]
    assert log[1][1] > log[0][1] + MOMENT


def test_a_step_that_waits_is_not_added_again_but_may_be_by_itself(day: Day) -> None:
    taken: list[int] = []

    def step() -> None:
        taken.append(day.at)
        if len(taken) < 3:
            day.spare.later(step)
            day.spare.later(step)

    day.spare.later(step)
    day.spare.later(step)
    day.go_on(10 * US)
    assert len(taken) == 3


def test_a_step_is_over_when_it_had_its_moment(day: Day) -> None:
    seen: list[bool] = []

    def step() -> None:
        for _ in range(3):
            seen.append(day.spare.is_over())
            day.at += MOMENT // 2

    day.spare.later(step)
    day.go_on(SECOND // 100)
    day.spare.at_once(step)
    assert seen == [False, False, True] * 2


def test_a_step_that_is_called_off_is_not_taken_and_others_are(day: Day) -> None:
    calls: list[str] = []
    steps = {name: (lambda name=name: calls.append(name)) for name in "abc"}
    for step in steps.values():
        day.spare.later(step)
    day.spare.call_off(steps["a"])
    day.spare.call_off(steps["a"])
    day.go_on(10 * US)
    assert calls == ["b", "c"]
    day.spare.later(steps["a"])
    day.spare.call_off(steps["a"])
    assert day.clock.getDelayedCalls() == []


def test_a_step_that_fails_costs_the_others_nothing(day: Day) -> None:
    def fails() -> None:
        raise RuntimeError

    day.spare.later(fails)
    day.work("b")
    with pytest.raises(RuntimeError):
        day.go_on(10 * US)
    assert [name for name, _ in day.go_on(20 * US)] == ["b"]
