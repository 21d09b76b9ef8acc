"""A server from its start to its end, whoever serves: when it is ready, what is told, what makes it stop.

It ends at SIGINT or SIGTERM, when its time is up, or when nobody reads its log any more. SIGHUP has the certificate
read again. systemd, where there is one, is told of all that.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from netecho.echo.events import Listening, Noticed, Stopped
from netecho.errors import OutputClosed, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.python.failure import Failure

    from netecho.echo.events import ServerEvent
    from netecho.echo.totals import Totals
    from netecho.net.reactor.runner import Interrupt
    from netecho.net.server.settings import ServerSettings
    from netecho.net.server.sockets import BoundSocket
    from netecho.net.server.systemd import Notifier
    from netecho.net.server.tls import ServerTls

ROUND = 1.0
"""Seconds between the reports of what is gathered, not told one by one."""


class Log(Protocol):
    """Where events go."""

    def tell(self, event: ServerEvent) -> None:
        """Write an event. Raises OutputClosed when nobody reads any more."""

    def flush(self) -> None:
        """Write what could not be written before. Raises OutputClosed when nobody reads any more."""


class Serving(Protocol):
    """Whoever serves: this process, or several that it leads."""

    @property
    def totals(self) -> Totals:
        """What was done so far."""

    async def start(self) -> None:
        """Return when clients are served."""

    async def stop(self) -> None:
        """Let nobody in, and return when what is under way is done."""

    def reloaded(self) -> None:
        """Take notice that the certificate was read again."""


class EventSink:
    """Events on their way to the log; when nobody reads the log any more, that is the end of the server."""

    def __init__(self, log: Log) -> None:
        self.ended: Deferred[str] = Deferred()
        """Fires once, with the reason, when the server is to stop."""
        self._log = log
        self._is_read = True

    def end(self, reason: str) -> None:
        """Have the server stop, if it is not about to."""
        if not self.ended.called:
            self.ended.callback(reason)

    def tell(self, event: ServerEvent) -> None:
        """Pass an event on."""
        self._write(lambda: self._log.tell(event))

    def flush(self) -> None:
        """Have the log write what it could not write before."""
        self._write(self._log.flush)

    def tell_failure(self, failure: Failure) -> None:
        """Tell of an exception that Twisted caught: it cost one connection, and must not cost the others."""
        what = " ".join(f"{type(failure.value).__name__}: {failure.value}".split())
        self.tell(Noticed("bug", f"a bug in netecho cost a connection: {what}"))

    def _write(self, write: Callable[[], None]) -> None:
        if not self._is_read:
            return
        try:
            write()
        except OutputClosed:
            # Who started this server to read what it tells is gone: it would be left running for nobody.
            self._is_read = False
            self.end("nobody reads its log")


async def run_lifecycle(
    reactor: Any,
    interrupt: Interrupt,
    settings: ServerSettings,
    serving: Serving,
    bound: Sequence[BoundSocket],
    tls: ServerTls | None,
    sink: EventSink,
    notifier: Notifier,
) -> None:
    """See a server through, from its start to its end; `bound` is where it says that it listens."""
    started = time.monotonic_ns()
    await serving.start()
    rounds = [looping_call(reactor, ROUND, sink.flush)]
    if notifier.watchdog is not None:
        rounds.append(looping_call(reactor, notifier.watchdog / 2, notifier.alive))

    def hangup() -> None:
        notifier.reloading()
        if reload(settings, tls, sink.tell):
            serving.reloaded()
        notifier.ready()

    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(hangup))
    interrupt.tell(lambda: sink.end("signal"))
    later = None if settings.duration is None else reactor.callLater(settings.duration / 1e9, sink.end, "--for")
    # Told last: whoever has waited for it may send a signal at once.
    for each in bound:
        pin = tls.pin if tls is not None and each.scheme == "tls" else None
        sink.tell(Listening(each.url, each.scheme, each.address, each.port, pin))
    notifier.ready("listening on " + ", ".join(each.url for each in bound))

    reason = await sink.ended
    notifier.stopping()
    if later is not None and later.active():
        later.cancel()
    for each_round in rounds:
        each_round.stop()
    await serving.stop()
    sink.tell(Stopped(reason, time.monotonic_ns() - started, serving.totals))


def looping_call(reactor: Any, seconds: float, call: Callable[[], None]) -> LoopingCall:
    """Call again and again, for the first time in `seconds`."""
    rounds = LoopingCall(call)
    rounds.clock = reactor
    rounds.start(seconds, now=False)
    return rounds


def reload(settings: ServerSettings, tls: ServerTls | None, tell: Callable[[ServerEvent], None]) -> bool:
    """Read the certificate's files again, and tell how that went; return whether they are in use now."""
    if tls is None or settings.credentials.cert is None:
        tell(Noticed("reloaded", "nothing to read again: no certificate came from a file"))
        return False
    try:
        tls.reload()
    except UsageError as error:
        tell(Noticed("not reloaded", f"{error.sentence}; what was read before stays in use"))
        return False
    tell(Noticed("reloaded", f"read {settings.credentials.cert} again; new connections see pin {tls.pin}"))
    return True
