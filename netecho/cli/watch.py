"""What goes on beside a measurement or a server: frames of the live view, interim figures, slow readers.

Ctrl-Z gives the screen back before the process stops, and a process that is continued, whatever stopped it, draws its
view anew: others wrote on the screen meanwhile. SIGQUIT (Ctrl and backslash) and SIGUSR1 print interim figures,
as ping has it.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from netecho.net.reactor.interfaces import ReactorThreads, ReactorTime
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.net.reactor.interfaces import DelayedCall
    from netecho.report.output import Output

FRAME = 0.25
"""Seconds from one frame of a live view to the next, at least."""
SHARE = 300
"""A frame may take one part in so many of the time: a third of a percent of the sends, so that p99 of `lag` is without
it, and hardly that of a higher percentile."""
LONGEST = 4.0
"""Seconds from one frame to the next, at most."""

_OF_JOB_CONTROL = (signal.SIGTSTP, signal.SIGCONT)


class WatchReactor(ReactorTime, ReactorThreads, Protocol):
    """Timers, and a way out of a signal handler."""


class View(Protocol):
    """A live view."""

    def draw(self) -> None:
        """Put the state on the screen."""

    def pause(self, least: float, took: float) -> float | None:
        """Return how long to wait for a moment at which a frame of `took` seconds delays nothing.

        None: there is no such moment.
        """

    def draw_anew(self) -> None:
        """Put what was drawn last on a screen that others wrote on."""

    def close(self) -> None:
        """Leave the screen as it was."""


class Keys(Protocol):
    """A terminal whose keys are read."""

    def take(self) -> None:
        """Read them from now on."""

    def release(self) -> None:
        """Read them no more, and leave the terminal as it was."""

    def follow(self) -> None:
        """See whether they are this process's to read."""


class Watch:
    """Entered while there is something to watch."""

    def __init__(
        self,
        reactor: WatchReactor,
        output: Output,
        view: View | None,
        interim: Callable[[], None],
        report_every: int | None = None,
        *,
        drain: Callable[[], None] | None = None,
        keys: Keys | None = None,
    ) -> None:
        """`interim` prints the figures so far: when a signal asks for them, and each `report_every` nanoseconds.

        `drain` writes what readers were too slow for; None: as the output does, which raises what goes wrong.
        """
        self._reactor = reactor
        self._output = output
        self._view = view
        self._interim = interim
        self._drain = drain or output.drain
        self._keys = keys
        self._report_every = None if report_every is None else report_every / SECOND
        self._calls: dict[str, DelayedCall] = {}
        self._before: dict[signal.Signals, Any] = {}
        """The handlers that were there before, of the signals that are handled here."""

    def __enter__(self) -> Watch:
        """Begin."""
        self._handle(signal.SIGUSR1, self._interim)
        self._handle(signal.SIGQUIT, self._interim)
        if self._view is not None:
            self._handle(signal.SIGTSTP, self._stop)
            self._handle(signal.SIGCONT, self._continued)
        if self._keys is not None:
            self._keys.take()
        self._frame()
        if self._report_every is not None:
            self._later("report", self._report_every, self._report)
        return self

    def __exit__(self, *_: object) -> None:
        """End, and leave the screen as it was."""
        for call in self._calls.values():
            if call.active():
                call.cancel()
        for number, before in self._before.items():
            # Asked for too late, they must not kill what is about to end.
            signal.signal(number, before if number in _OF_JOB_CONTROL else signal.SIG_IGN)
        if self._keys is not None:
            self._keys.release()
        if self._view is not None:
            self._view.close()

    def _handle(self, number: signal.Signals, call: Callable[[], None]) -> None:
        before = self._before[number] = signal.getsignal(number)

        def handle(*signalled: Any) -> None:
            # In the reactor's next pass: a frame may be half drawn when the signal comes.
            self._reactor.callFromThread(call)
            if callable(before):
                before(*signalled)

        signal.signal(number, handle)

    def _later(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        self._calls[name] = self._reactor.callLater(seconds, call)

    def _frame(self) -> None:
        began = time.perf_counter()
        self._drain()
        if self._keys is not None:
            self._keys.follow()
        if self._view is not None:
            self._view.draw()
        took = time.perf_counter() - began
        pause = None if self._view is None else self._view.pause(FRAME, took)
        self._later("frame", min(LONGEST, max(FRAME, SHARE * took)) if pause is None else pause, self._frame)

    def _report(self) -> None:
        assert self._report_every is not None  # noqa: S101 - for the type checker
        self._interim()
        self._later("report", self._report_every, self._report)

    def _stop(self) -> None:
        """Stop this process, as the terminal asked for, and go on when it is continued."""
        if self._keys is not None:
            self._keys.release()
        with self._output.uncovered():
            # SIGCONT's too: what it would do is done here, once. The run hears of it all the same.
            ours = {number: signal.signal(number, self._before[number]) for number in _OF_JOB_CONTROL}
            with suppress(ProcessLookupError):
                os.kill(os.getpid(), signal.SIGTSTP)
            self._output.respect_foreground()
            for number, handler in ours.items():
                signal.signal(number, handler)
        if self._keys is not None:
            self._keys.take()

    def _continued(self) -> None:
        """Go on after a stop that was not asked for here: SIGSTOP has no handler."""
        self._output.respect_foreground()
        if self._keys is not None:
            # Who had the terminal meanwhile may have set it otherwise.
            self._keys.release()
            self._keys.take()
        if self._view is not None:
            self._view.draw_anew()
