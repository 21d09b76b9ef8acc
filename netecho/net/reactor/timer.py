"""A timer of microsecond resolution on the reactor, one for all connections of a run: sends leave when they should.

`reactor.callLater` reads the wall clock, which steps, and the epoll reactor rounds its waits up to a
millisecond. A timer descriptor on the same reactor has neither fault: the kernel's high-resolution timer makes
it readable at an instant of the run's clock, and the wake-up is all that is left of the lateness. Even that can
be avoided by busy-waiting, at the price of a core, which is done only on request.

This module knows instants and nothing of what happens at them.
"""

from __future__ import annotations

import os
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Protocol, cast

from twisted.internet.interfaces import IHalfCloseableDescriptor, IReactorFDSet, IReadDescriptor
from zope.interface import implementer

from netecho.net.linux import run_clock, timerfd
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

    from netecho.net.reactor.interfaces import DelayedCall, ReactorDescriptors, ReactorTime

SPIN = 250_000
"""How long before the instant a spinning timer wakes, ns: above the wake-ups of an idle core, a few of which
take over 100 µs."""


class _Alarm(Protocol):
    """What goes off once, at the instant last set."""

    def set(self, at: int | None) -> None: ...
    def close(self) -> None: ...


_RUNG = -1
_BATCH = 32
"""Pacers that fire in one pass when the program is behind; then what was received has its turn."""


class Timer:
    """One alarm for all the pacers of a run, which fire in the order of their instants.

    Instants are nanoseconds of `clock`. The kernel's timer follows `run_clock` alone, so a clock of the
    caller's own (a test's), a system without timer descriptors and a reactor that watches no descriptors are
    served by `reactor.callLater`. `spin`: wake before each instant, and wait for it busily.

    The heap has an entry for each armed pacer. The entry of one that was disarmed, or armed anew, no longer holds: it
    is dropped when it is the first, or when most no longer hold.
    """

    def __init__(self, reactor: ReactorTime, *, spin: bool = False, clock: Callable[[], int] = run_clock.now) -> None:
        self.clock = clock
        self._early = SPIN if spin else 0
        self._heap: list[tuple[int, int, Pacer]] = []
        """The instant, the number of the entry, whose it is."""
        self._entries = 0
        """How many have been made: an entry's number, by which those of one instant fire in the order of arming."""
        self._void = 0
        """How many in the heap no longer hold."""
        self._set: int | None = None
        """The instant that the alarm is set for; `_RUNG`: it has gone off, and is to be set anew."""
        self._ringing = False
        self._closed = False
        alarm: _Alarm | None = None
        if clock is run_clock.now and IReactorFDSet.providedBy(reactor):
            alarm = TimerDescriptor.on(cast("ReactorDescriptors", reactor), self._ring)
        self._alarm: _Alarm = alarm or DelayedAlarm(reactor, self._ring, clock)

    def close(self) -> None:
        """Fire no pacer any more, and leave the reactor."""
        self._closed = True
        self._heap.clear()
        self._alarm.close()

    def enter(self, at: int, pacer: Pacer) -> int:
        """Enter an instant at which `pacer` fires; return the entry's number, never 0."""
        self._entries = number = self._entries + 1
        heappush(self._heap, (at, number, pacer))
        return number

    def void(self) -> None:
        """Count an entry that no longer holds."""
        self._void += 1
        if 2 * self._void > len(self._heap):
            self._heap[:] = [each for each in self._heap if each[2].entry == each[1]]
            heapify(self._heap)
            self._void = 0

    def due(self) -> int | None:
        """Return the first instant at which a pacer fires, if one does."""
        heap = self._heap
        while heap and heap[0][2].entry != heap[0][1]:
            self._drop()
        return heap[0][0] if heap else None

    def set(self) -> None:
        """Set the alarm for the first instant, if it is set for another."""
        if self._ringing or self._closed:
            return
        at = self.due()
        if at != self._set:
            self._set = at
            self._alarm.set(None if at is None else at - self._early)

    def _drop(self) -> None:
        """Drop the first entry, which no longer holds."""
        heappop(self._heap)
        self._void -= 1

    def _ring(self) -> None:
        """Fire the pacers whose instant is now or past, but none twice.

        What is done before the first fires makes every send later, so it is done here and not in calls: 1 µs less.
        """
        heap, last, left, clock = self._heap, self._entries, _BATCH, self.clock
        self._set = _RUNG
        self._ringing = True
        now = clock()
        try:
            while heap and left:
                at, number, pacer = heap[0]
                if pacer.entry == number:
                    if at > now:
                        # callLater counts in its reactor's seconds, floats that can round to just before the instant.
                        if at - self._early > now or left < _BATCH:
                            break
                        while now < at:
                            now = clock()
                    elif number > last:
                        break
                    heappop(heap)
                    left -= 1
                    pacer.armed, pacer.entry = None, 0
                    pacer.call()
                else:
                    self._drop()
        finally:
            self._ringing = False
            self.set()


class Pacer:
    """Calls `call` once at the instant armed, or as soon after it as the machine allows; never before it."""

    __slots__ = ("_timer", "armed", "call", "entry")

    def __init__(self, timer: Timer, call: Callable[[], None]) -> None:
        self._timer = timer
        self.call = call
        self.armed: int | None = None
        """The instant it fires at; None: never."""
        self.entry = 0
        """The number of the timer's entry that holds; 0: there is none."""

    def arm(self, at: int | None) -> None:
        """Set the one instant at which this fires; None: not at all. The same instant again costs nothing."""
        if at == self.armed:
            return
        timer, held = self._timer, self.entry
        self.armed = at
        self.entry = 0 if at is None else timer.enter(at, self)
        if held:
            timer.void()
        timer.set()


@implementer(IReadDescriptor, IHalfCloseableDescriptor)
class TimerDescriptor:
    """A timer descriptor among the reactor's readers."""

    def __init__(
        self, reactor: ReactorDescriptors, fd: int, settime: Callable[[int], None], ring: Callable[[], None]
    ) -> None:
        self._reactor = reactor
        self._fd = fd
        self._settime = settime
        # Called when the timer has gone off. The count of expirations is not read: setting the timer clears it, and
        # `ring` sets it, which saves a call.
        self.doRead = ring
        reactor.addReader(self)

    @classmethod
    def on(cls, reactor: ReactorDescriptors, ring: Callable[[], None]) -> TimerDescriptor | None:
        """Make one, or None where the system has no timer descriptors."""
        made = timerfd.timerfd()
        return None if made is None else cls(reactor, *made, ring)

    def set(self, at: int | None) -> None:
        """Go off at `at`, ns of the run's clock, instead of any instant set before."""
        if self._fd != -1:
            # The kernel takes 0 for "disarm"; an instant that is past, however long, goes off at once.
            self._settime(0 if at is None else max(at, 1))

    def close(self) -> None:
        """Leave the reactor and close the descriptor."""
        if self._fd != -1:
            self._reactor.removeReader(self)
            os.close(self._fd)
            self._fd = -1

    def fileno(self) -> int:
        """Return the descriptor for the reactor to watch."""
        return self._fd

    def logPrefix(self) -> str:
        """Name this in the log."""
        return "timer"

    def readConnectionLost(self, reason: Failure) -> None:  # noqa: ARG002
        """Stay: a timer does not hang up. What did was closed in this pass of the reactor, and had our number."""
        self._reactor.addReader(self)

    def writeConnectionLost(self, reason: Failure) -> None:
        """Do nothing: a timer is not written to."""

    def connectionLost(self, reason: Failure) -> None:  # noqa: ARG002
        """Close: the reactor is done with us."""
        self.close()


class DelayedAlarm:
    """The same by `callLater`: portable, a millisecond coarse on most reactors."""

    def __init__(self, reactor: ReactorTime, ring: Callable[[], None], clock: Callable[[], int]) -> None:
        self._reactor = reactor
        self._ring = ring
        self._clock = clock
        self._call: DelayedCall | None = None

    def set(self, at: int | None) -> None:
        """Go off at `at`, ns of the clock, instead of any instant set before."""
        self.close()
        if at is not None:
            self._call = self._reactor.callLater(max(at - self._clock(), 0) / SECOND, self._go)

    def close(self) -> None:
        """Forget the instant."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _go(self) -> None:
        self._call = None
        self._ring()
