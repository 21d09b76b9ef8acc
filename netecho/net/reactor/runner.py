"""The one place that installs and runs a reactor, and turns signals into a clean end.

`run(main)` runs `main(reactor, interrupt)` to its end and returns what it returned, or raises what it raised.
The first SIGINT or SIGTERM calls the listeners of `interrupt`; the second one cuts the run off. SIGHUP, the end of
the terminal, is as a first one, where nobody else takes it (a server loads its files again) and it is not ignored
(nohup): it comes from the kernel and from the shell, so a further one means nothing.
"""

from __future__ import annotations

import gc
import signal
import sys
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from netecho.errors import CutOffError
from netecho.net.reactor.epoll import install

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from twisted.internet.defer import Deferred
    from twisted.logger import LogEvent
    from twisted.python.failure import Failure

    from netecho.net.reactor.interfaces import Reactor, RunningReactor

T = TypeVar("T")

_STOPPING = (signal.SIGINT, signal.SIGTERM)

YOUNG = 700
"""New objects after which the garbage collector looks through the youngest: CPython's own default for long."""


class Interrupt:
    """Whether SIGINT or SIGTERM asked for the end, and whom to tell when it does, or when this process was stopped."""

    def __init__(self) -> None:
        self.requested = False
        self._listeners: list[Callable[[], None]] = []
        self._told_of_stops: list[Callable[[], None]] = []

    def tell(self, listener: Callable[[], None]) -> None:
        """Call `listener` when the end is asked for; at once if it was already."""
        if self.requested:
            listener()
        else:
            self._listeners.append(listener)

    def request(self) -> None:
        """Ask for the end."""
        self.requested = True
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener()

    def tell_of_stops(self, listener: Callable[[], None]) -> None:
        """Call `listener` each time this process goes on after a stop: in the signal's handler, amid anything."""
        self._told_of_stops.append(listener)

    def continued(self) -> None:
        """Tell that this process goes on after a stop (Ctrl-Z, SIGSTOP)."""
        for listener in self._told_of_stops:
            listener()


def run(
    main: Callable[[Reactor, Interrupt], Coroutine[Deferred[object], object, T]],
    logged: Callable[[Failure], None] | None = None,
) -> T:
    """Run `main` on the reactor to its end; raise `CutOffError` at the second signal, and whatever `main` raises.

    `logged` gets the exceptions that Twisted caught and logged; without it the first of them ends the run.
    """
    if "twisted.internet.reactor" not in sys.modules:
        install()
    from twisted.internet import reactor as installed
    from twisted.internet.defer import Deferred

    reactor = cast("RunningReactor", installed)
    running: _Run[T] = _Run(reactor)

    def observe(failure: Failure) -> None:
        # A second signal is raised wherever the program is, and so Twisted may catch it.
        if logged is None or isinstance(failure.value, CutOffError):
            running.failed(failure)
        else:
            logged(failure)

    _report_failures_to(observe)

    def listen_for_signals() -> None:
        for number in _STOPPING:
            signal.signal(number, running.signalled)
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, running.hung_up)
        signal.signal(signal.SIGCONT, running.continued)

    def begin() -> None:
        listen_for_signals()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        Deferred.fromCoroutine(main(reactor, running.interrupt)).addCallbacks(running.ended, running.failed)

    listen_for_signals()  # what is there before the reactor starts is what there is again when it has stopped
    reactor.callWhenRunning(begin)
    # What is there by now stays: the collector need not look at it again, which took it some 10 ms each time, in the
    # middle of a measurement. From here on it looks often and little (the command line had it wait for the imports).
    gc.freeze()
    gc.set_threshold(YOUNG)
    # Twisted installs its own handlers as the reactor starts, and they would stop it without an end: a signal that
    # comes meanwhile waits until ours have replaced them.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        reactor.run()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if running.error is not None:
        raise running.error
    return running.result


class _Run(Generic[T]):
    """What became of a run."""

    def __init__(self, reactor: RunningReactor) -> None:
        self.interrupt = Interrupt()
        self.result: T
        self.error: BaseException | None = None
        self._reactor = reactor
        self._over = False
        self._signalled = False

    def ended(self, result: T) -> None:
        self.result = result
        self._stop()

    def failed(self, failure: Failure) -> None:
        if self.error is None or isinstance(failure.value, CutOffError):
            self.error = failure.value
        self._stop()

    def signalled(self, *_: object) -> None:
        """Ask for the end; or cut off what is being done, which may be a write to a reader that does not read."""
        if isinstance(self.error, CutOffError):
            return
        if self._signalled or self._over:
            raise CutOffError("cut off by a second signal")
        self._signalled = True
        self._reactor.callFromThread(self.interrupt.request)

    def hung_up(self, *_: object) -> None:
        """Ask for the end, if nobody has."""
        if not self._signalled and not self._over:
            self.signalled()

    def continued(self, *_: object) -> None:
        """Handle SIGCONT: it is the only word of a stop by SIGSTOP, which cannot be handled."""
        self.interrupt.continued()

    def _stop(self) -> None:
        if not self._over:
            self._over = True
            self._reactor.stop()


def _report_failures_to(failed: Callable[[Failure], None]) -> None:
    """Let an exception that Twisted caught and logged end the run as the bug it is."""
    from twisted.logger import ILogObserver, globalLogBeginner
    from zope.interface import directlyProvides

    def observe(event: LogEvent) -> None:
        # The reactor still logs what a descriptor raises with the legacy `log.err`, which has the failure under this.
        failure = event.get("log_failure") or event.get("failure")
        if failure is not None:
            failed(failure)

    directlyProvides(observe, ILogObserver)
    globalLogBeginner.beginLoggingTo([cast("ILogObserver", observe)], discardBuffer=True, redirectStandardIO=False)
