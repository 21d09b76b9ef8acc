"""A whole server on a reactor: its listeners, its lane, its rounds, and its end.

`serve` runs one from the moment its sockets are bound until it is stopped. What is bound, what the events are
written to and when to stop come from outside.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater

from netecho.echo.events import Listening, Stopped
from netecho.errors import OutputClosed
from netecho.net import mmsg
from netecho.net.lane import Lane
from netecho.net.listening import close_all
from netecho.net.reception import Reception
from netecho.net.tcp_server import StreamListener
from netecho.net.udp_mirror import MirrorListener
from netecho.net.udp_server import DatagramListener

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.echo.events import ServerEvent
    from netecho.echo.service import Service
    from netecho.net.listening import Bound

DRAIN = 5_000_000_000
"""How long what is under way may take when the server stops; nanoseconds."""

QUIET = 200_000_000
"""A connection with nothing owed on which nothing came for so long has nothing under way; nanoseconds."""

_ROUND = 1.0
_DRAIN_ROUND = 0.05


class Log(Protocol):
    """Where events go."""

    def tell(self, event: ServerEvent) -> None:
        """Write an event. Raises OutputClosed when nobody reads any more."""

    def flush(self) -> None:
        """Write what could not be written before. Raises OutputClosed when nobody reads any more."""


class Server:
    """Everything that serves in one process."""

    def __init__(
        self,
        reactor: Any,
        service: Service,
        bound: Sequence[Bound],
        tell: Callable[[ServerEvent], None],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.reception = Reception(service, tell, clock)
        self._reactor = reactor
        self._bound = bound
        self._tell = tell
        self._clock = clock
        self._started = clock()
        self._lane = Lane(reactor)
        self._listeners: list[StreamListener | DatagramListener | MirrorListener] = []
        self._rounds: list[LoopingCall] = []

    def start(self) -> None:
        """Serve, and tell where."""
        for each in self._bound:
            if each.scheme == "udp":
                self._listeners.append(self._datagrams(each))
            else:
                self._listeners.append(StreamListener(self._reactor, self._lane, each, self.reception))
        self.every(_ROUND, self.reception.report)
        idle = self.reception.service.limits.idle
        # Often enough that a silent client is gone soon after its time, seldom enough to cost nothing.
        self.every(1.0 if idle is None else min(max(idle / 4e9, 0.05), 1.0), self.reception.end_idle)
        for each in self._bound:
            self._tell(Listening(each.url, each.scheme, each.address, each.port))

    async def stop(self, reason: str) -> None:
        """Let nobody in, end what is under way, and tell what it all came to."""
        for listener in self._listeners:
            listener.stop()
        close_all(self._bound)
        deadline = self._clock() + DRAIN
        while self.reception.inside and self._clock() < deadline:
            self.reception.dismiss_quiet(QUIET)
            await deferLater(self._reactor, _DRAIN_ROUND)
        self.reception.dismiss_all()
        await deferLater(self._reactor, 0)  # aborted connections end in the next pass
        for each in self._rounds:
            each.stop()
        self._lane.close()
        self.reception.report()
        self._tell(Stopped(reason, self._clock() - self._started, self.reception.totals))

    def _datagrams(self, bound: Bound) -> MirrorListener | DatagramListener:
        if mmsg.available() and not self.reception.service.watch:
            return MirrorListener(self._reactor, bound, self.reception)
        return DatagramListener(self._reactor, bound, self.reception, lambda data: data)

    def every(self, seconds: float, call: Callable[[], None]) -> None:
        """Call again and again until the end."""
        round_ = LoopingCall(call)
        round_.clock = self._reactor
        round_.start(seconds, now=False)
        self._rounds.append(round_)


async def serve(reactor: Any, interrupt: Any, service: Service, bound: Sequence[Bound], log: Log) -> None:
    """Serve until somebody asks for the end, the service's time is up, or nobody reads the log any more."""
    ended: Deferred[str] = Deferred()
    readers = True

    def end(reason: str) -> None:
        if not ended.called:
            ended.callback(reason)

    def tell(event: ServerEvent) -> None:
        nonlocal readers
        if not readers:
            return
        try:
            log.tell(event)
        except OutputClosed:
            # Who started this server and read what it told is gone: it would be left running for nobody.
            readers = False
            end("nobody reads its log")

    def flush() -> None:
        nonlocal readers
        try:
            log.flush()
        except OutputClosed:
            readers = False
            end("nobody reads its log")

    server = Server(reactor, service, bound, tell)
    server.start()
    server.every(_ROUND, flush)
    interrupt.tell(lambda: end("signal"))
    later = None if service.duration is None else reactor.callLater(service.duration / 1e9, end, "--for")
    reason = await ended
    if later is not None and later.active():
        later.cancel()
    await server.stop(reason)
