"""A timer of microsecond resolution on the reactor: sends leave when they should.

`reactor.callLater` reads the wall clock, which steps, and the epoll reactor rounds its waits up to a
millisecond. A timer descriptor on the same reactor has neither fault: the kernel's high-resolution timer makes
it readable at an instant of CLOCK_MONOTONIC, and the wake-up is all that is left of the lateness. Even that can
be avoided by busy-waiting, at the price of a core, which is done only on request.

This module knows instants and nothing of what happens at them.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol, cast

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from zope.interface import implementer

from netecho.net.linux import timerfd

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

    from netecho.net.reactor.interfaces import DelayedCall, ReactorDescriptors, ReactorTime

SPIN = 250_000
"""How long before the instant a spinning pacer wakes, ns: above the wake-ups of an idle core, a few of which
take over 100 µs."""


class _Alarm(Protocol):
    """What goes off once, at the instant last set."""

    def set(self, at: int | None) -> None: ...
    def close(self) -> None: ...


class Pacer:
    """Calls `fire` once at the instant armed, or as soon after it as the machine allows; never before it.

    Instants are nanoseconds of `clock`. The kernel's timer follows CLOCK_MONOTONIC alone, so a clock of the
    caller's own (a test's), a system without timer descriptors and a reactor that watches no descriptors are
    served by `reactor.callLater`.
    """

    def __init__(
        self,
        reactor: ReactorTime,
        fire: Callable[[], None],
        *,
        spin: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._fire = fire
        self._clock = clock
        self._early = SPIN if spin else 0
        self._at: int | None = None
        alarm: _Alarm | None = None
        if clock is time.monotonic_ns and IReactorFDSet.providedBy(reactor):
            alarm = TimerDescriptor.on(cast("ReactorDescriptors", reactor), self._ring)
        self._alarm: _Alarm = alarm or DelayedAlarm(reactor, self._ring, clock)

    @property
    def armed(self) -> int | None:
        """The instant `fire` is called at; None: never."""
        return self._at

    def arm(self, at: int | None) -> None:
        """Set the one instant at which `fire` is called; None: not at all. The same instant again costs nothing."""
        if at != self._at:
            self._at = at
            self._alarm.set(None if at is None else at - self._early)

    def close(self) -> None:
        """Fire no more, and leave the reactor."""
        self._at = None
        self._alarm.close()

    def _ring(self) -> None:
        at = self._at
        if at is None:
            return
        clock = self._clock
        if self._early:
            while clock() < at:
                pass
        elif clock() < at:
            # callLater counts in its reactor's seconds, floats that can round to just before the instant.
            self._alarm.set(at)
            return
        self._at = None
        self._fire()


@implementer(IReadDescriptor)
class TimerDescriptor:
    """A timer descriptor among the reactor's readers."""

    def __init__(
        self, reactor: ReactorDescriptors, fd: int, settime: Callable[[int], None], ring: Callable[[], None]
    ) -> None:
        self._reactor = reactor
        self._fd = fd
        self._settime = settime
        self._ring = ring
        self._set = False
        reactor.addReader(self)

    @classmethod
    def on(cls, reactor: ReactorDescriptors, ring: Callable[[], None]) -> TimerDescriptor | None:
        """Make one, or None where the system has no timer descriptors."""
        made = timerfd.timerfd()
        return None if made is None else cls(reactor, *made, ring)

    def set(self, at: int | None) -> None:
        """Go off at `at`, ns of CLOCK_MONOTONIC, instead of any instant set before."""
        self._set = at is not None
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

    def doRead(self) -> None:
        """Ring. The count of expirations is not read: setting the timer clears it, which saves a call."""
        self._set = False
        self._ring()
        if not self._set and self._fd != -1:
            self._settime(0)

    def logPrefix(self) -> str:
        """Name this in the log."""
        return "pacer"

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
            self._call = self._reactor.callLater(max(at - self._clock(), 0) / 1e9, self._go)

    def close(self) -> None:
        """Forget the instant."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _go(self) -> None:
        self._call = None
        self._ring()
