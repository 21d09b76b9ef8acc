"""A whole server in one process: its listeners, its lane, its rounds, and how it comes to rest."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from twisted.internet.task import deferLater

from netecho.echo.text import answer_datagram
from netecho.net.linux import mmsg
from netecho.net.reactor.epoll_fdset import EpollFDSet
from netecho.net.server.admission import Admission
from netecho.net.server.lifecycle import ROUND, looping_call
from netecho.net.server.sockets import close_all
from netecho.net.server.tcp import StreamListener
from netecho.net.server.udp import DatagramListener
from netecho.net.server.udp_batched import BatchedDatagramListener

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.task import LoopingCall

    from netecho.echo.events import ServerEvent
    from netecho.echo.totals import Totals
    from netecho.net.server.settings import ServerSettings
    from netecho.net.server.sockets import BoundSocket
    from netecho.net.server.stamp import ReflectorListener
    from netecho.net.server.tls import ServerTls
    from netecho.stamp.session_reflector import Reflector

    Listener = StreamListener | DatagramListener | BatchedDatagramListener | ReflectorListener

DRAIN = 5_000_000_000
"""How long what is under way may take when the server stops; nanoseconds."""

QUIET = 200_000_000
"""A connection with nothing owed on which nothing came for so long has nothing under way; nanoseconds."""

_DRAIN_ROUND = 0.05


class Server:
    """Everything that serves in one process."""

    def __init__(
        self,
        reactor: Any,
        settings: ServerSettings,
        bound: Sequence[BoundSocket],
        tls: ServerTls | None,
        tell: Callable[[ServerEvent], None],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._bound = bound
        self._tls = tls
        self._clock = clock
        self._admission = Admission(settings, tell, clock)
        self._fdset = EpollFDSet(reactor)
        self._listeners: list[Listener] = []
        self._reflector: Reflector | None = None
        self._rounds: list[LoopingCall] = []

    @property
    def totals(self) -> Totals:
        """What was done so far."""
        return self._admission.totals

    async def start(self) -> None:
        """Serve from now on."""
        self._listeners += [self._listen(each) for each in self._bound]
        idle = self._settings.limits.idle
        # Often enough that a silent client is gone soon after its time, seldom enough to cost nothing.
        sweep = 1.0 if idle is None else min(max(idle / 4e9, 0.05), 1.0)
        self._rounds += [
            looping_call(self._reactor, ROUND, self._admission.report),
            looping_call(self._reactor, sweep, self._admission.end_idle),
        ]

    async def stop(self) -> None:
        """Let nobody in, and end what is under way, or cut it off when it takes too long."""
        for listener in self._listeners:
            listener.stop()
        close_all(self._bound)
        deadline = self._clock() + DRAIN
        while self._admission.inside and self._clock() < deadline:
            self._admission.dismiss_quiet(QUIET)
            await deferLater(self._reactor, _DRAIN_ROUND)
        self._admission.dismiss_all()
        await deferLater(self._reactor, 0)  # aborted connections end in the next pass
        for each in self._rounds:
            each.stop()
        self._fdset.close()
        self._admission.report()

    def reloaded(self) -> None:
        """Have nothing to do: the next handshake takes the new certificate."""

    def _listen(self, bound: BoundSocket) -> Listener:
        if bound.scheme == "stamp":
            return self._reflect(bound)
        if bound.scheme != "udp":
            wrap = self._tls.wrap if self._tls and bound.scheme == "tls" else None
            return StreamListener(self._reactor, self._fdset, bound, self._admission, wrap)
        text_mode = self._settings.text_mode
        if text_mode is not None:
            return DatagramListener(
                self._reactor, bound, self._admission, lambda data: answer_datagram(text_mode, bytes(data))
            )
        if self._settings.tells_arrivals or not mmsg.available():
            return DatagramListener(self._reactor, bound, self._admission, lambda data: data)
        return BatchedDatagramListener(self._reactor, bound, self._admission)

    def _reflect(self, bound: BoundSocket) -> ReflectorListener:
        from netecho.net.server.stamp import ReflectorListener, new_reflector

        if self._reflector is None:
            self._reflector = new_reflector(self._settings.reflector_settings)
        return ReflectorListener(self._reactor, bound, self._admission, self._reflector)
