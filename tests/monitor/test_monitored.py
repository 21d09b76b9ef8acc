"""One target over time: what its windows hold, what is counted, and how its criteria are judged."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from netecho.measure.loss_reason import Loss, LossReason
from netecho.monitor.buckets import Buckets
from netecho.monitor.directions import Located, Lost
from netecho.monitor.histogram import NOTHING, Packed
from netecho.monitor.keys import parse_rule
from netecho.monitor.monitored import MonitoredTarget
from netecho.monitor.settings import ProbeSettings, TargetSettings
from netecho.monitor.state import State
from netecho.monitor.windows import MINUTES, SLOT, Counts, OneWay, Slot, Windows, merged
from netecho.target import parse_target
from netecho.units import MILLISECOND, SECOND

SETTINGS = TargetSettings(name="a", target=parse_target("udp://a"))
MINUTE = 60 * SECOND


class Bench:
    def __init__(self, now: int = 0, **probing: Any) -> None:
        self.lag = Buckets()
        self.target = MonitoredTarget(replace(SETTINGS, probing=ProbeSettings(**probing)), now, self.lag)
        self.recorder = self.target.recorder
        self.flow = self.recorder.flow()

    def reply(self, rtt: int = MILLISECOND) -> None:
        self.recorder.sent(1000)
        self.recorder.replied(self.flow, 0, rtt, True, rtt + 1000, 64)

    def lose(self, reason: LossReason = LossReason.TIMEOUT, detail: str = "") -> None:
        self.recorder.sent(1000)
        self.recorder.lost(64, Loss(reason, detail))


def test_the_last_minute_and_hour_have_what_is_under_way_and_no_more_than_a_minute_and_an_hour() -> None:
    bench = Bench()
    for second in range(2 * MINUTES * 60):
        bench.reply((1 + second // 3600) * MILLISECOND)
        bench.target.advance((second + 1) * SECOND)
    assert bench.target.last_minute().received == 55
    bench.reply(2 * MILLISECOND)
    assert bench.target.last_minute().received == 56
    hour = bench.target.last_hour()
    assert (hour.received, hour.rtt.min, hour.rtt.max) == (59 * 60 + 1, 2 * MILLISECOND, 2 * MILLISECOND)
    assert bench.recorder.counts.received == 7201
    assert bench.recorder.rtt.count == bench.lag.count == 7201


def test_an_outage_has_its_direction_in_the_last_hour_once_it_is_over_and_counters_stay() -> None:
    bench = Bench()
    numbers = bench.recorder.one_way("auto", 0).flow().directions
    minutes = []
    for second in range(600):
        if 30 <= second < 330:
            bench.lose()
        else:
            numbers.replied(second, second if second < 30 else second - 300)
            bench.reply()
        bench.target.advance((second + 1) * SECOND)
        minutes += [bench.target.minute] if bench.target.minute is not None else []
    hour = bench.target.last_hour()
    assert (hour.lost, hour.lost_forward, hour.lost_backward) == (300, 300, 0)
    minute = bench.target.last_minute()
    assert (minute.lost, minute.lost_forward) == (0, 0)
    assert bench.recorder.lost_by_direction.unknown > 280
    assert bench.recorder.lost_as_known_now == Lost(forward=300)
    ways = [each.one_way for each in minutes]
    assert sum(way.lost_forward + way.earlier.forward for way in ways if way is not None) == 300
    assert all(
        way is not None and way.lost_forward <= each.counts.lost for way, each in zip(ways, minutes, strict=True)
    )


def test_a_request_that_an_icmp_error_answers_was_lost_on_the_way_there_where_the_far_end_stamps() -> None:
    bench = Bench()
    bench.lose(LossReason.REFUSED)
    bench.recorder.one_way("auto", 0).flow()
    for reason in (LossReason.REFUSED, LossReason.ICMP_UNREACHABLE, LossReason.TIMEOUT, LossReason.NOT_CONNECTED):
        bench.lose(reason)
    assert bench.recorder.lost_by_direction == Lost(forward=2, unknown=1)
    for second in range(30):
        bench.target.advance(second * SECOND)
    assert bench.recorder.lost_by_direction == Lost(forward=2, unknown=3)


@given(st.lists(st.tuples(*[st.integers(0, 9)] * 5), max_size=8), st.integers(0, 8))
def test_directions_of_slots_never_exceed_their_losses_however_they_are_merged(
    rows: list[tuple[int, ...]], cut: int
) -> None:
    slots = [
        Slot(Counts(lost=there + back + more), NOTHING, NOTHING, one_way=OneWay(there, back, earlier=Located(a, b)))
        for there, back, more, a, b in rows
    ]
    whole = merged(slots)
    again = merged([merged(slots[:cut]), merged(slots[cut:])])
    for each in (whole, again):
        ways = each.one_way or OneWay()
        known = ways.lost_forward + ways.lost_backward
        assert known <= each.counts.lost
        told = sum(sum(slot.one_way[:2]) + sum(slot.one_way.earlier) for slot in slots if slot.one_way)
        assert known + sum(ways.earlier) == told


def test_what_is_kept_of_an_hour_is_no_work_for_the_garbage_collector() -> None:
    bench = Bench()
    bench.recorder.one_way("auto", 0)
    tracked = []
    for minute in range(40):
        for slot in range(12):
            bench.reply((1 + slot) * MILLISECOND)
            bench.target.advance((12 * minute + slot + 1) * SLOT)
        gc.collect()
        tracked.append(len(gc.get_objects()))
    assert tracked[-1] - tracked[1] < 20
    assert len(bench.target.windows.minutes) == 40


def test_what_is_kept_is_read_as_it_was() -> None:
    one_way = OneWay(1, 2, Packed(1, 5, 5, 5, b"x"), NOTHING, Located(3, 4))
    slots = [Slot(Counts(3, 2, 1, 4, 5, 6, 7, 8), Packed(2, 9, 4, 5, b"ab"), NOTHING, 4, 5, one_way) for _ in range(3)]
    windows = Windows()
    for slot in slots:
        windows.add(slot, ends_minute=False)
    assert list(windows.minute(slots[0]))[:3] == slots
    assert windows.at_a_glance() == (3, 4)


def test_a_minute_is_handed_out_once_at_its_end() -> None:
    bench = Bench(now=30 * SECOND)
    ended = []
    for second in range(31, 200):
        bench.reply()
        bench.target.advance(second * SECOND)
        if bench.target.minute is not None:
            ended.append((second, bench.target.minute.counts.received))
    assert ended == [(60, 30), (120, 60), (180, 60)]


def test_a_criterion_is_judged_by_the_last_minute() -> None:
    bench = Bench(rules=(parse_rule("loss>10%", 10 * SECOND),))
    states = []
    for second in range(1, 41):
        bench.reply() if second <= 10 or second % 2 else bench.lose()
        bench.target.advance(second * SECOND)
        states.append(bench.target.state.state)
    assert states.count(State.UP) == 24
    assert states[-1] is State.DEGRADED
    assert bench.target.state.reason == "loss>10%"


def test_without_a_reply_in_the_last_minute_no_criterion_is_judged() -> None:
    bench = Bench(rules=(parse_rule("rtt.p99>1us", 0), parse_rule("loss>1%", 0)))
    for second in range(1, 100):
        bench.lose()
        bench.target.advance(second * SECOND)
    assert bench.target.state.state is State.DOWN
    assert not any(alert.firing for alert in bench.target.state.alerts)


def test_what_this_machine_did_not_let_out_says_nothing_of_the_target() -> None:
    bench = Bench()
    bench.reply()
    for reason in (LossReason.LOCAL_DROP, LossReason.TOO_LARGE, LossReason.DROPPED_HERE, LossReason.NO_DESCRIPTOR):
        for _ in range(5):
            bench.lose(reason)
    change = bench.target.advance(SECOND)
    assert change is not None
    assert change.after is State.UP
    assert bench.recorder.counts == Counts(sent=21, received=1, lost=15, dropped_here=5)


def test_a_refusal_is_unreachable_and_silence_is_down() -> None:
    for reason, state in ((LossReason.REFUSED, State.UNREACHABLE), (LossReason.TIMEOUT, State.DOWN)):
        bench = Bench()
        for _ in range(3):
            bench.lose(reason)
        bench.target.advance(SECOND)
        assert bench.target.state.state is state


@pytest.mark.parametrize(
    ("reason", "detail", "said"),
    [
        (LossReason.REFUSED, "", "refused"),
        (LossReason.REFUSED, "ICMP port unreachable from 192.0.2.1", "ICMP port unreachable from 192.0.2.1"),
        (LossReason.TLS_ALERT, "certificate required", "TLS failed: certificate required"),
    ],
)
def test_why_a_target_is_unreachable_is_said_as_exactly_as_it_is_known(
    reason: LossReason, detail: str, said: str
) -> None:
    bench = Bench()
    for _ in range(3):
        bench.lose(reason, detail)
    bench.target.advance(SECOND)
    assert bench.target.state.reason == said


def test_a_minute_after_a_stop_has_nothing_of_the_one_before() -> None:
    bench = Bench()
    for second in range(60):
        bench.reply()
        bench.target.advance((second + 1) * SECOND)
    bench.lose()
    bench.target.advance(600 * SECOND)  # as after SIGSTOP, or a laptop's sleep
    minutes = [minute.counts for minute in bench.target.windows.minutes]
    assert [(minute.received, minute.lost) for minute in minutes] == [(60, 0), (0, 1)]


class Windowed(RuleBasedStateMachine):
    """Whatever happens when, the windows hold what was counted, and no more than an hour of it."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(now=17 * SECOND)
        self.now = 17 * SECOND
        self.fates: list[tuple[int, bool]] = []
        self.pending = 0

    @rule(rtt=st.integers(0, 10 * SECOND))
    def reply(self, rtt: int) -> None:
        self.bench.reply(rtt)
        self.fates.append((self.now, True))

    @rule()
    def lose(self) -> None:
        self.bench.lose()
        self.fates.append((self.now, False))

    @rule()
    def end_a_session_with_one_in_flight(self) -> None:
        self.bench.recorder.sent(0)
        self.bench.recorder.pending(1)
        self.pending += 1

    @rule(passed=st.sampled_from([0, 1, 4, 5, 61, 600, 7200]))
    def pass_time(self, passed: int) -> None:
        for _ in range(passed):
            self.now += SECOND
            self.bench.target.advance(self.now)
        counts = self.bench.recorder.counts
        assert counts.sent - self.pending == counts.received + counts.lost == len(self.fates)
        ended = self.now // SLOT * SLOT
        minute = [fate for at, fate in self.fates if at >= ended - MINUTE + SLOT]
        last = self.bench.target.last_minute()
        assert (last.received, last.lost) == (minute.count(True), minute.count(False))
        ended = self.now // MINUTE * MINUTE
        hour = [fate for at, fate in self.fates if at >= ended - (MINUTES - 1) * MINUTE]
        whole = self.bench.target.last_hour()
        assert (whole.received, whole.lost) == (hour.count(True), hour.count(False))
        assert whole.rtt.count == whole.response.count == whole.received


def test_windows_in_every_order_of_events() -> None:
    run_state_machine_as_test(Windowed)
