"""Telling listeners of the targets: all at first, then a few at a time, and nothing while nobody listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from twisted.internet.task import Clock

from netecho.net.monitor.feed import FEW, ROUND, Feed
from netecho.net.reactor.spare_time import MOMENT, SpareTime
from netecho.net.reactor.timer import Timer
from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.state import Change
    from netecho.net.monitor.event_stream import Listener


EACH = MOMENT * 2 // 5
"""Three targets are told of in a step."""


class Words:
    """Targets are numbers here."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.took = 0
        """Nanoseconds, to make what is told of targets."""

    def began(self) -> str:
        return "began"

    def whole(self, target: MonitoredTarget) -> str:
        self.took += EACH
        return f"whole{target}"

    def news(self, target: MonitoredTarget) -> str:
        self.took += EACH
        self.told.append(cast("int", target))
        return f"news{target}"

    def changed(self, target: MonitoredTarget, change: Change) -> str:
        return f"{target} {change}"

    def changes(self) -> str:
        return "[]"


class Ear:
    """A listener that only listens."""

    def __init__(self) -> None:
        self.heard = ""

    def tell(self, text: str) -> None:
        self.heard += text


class Stage:
    def __init__(self, targets: int) -> None:
        self.clock, self.words = Clock(), Words()
        self.targets = cast("list[MonitoredTarget]", list(range(targets)))
        self.spare = SpareTime(Timer(self.clock, clock=self.now))
        self.feed = Feed(self.clock, self.spare, lambda: self.targets, self.words, print)
        self.ear = Ear()

    def now(self) -> int:
        return round(self.clock.seconds() * SECOND) + self.words.took

    def listen(self) -> str:
        """Begin to listen; return what is told first, an event in a step."""
        events, told = self.feed.listener()._first, []
        while event := next(events, ""):
            told.append(event)
            self.spare.at_once(lambda: None)
        first = "".join(told)
        self.feed.listeners.add(cast("Listener", self.ear))
        return first

    def second(self) -> list[int]:
        """Let a second go by; return whose turn it was."""
        self.words.told.clear()
        self.clock.advance(1)
        clock: Any = self.clock
        while any(call.getTime() <= clock.seconds() for call in clock.getDelayedCalls()):
            clock.advance(0)
        return self.words.told


def test_a_listener_is_told_of_all_targets_a_few_at_a_time_and_when_that_was_all() -> None:
    stage = Stage(7)
    events = [block.split("\n") for block in stage.listen().split("\n\n")]
    assert events[0] == ["retry: 2000"]
    assert events[1:3] == [["event: start", "data: began"], ["event: changes", "data: []"]]
    assert [each[1] for each in events[3:6]] == [
        'data: {"targets":[whole0,whole1,whole2]}',
        'data: {"targets":[whole3,whole4,whole5]}',
        'data: {"targets":[whole6]}',
    ]
    assert events[6:] == [["event: all", "data: {}"], [""]]


def test_few_targets_have_their_turn_each_second() -> None:
    stage = Stage(FEW)
    stage.listen()
    for _ in range(3):
        assert sorted(stage.second()) == list(range(FEW))


def test_of_many_each_has_one_turn_in_a_round_and_no_more_than_there_is_time_for_in_a_pass() -> None:
    stage = Stage(1001)
    stage.listen()
    turns = [list(stage.second()) for _ in range(ROUND)]
    assert max(map(len, turns)) <= 1001 // ROUND + 1
    assert {each for turn in turns for each in turn} == set(range(1001))
    assert max(block.count("news") for block in stage.ear.heard.split("\n\n")) == 4  # the event's name is one


def test_targets_that_are_gone_are_not_asked_for() -> None:
    stage = Stage(1000)
    stage.listen()
    stage.second()
    del stage.targets[3:]
    assert sorted(stage.second()) == [0, 1, 2]
    del stage.targets[:]
    assert stage.second() == []


def test_while_nobody_listens_nothing_is_done() -> None:
    stage = Stage(5)
    stage.feed.changed(stage.targets[0], cast("Change", "down"))
    assert stage.clock.getDelayedCalls() == []
    stage.listen()
    stage.feed.listeners.remove(cast("Listener", stage.ear))
    assert stage.second() == []
    assert stage.clock.getDelayedCalls() == []


def test_a_change_of_state_is_told_in_the_next_pass() -> None:
    stage = Stage(5)
    stage.listen()
    stage.feed.changed(stage.targets[3], cast("Change", "down"))
    stage.feed.reconfigured()
    stage.clock.advance(0)
    assert stage.ear.heard == "event: state\ndata: 3 down\n\nevent: reloaded\ndata: {}\n\n"


def test_the_end_leaves_no_call_behind() -> None:
    stage = Stage(5)
    stage.listen()
    stage.feed.stop()
    assert stage.clock.getDelayedCalls() == []
