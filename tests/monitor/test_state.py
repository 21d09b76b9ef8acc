"""The states of a target: what leads from one to the other, and that it never flaps faster than it may."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from netecho.monitor.state import ANSWERS, SILENT as UNTIL_SILENT, Alert, Change, Failed, State, TargetState

SILENT = Failed(State.DOWN, "no answer")
REFUSED = Failed(State.UNREACHABLE, "refused")


class Bench:
    def __init__(self, *alerts: Alert, fall: int = 3, rise: int = 2) -> None:
        self.state = TargetState(0, fall=fall, rise=rise, alerts=alerts)
        self.now = 0

    def after(self, *failures: Failed | None, seconds: int = 1) -> Change | None:
        for each in failures:
            if each is None:
                self.state.answered()
            else:
                self.state.failed(each)
        self.now += seconds
        return self.state.judge(self.now)


def test_the_first_answer_is_up() -> None:
    bench = Bench()
    assert bench.after(SILENT, SILENT) is None
    assert bench.after(None) == Change(State.PENDING, State.UP, "it answers", 2, 2)
    assert bench.after(None) is None


def test_a_few_failures_in_a_row_are_down_and_a_few_answers_in_a_row_bring_it_back() -> None:
    bench = Bench()
    bench.after(None)
    assert bench.after(SILENT, SILENT, None, SILENT, SILENT) is None
    down = bench.after(SILENT)
    assert down is not None
    assert (down.after, down.reason) == (State.DOWN, "no answer")
    assert bench.after(None, SILENT, None) is None
    back = bench.after(None)
    assert back is not None
    assert (back.before, back.after, back.lasted) == (State.DOWN, State.UP, 2)


def test_unreachable_has_the_reason_that_was_given() -> None:
    bench = Bench()
    assert bench.after(REFUSED) == Change(State.PENDING, State.UNREACHABLE, "refused", 1, 1)


def test_a_target_that_was_unreachable_is_down_when_nothing_was_said_for_a_while() -> None:
    bench = Bench()
    bench.after(REFUSED)
    for _ in range(100):  # as a router does: an error now and then, and silence between
        assert bench.after(SILENT, SILENT, SILENT, seconds=UNTIL_SILENT - 1) is None
        assert bench.after(REFUSED, REFUSED, REFUSED) is None
    assert bench.after(SILENT, SILENT) is None
    assert bench.after(seconds=UNTIL_SILENT) is None
    change = bench.after(SILENT)
    assert change is not None
    assert (change.after, change.reason) == (State.DOWN, "no answer")
    assert bench.after(REFUSED, REFUSED) is None
    back = bench.after(REFUSED)
    assert back is not None
    assert back.after is State.UNREACHABLE


def test_a_criterion_degrades_once_it_was_true_for_its_time_and_no_longer_once_it_was_false_for_as_long() -> None:
    alert = Alert("loss>1%", 30)
    bench = Bench(alert)
    bench.after(None)
    for now, came_true, expected in [
        (10, True, State.UP),
        (20, False, State.UP),
        (30, True, State.UP),
        (59, True, State.UP),
        (60, True, State.DEGRADED),
        (70, False, State.DEGRADED),
        (80, None, State.DEGRADED),
        (90, False, State.DEGRADED),
        (119, False, State.DEGRADED),
        (120, False, State.UP),
    ]:
        alert.observe(now, came_true)
        bench.state.judge(now)
        assert bench.state.state is expected, now


def test_a_target_that_comes_back_while_a_criterion_is_true_is_degraded() -> None:
    alert = Alert("loss>1%", 0)
    bench = Bench(alert)
    bench.after(None)
    bench.after(SILENT, SILENT, SILENT)
    alert.observe(5, True)
    change = bench.after(None, None)
    assert change is not None
    assert (change.before, change.after, change.reason) == (State.DOWN, State.DEGRADED, "loss>1%")


class Target(RuleBasedStateMachine):
    """Any outcomes in any order, with what must hold whatever they are."""

    @initialize(fall=st.integers(1, 4), rise=st.integers(1, 4), duration=st.integers(0, 5))
    def begin(self, fall: int, rise: int, duration: int) -> None:
        self.alert = Alert("loss>1%", duration)
        self.state = TargetState(0, fall=fall, rise=rise, alerts=(self.alert,))
        self.fall, self.rise = fall, rise
        self.now = 0
        self.outcomes: list[Failed | None] = []
        self.observed: list[tuple[int, bool]] = []
        self.changes: list[Change] = []

    @rule()
    def answer(self) -> None:
        self.outcomes.append(None)
        self.state.answered()

    @rule(failed=st.sampled_from([SILENT, REFUSED]))
    def fail(self, failed: Failed) -> None:
        self.outcomes.append(failed)
        self.state.failed(failed)

    @rule(came_true=st.booleans())
    def observe(self, came_true: bool) -> None:
        self.observed.append((self.now, came_true))
        self.alert.observe(self.now, came_true)

    @rule(passed=st.integers(1, 4))
    def judge(self, passed: int) -> None:
        self.now += passed
        change = self.state.judge(self.now)
        if change is not None:
            self.check(change)
            self.changes.append(change)
        assert self.state.judge(self.now) is None

    def check(self, change: Change) -> None:
        before = self.changes[-1] if self.changes else None
        assert change.before is (before.after if before else State.PENDING)
        assert change.before is not change.after
        assert change.reason
        assert change.lasted == change.at - (before.at if before else 0) > 0
        if change.after in ANSWERS and change.before not in ANSWERS:
            needed = 1 if change.before is State.PENDING else self.rise
            assert self.outcomes[-needed:] == [None] * needed
        elif change.after not in ANSWERS:
            needed = 1 if change.before is State.PENDING and change.after is State.UNREACHABLE else self.fall
            assert None not in self.outcomes[-needed:]
            assert len(self.outcomes) >= needed
            last = self.outcomes[-1]
            assert last is not None
            assert (last.kind, last.reason) == (change.after, change.reason)
        if change.after is State.DEGRADED:
            assert any(came_true for _, came_true in self.observed)

    @invariant()
    def an_answering_target_is_degraded_by_nothing_but_a_criterion(self) -> None:
        if hasattr(self, "state") and self.state.state is State.DEGRADED and not self.alert.firing:
            assert self.observed[-1][0] <= self.now


def test_every_order_of_observations() -> None:
    run_state_machine_as_test(Target)
