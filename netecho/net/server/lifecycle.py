"""A server from its start to its end, in one process or several: when it is ready, what is logged, what makes it stop.

It ends at SIGINT or SIGTERM, when its time is up, when the reader of its log has closed it, or when no worker is left.
The last two are failures, so that a service manager restarts it. SIGHUP has the certificate read again. systemd is
notified of all that where it started the server.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall

from netecho.echo.events import Counted, Listening, Noticed, Stopped
from netecho.errors import NetechoError, OutputClosed, OutputError, UsageError
from netecho.net.reactor.interfaces import ReactorThreads, ReactorTime, for_twisted
from netecho.net.server.early_signals import release_waiting, stop_was_requested
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.python.failure import Failure

    from netecho.echo.events import ServerEvent
    from netecho.echo.snapshot import ServerSnapshot
    from netecho.echo.totals import Totals
    from netecho.net.reactor.runner import Interrupt
    from netecho.net.server.settings import ServerSettings
    from netecho.net.server.sockets import BoundSocket
    from netecho.net.server.systemd import Notifier
    from netecho.net.server.tls import ServerTls

ROUND = 1.0
"""Seconds from one report of what was gathered to the next."""


class ServerReactor(ReactorTime, ReactorThreads, Protocol):
    """Timers, and a way out of a signal handler."""


class Log(Protocol):
    """Where events go."""

    def tell(self, event: ServerEvent) -> None:
        """Write an event. Raises OutputClosed when nobody reads any more."""

    def flush(self) -> None:
        """Write what could not be written before. Raises OutputClosed when nobody reads any more."""


class Serving(Protocol):
    """What serves: `process.Server`, or `supervisor.Supervisor` with its workers."""

    @property
    def totals(self) -> Totals:
        """What was done so far."""

    def snapshot(self) -> ServerSnapshot:
        """Return what is done now."""

    async def start(self) -> None:
        """Return when clients are served."""

    async def stop(self) -> None:
        """Accept nothing more, and return when what is under way is done; also where `start` has not returned."""

    def reloaded(self) -> None:
        """Use the certificate that was read again."""


Watch = Callable[[ServerReactor, Callable[[], "ServerSnapshot"], Callable[[], None]], AbstractContextManager[object]]
"""Makes what is entered while clients are served, of what it can ask for snapshots, and of what logs one."""


def unwatched(*_: object) -> AbstractContextManager[None]:
    """Watch nothing."""
    return nullcontext()


class EventSink:
    """Writes events to the log, and ends the server: a log whose reader has closed it is one of the reasons."""

    def __init__(self, log: Log) -> None:
        self.ended: Deferred[str] = Deferred()
        """Fires once, with the reason, when the server is to stop."""
        self.error: NetechoError | None = None
        """What makes that end a failure."""
        self._log = log
        self._is_read = True

    def end(self, reason: str, error: NetechoError | None = None) -> None:
        """Have the server stop, if it does not already."""
        if not self.ended.called:
            self.error = error
            self.ended.callback(reason)

    def tell(self, event: ServerEvent) -> None:
        """Log an event."""
        self._write(lambda: self._log.tell(event))

    def flush(self) -> None:
        """Have the log write what it could not write before."""
        self._write(self._log.flush)

    def tell_failure(self, failure: Failure) -> None:
        """Log an exception that Twisted caught: it cost one connection, and must not cost the others."""
        what = " ".join(f"{type(failure.value).__name__}: {failure.value}".split())
        self.tell(Noticed("bug", f"a bug in netecho cost a connection: {what}"))

    def _write(self, write: Callable[[], None]) -> None:
        if not self._is_read:
            return
        try:
            write()
        except OutputClosed:
            # The program that started this server to read its log is gone: the server would run on for nobody.
            self._is_read = False
            error = OutputError("nobody reads the server's log any more: its reader closed standard output")
            self.end("nobody reads its log", error)


async def run_lifecycle(
    reactor: ServerReactor,
    interrupt: Interrupt,
    settings: ServerSettings,
    serving: Serving,
    bound: Sequence[BoundSocket],
    tls: ServerTls | None,
    sink: EventSink,
    notifier: Notifier,
    watch: Watch,
) -> None:
    """Serve from the start to the end; `bound` is where the server says that it listens.

    `watch` is entered while clients are served.

    Raises what `serving` raises when it cannot start, and the error that made the server end.
    """
    started = time.monotonic_ns()
    interrupt.tell(lambda: sink.end("signal"))
    if stop_was_requested():
        sink.end("signal")
    rounds = [looping_call(reactor, ROUND, sink.flush)]
    if notifier.watchdog is not None:
        rounds.append(looping_call(reactor, notifier.watchdog / 2, notifier.alive))
    later = None
    watching = ExitStack()
    try:
        if await _is_started(serving, sink):
            watching.enter_context(watch(reactor, serving.snapshot, lambda: sink.tell(Counted(serving.snapshot()))))
            _handle_hangup(reactor, settings, serving, tls, sink, notifier)
            if settings.duration is not None:
                later = reactor.callLater(settings.duration / SECOND, sink.end, "--for")
            # Logged last: a script that has waited for it may send a signal at once.
            for each in bound:
                pin = tls.pin if tls is not None and each.is_secure else None
                sink.tell(Listening(each.url, each.scheme, each.address, each.port, pin))
            notifier.ready("listening on " + ", ".join(each.url for each in bound))
        reason = await sink.ended
    finally:
        watching.close()
        notifier.stopping()
        if later is not None and later.active():
            later.cancel()
        for each_round in rounds:
            each_round.stop()
        await serving.stop()
    sink.tell(Stopped(reason, time.monotonic_ns() - started, serving.totals))
    if sink.error is not None:
        raise sink.error


async def _is_started(serving: Serving, sink: EventSink) -> bool:
    """Start to serve; return whether that was completed before the end."""
    starting = Deferred.fromCoroutine(serving.start())

    def stop_starting(reason: str) -> str:
        starting.cancel()  # without effect once it is done
        return reason

    sink.ended.addCallback(stop_starting)
    try:
        await starting
    except CancelledError:
        return False
    return not sink.ended.called


def _handle_hangup(
    reactor: ReactorThreads,
    settings: ServerSettings,
    serving: Serving,
    tls: ServerTls | None,
    sink: EventSink,
    notifier: Notifier,
) -> None:
    """Have SIGHUP read the certificate again; one that was received since the start is handled now."""

    def hangup() -> None:
        notifier.reloading()
        if reload(settings, tls, sink.tell):
            serving.reloaded()
        notifier.ready()

    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(hangup))
    release_waiting()


def looping_call(reactor: ReactorTime, seconds: float, call: Callable[[], None]) -> LoopingCall:
    """Call every so many `seconds`, for the first time when they have passed."""
    rounds = _Rounds(reactor, call)
    rounds.start(seconds, now=False)
    return rounds


class _Rounds(LoopingCall):
    """Twisted's, without the reactor that its initialiser imports, and so installs in a program of somebody else."""

    def __init__(self, reactor: ReactorTime, call: Callable[[], None]) -> None:
        self.f, self.a, self.kw = call, (), {}
        self.clock = for_twisted(reactor)  # all that it asks for is time, but its type says IReactorTime


def reload(settings: ServerSettings, tls: ServerTls | None, tell: Callable[[ServerEvent], None]) -> bool:
    """Read the certificate's files again, and log how that went; return whether they are in use now."""
    if tls is None or settings.credentials.cert is None:
        tell(Noticed("reloaded", "nothing to read again: no certificate came from a file"))
        return False
    try:
        tls.reload()
    except UsageError as error:
        tell(Noticed("not_reloaded", f"{error.sentence}; what was read before stays in use"))
        return False
    tell(Noticed("reloaded", f"read {settings.credentials.cert} again; new connections see pin {tls.pin}"))
    return True
