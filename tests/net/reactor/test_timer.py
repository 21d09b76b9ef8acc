"""The pacer: by a test's clock exactly, and by the kernel's timer on a real reactor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import Clock

from netecho.net.linux import sockopts, timerfd
from netecho.net.reactor.timer import Pacer, TimerDescriptor

if TYPE_CHECKING:
    from collections.abc import Callable


MS = 1_000_000


class Bench:
    """A pacer on a clock that only the test moves."""

    def __init__(self, *, spin: bool = False) -> None:
        self.clock = Clock()
        self.fired: list[int] = []
        self.after: Callable[[], None] = lambda: None
        self.pacer = Pacer(self.clock, self.fire, spin=spin, clock=self.now)

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


@pytest.mark.parametrize("end", [lambda pacer: pacer.arm(None), Pacer.close])
def test_disarmed_and_closed_pacers_leave_nothing_behind(end: Callable[[Pacer], None]) -> None:
    bench = Bench()
    bench.pacer.arm(5 * MS)
    end(bench.pacer)
    assert bench.clock.getDelayedCalls() == []
    end(bench.pacer)
    bench.clock.advance(1)
    assert bench.fired == []


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
    pacer = Pacer(reactor, lambda: fired.append(1), clock=lambda: readings.pop(0))
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
    pacer = Pacer(reactor, lambda: fired.append(now[0]), spin=True, clock=clock)
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
    fired: list[int] = []
    start = time.monotonic_ns()
    due = [start - MS, start + MS, start + MS + 50_000, start + 3 * MS]

    def fire() -> None:
        fired.append(time.monotonic_ns())
        if len(fired) < len(due):
            pacer.arm(due[len(fired)])

    pacer = Pacer(reactor, fire, spin=spin)
    assert isinstance(pacer._alarm, TimerDescriptor)
    pacer.arm(due[0])
    run(reactor, lambda: len(fired) == len(due))
    assert all(at >= instant for at, instant in zip(fired, due, strict=True))
    reactor.doIteration(0)
    assert len(fired) == len(due), "fired again without being armed"
    pacer.close()
    assert pacer._alarm not in reactor.getReaders()


@needs_timerfd
def test_a_disarmed_timer_of_the_kernel_is_silent() -> None:
    reactor: Any = EPOLL()
    fired: list[int] = []
    pacer = Pacer(reactor, lambda: fired.append(1))
    pacer.arm(time.monotonic_ns() - MS)
    pacer.arm(None)
    reactor.doIteration(0)
    assert fired == []
    pacer.close()
    pacer.close()


@needs_timerfd
def test_may_be_closed_from_what_it_calls() -> None:
    reactor: Any = EPOLL()
    fired: list[int] = []

    def fire() -> None:
        fired.append(1)
        pacer.close()

    pacer = Pacer(reactor, fire)
    pacer.arm(time.monotonic_ns())
    run(reactor, lambda: bool(fired))
    assert pacer._alarm not in reactor.getReaders()


def test_without_a_timer_descriptor_the_reactors_own_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timerfd, "timerfd", lambda: None)
    reactor: Any = SelectReactor()
    fired: list[int] = []
    pacer = Pacer(reactor, lambda: fired.append(time.monotonic_ns()))
    due = time.monotonic_ns() + MS
    pacer.arm(due)
    while not fired:
        reactor.doIteration(reactor.timeout())
        reactor.runUntilCurrent()
    assert fired[0] >= due
