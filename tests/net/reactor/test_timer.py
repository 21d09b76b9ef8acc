"""The timer of a run and its pacers: by a test's clock exactly, and by the kernel's timer on a real reactor."""

from __future__ import annotations

import select
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import Clock

from netecho.net.linux import run_clock, sockopts, timerfd
from netecho.net.reactor.timer import Pacer, Timer

if TYPE_CHECKING:
    from collections.abc import Callable


MS = 1_000_000


class Bench:
    """A pacer on a clock that only the test moves."""

    def __init__(self, *, spin: bool = False) -> None:
        self.clock = Clock()
        self.fired: list[int] = []
        self.after: Callable[[], None] = lambda: None
        self.timer = Timer(self.clock, spin=spin, clock=self.now)
        self.pacer = Pacer(self.timer, self.fire)

    def now(self) -> int:
        return round(self.clock.seconds() * 1e9)

    def fire(self) -> None:
        self.fired.append(self.now())
        self.after()


def test_fires_once_at_the_instant() -> None:
    bench = Bench()
    bench.pacer.arm(5 * MS)
    bench.clock.advance(0.004999)
    assert bench.fired == []
    assert bench.pacer.armed == 5 * MS
    bench.clock.advance(0.000001)
    assert bench.fired == [5 * MS]
    assert bench.pacer.armed is None
    bench.clock.advance(1)
    assert bench.fired == [5 * MS]


def test_an_instant_that_is_past_fires_at_the_next_pass_and_not_from_inside_arm() -> None:
    bench = Bench()
    bench.clock.advance(1)
    bench.pacer.arm(3)
    assert bench.fired == []
    bench.clock.advance(0)
    assert bench.fired == [1000 * MS]


def test_the_last_instant_armed_counts() -> None:
    bench = Bench()
    bench.pacer.arm(5 * MS)
    bench.pacer.arm(2 * MS)
    bench.clock.advance(0.002)
    bench.clock.advance(0.01)
    assert bench.fired == [2 * MS]
    bench.pacer.arm(20 * MS)
    bench.pacer.arm(30 * MS)
    bench.clock.advance(0.01)
    assert bench.fired == [2 * MS]
    bench.clock.advance(0.01)
    assert bench.fired == [2 * MS, 32 * MS]


def test_the_same_instant_again_touches_nothing() -> None:
    bench = Bench()
    bench.pacer.arm(5 * MS)
    (call,) = bench.clock.getDelayedCalls()
    bench.pacer.arm(5 * MS)
    assert bench.clock.getDelayedCalls() == [call]


@pytest.mark.parametrize("end", [lambda bench: bench.pacer.arm(None), lambda bench: bench.timer.close()])
def test_a_disarmed_pacer_and_a_closed_timer_leave_nothing_behind(end: Callable[[Bench], None]) -> None:
    bench = Bench()
    bench.pacer.arm(5 * MS)
    end(bench)
    assert bench.clock.getDelayedCalls() == []
    end(bench)
    bench.clock.advance(1)
    assert bench.fired == []


def test_a_closed_timer_stays_closed() -> None:
    bench = Bench()
    bench.timer.close()
    bench.pacer.arm(5 * MS)
    assert bench.clock.getDelayedCalls() == []


class Passes(Clock):
    """A clock whose passes are a reactor's: what a call leaves to be done at once is done in the next one."""

    def advance(self, amount: float) -> None:
        self.rightNow += amount
        for call in [each for each in self.calls if each.getTime() <= self.rightNow]:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)


class Pacers:
    """Several pacers of one timer, and what is to be expected of them: no heap, and all of it looked through."""

    def __init__(self, count: int) -> None:
        self.clock = Passes()
        self.timer = Timer(self.clock, clock=self.now)
        self.fired: list[int] = []
        self.expected: dict[int, int] = {}
        """The instant of each that is armed, in the order of arming."""
        self.then: dict[int, list[tuple[int, int | None]]] = {}
        """What a pacer does, once, when it fires: it arms another one, or itself, so much later; None: disarms it."""
        self.pacers = [Pacer(self.timer, lambda n=n: self.fire(n)) for n in range(count)]  # type: ignore[misc]

    def now(self) -> int:
        return round(self.clock.seconds() * 1000) * MS

    def arm(self, number: int, at: int | None) -> None:
        if at != self.expected.get(number):
            self.expected.pop(number, None)
            if at is not None:
                self.expected[number] = at
        self.pacers[number].arm(at)

    def fire(self, number: int) -> None:
        now = self.now()
        first = min(self.expected, key=lambda each: self.expected[each])  # of equal ones, the first that was armed
        assert number == first
        assert self.pacers[number].armed is None
        assert self.expected.pop(number) <= now
        self.fired.append(number)
        for other, later in self.then.pop(number, []):
            self.arm(other, None if later is None else now + later * MS)

    def check(self) -> None:
        assert all(at > self.now() for at in self.expected.values()), "one did not fire"
        assert [each.armed for each in self.pacers] == [self.expected.get(n) for n in range(len(self.pacers))]
        calls = [round(call.getTime() * 1000) * MS for call in self.clock.getDelayedCalls()]  # type: ignore[misc]
        assert calls == ([min(self.expected.values())] if self.expected else []), "the alarm is set for the first"


NUMBERS = st.integers(0, 4)
ARMINGS = st.tuples(NUMBERS, st.none() | st.integers(1, 6))
PASSES = st.lists(st.tuples(st.lists(ARMINGS, max_size=30), st.integers(1, 4)), max_size=8)


@given(passes=PASSES, then=st.dictionaries(NUMBERS, st.lists(ARMINGS, max_size=4)))
def test_pacers_of_one_timer_fire_in_order_each_at_its_latest_instant(
    passes: list[tuple[list[tuple[int, int | None]], int]], then: dict[int, list[tuple[int, int | None]]]
) -> None:
    pacers = Pacers(5)
    pacers.then = then
    for armings, milliseconds in passes:
        for number, later in armings:
            pacers.arm(number, None if later is None else pacers.now() + later * MS)
        for _ in range(milliseconds):
            pacers.clock.advance(0.001)
        pacers.check()


def test_when_many_are_late_what_was_received_has_its_turn_between_them() -> None:
    pacers = Pacers(100)
    for number in range(100):
        pacers.arm(number, MS)
    turns = []
    while len(pacers.fired) < 100:
        before = len(pacers.fired)
        pacers.clock.advance(0.001)
        turns.append(len(pacers.fired) - before)
    assert pacers.fired == list(range(100))
    assert max(turns) < 50


def test_a_pacer_that_is_always_late_has_the_others_fire_too() -> None:
    pacers = Pacers(2)
    pacers.clock.advance(1)
    both = [Pacer(pacers.timer, lambda: fire(0)), Pacer(pacers.timer, lambda: fire(1))]
    fired = []

    def fire(number: int) -> None:
        fired.append(number)
        both[number].arm(pacers.now())

    for each in both:
        each.arm(pacers.now())
    for turns in range(1, 4):
        pacers.clock.advance(0)
        assert fired == [0, 1] * turns, "each once a pass"


def test_a_pacer_that_is_armed_anew_for_every_reply_takes_no_memory_for_it() -> None:
    bench = Bench()
    other = Pacer(bench.timer, lambda: None)
    other.arm(MS)  # what no longer holds is never the first
    references = []
    for number in range(1000):
        bench.pacer.arm(10_000 * MS + number)
        references.append(sys.getrefcount(bench.pacer))
    assert max(references) - references[0] < 5
    bench.clock.advance(30)
    assert len(bench.fired) == 1


def test_can_be_armed_again_from_what_it_calls() -> None:
    bench = Bench()
    bench.after = lambda: bench.pacer.arm(bench.fired[-1] + MS) if len(bench.fired) < 3 else None
    bench.pacer.arm(MS)
    bench.clock.pump([0.001] * 9)
    assert bench.fired == [MS, 2 * MS, 3 * MS]


def test_never_fires_early_whatever_the_reactor_rounds_to() -> None:
    reactor = Clock()
    readings = [0, MS - 1, MS - 1, MS]  # when armed; when woken, a nanosecond early, and armed again; then
    fired: list[int] = []
    pacer = Pacer(Timer(reactor, clock=lambda: readings.pop(0)), lambda: fired.append(1))
    pacer.arm(MS)
    reactor.advance(0.001)
    assert fired == []
    reactor.advance(0.001)
    assert fired == [1]


def test_spinning_wakes_early_and_waits_for_the_instant_itself() -> None:
    now = [0]

    def clock() -> int:
        now[0] += 1000  # every look at the clock takes a microsecond
        return now[0]

    reactor = Clock()
    fired: list[int] = []
    pacer = Pacer(Timer(reactor, spin=True, clock=clock), lambda: fired.append(now[0]))
    pacer.arm(2 * MS)
    (call,) = reactor.getDelayedCalls()
    wake: float = call.getTime()  # type: ignore[misc]
    assert 0.001 < wake < 0.002
    now[0] = round(wake * 1e9)
    reactor.advance(wake)
    assert fired == [pytest.approx(2 * MS, abs=1000)]
    assert fired[0] >= 2 * MS


EPOLL: Callable[[], Any] = EPollReactor

needs_timerfd = pytest.mark.skipif(not sockopts.LINUX, reason="timer descriptors are Linux's")


def run(reactor: Any, until: Callable[[], bool]) -> None:
    """Turn the reactor over until `until`, blocking in its poll as it does in service."""
    while not until():
        reactor.doIteration(reactor.timeout())


@needs_timerfd
@pytest.mark.parametrize("spin", [False, True])
@pytest.mark.parametrize("make", [EPOLL, SelectReactor])
def test_by_the_kernels_timer_on_a_real_reactor(make: Callable[[], Any], spin: bool) -> None:
    reactor = make()
    others = reactor.getReaders()
    fired: list[int] = []
    start = run_clock.now()
    due = [start - MS, start + MS, start + MS + 50_000, start + 3 * MS]

    def fire() -> None:
        fired.append(run_clock.now())
        if len(fired) < len(due):
            pacer.arm(due[len(fired)])

    timer = Timer(reactor, spin=spin)
    assert len(reactor.getReaders()) == 1 + len(others)
    pacer = Pacer(timer, fire)
    pacer.arm(due[0])
    run(reactor, lambda: len(fired) == len(due))
    assert all(at >= instant for at, instant in zip(fired, due, strict=True))
    reactor.doIteration(0)
    assert len(fired) == len(due), "fired again without being armed"
    timer.close()
    assert reactor.getReaders() == others


@needs_timerfd
def test_a_hang_up_of_what_had_its_number_before_does_not_end_a_timer() -> None:
    reactor: Any = EPOLL()
    fired: list[int] = []
    others = reactor.getReaders()
    timer = Timer(reactor)
    pacer = Pacer(timer, lambda: fired.append(run_clock.now()))
    pacer.arm(run_clock.now() + MS)
    (descriptor,) = [each for each in reactor.getReaders() if each not in others]
    reactor._doReadOrWrite(descriptor, descriptor.fileno(), select.EPOLLHUP)
    assert descriptor in reactor.getReaders()
    run(reactor, lambda: bool(fired))
    timer.close()
    assert reactor.getReaders() == others


@needs_timerfd
def test_a_disarmed_timer_of_the_kernel_is_silent() -> None:
    reactor: Any = EPOLL()
    fired: list[int] = []
    timer = Timer(reactor)
    pacer = Pacer(timer, lambda: fired.append(1))
    pacer.arm(run_clock.now() - MS)
    pacer.arm(None)
    reactor.doIteration(0)
    assert fired == []
    timer.close()
    timer.close()


@needs_timerfd
def test_may_be_closed_from_what_it_calls() -> None:
    reactor: Any = EPOLL()
    others = reactor.getReaders()
    fired: list[int] = []

    def fire() -> None:
        fired.append(1)
        timer.close()

    timer = Timer(reactor)
    for _ in range(2):
        Pacer(timer, fire).arm(run_clock.now())
    run(reactor, lambda: bool(fired))
    assert fired == [1], "none fires after that"
    assert reactor.getReaders() == others


def test_without_a_timer_descriptor_the_reactors_own_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timerfd, "timerfd", lambda: None)
    reactor: Any = SelectReactor()
    fired: list[int] = []
    pacer = Pacer(Timer(reactor), lambda: fired.append(run_clock.now()))
    due = run_clock.now() + MS
    pacer.arm(due)
    while not fired:
        reactor.doIteration(reactor.timeout())
        reactor.runUntilCurrent()
    assert fired[0] >= due
