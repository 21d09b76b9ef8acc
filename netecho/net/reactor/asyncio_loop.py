"""Twisted's asyncio reactor over an event loop that somebody else runs.

An object over the running loop is all that transports need: it is neither installed as the process's reactor nor
started or stopped, it takes no signal, and when nothing is being measured it has no descriptor and no timer of its
own. So a program may have its own loop, or another Twisted reactor, beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.base import DelayedCall

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle
    from collections.abc import Callable


class LoopReactor(AsyncioSelectorReactor):
    """A reactor for one run on `loop`."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._handles: dict[DelayedCall, TimerHandle] = {}
        super().__init__(loop)

    def installWaker(self) -> None:
        """Do without: `callFromThread` wakes the loop itself, and a waker would hold two descriptors for ever."""

    def seconds(self) -> float:
        """Return the loop's time, by which its calls are made."""
        return self._loop.time()

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kwargs: object) -> DelayedCall:  # noqa: A002
        """Call in `delay` seconds, by a timer of the loop for each call.

        Twisted's own has one timer for all calls, which stays when the last of them is cancelled: the loop would hold
        a run that is over until its longest timeout.
        """
        at = self.seconds() + delay
        call = DelayedCall(at, callable, args, kwargs, self._unset, self._set, seconds=self.seconds)
        self._set(call)
        return call

    # Twisted's base classes name the argument differently (`f`, `callable`): no name agrees with both.
    def callFromThread(self, f: Callable[..., object], *args: object, **kwargs: object) -> None:  # type: ignore[override]
        """Call in the loop's next pass; not at all where the loop has been closed, as a slow resolver may find it."""
        try:
            self._loop.call_soon_threadsafe(lambda: f(*args, **kwargs))
        except RuntimeError:
            if not self._loop.is_closed():
                raise

    def _set(self, call: DelayedCall) -> None:
        if call in self._handles:
            self._unset(call)
        self._handles[call] = self._loop.call_at(call.getTime(), self._go, call)

    def _unset(self, call: DelayedCall) -> None:
        self._handles.pop(call).cancel()

    def _go(self, call: DelayedCall) -> None:
        del self._handles[call]
        if call.delayed_time > 0:  # put off since the timer was set
            call.activate_delay()
            self._set(call)
            return
        call.called = 1
        call.func(*call.args, **call.kw)
