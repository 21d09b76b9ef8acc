"""A whole server in one process: its listeners, its periodic calls, and the drain at its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from twisted.internet.task import deferLater

from netecho.net.reactor.epoll_fdset import EpollFDSet, fdset_for
from netecho.net.server.admission import Admission
from netecho.net.server.lifecycle import ROUND, looping_call
from netecho.net.server.listeners import Context, listen
from netecho.net.server.sockets import close_all
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IReactorTime
    from twisted.internet.task import LoopingCall

    from netecho.echo.events import ServerEvent
    from netecho.echo.limits import RateLimit
    from netecho.echo.snapshot import ServerSnapshot
    from netecho.echo.totals import Totals
    from netecho.net.reactor.interfaces import DelayedCall, Reactor
    from netecho.net.server.admission import ConnectionGate
    from netecho.net.server.listeners import Listener
    from netecho.net.server.settings import ServerSettings
    from netecho.net.server.shared_limits import SharedLimits
    from netecho.net.server.sockets import BoundSocket
    from netecho.net.server.tls import ServerTls

DRAIN = 5 * SECOND
"""How long what is under way may take when the server stops."""

QUIET = 200 * MILLISECOND
"""A connection on which nothing waits to be sent, and nothing came for so long, has nothing under way."""

_DRAIN_ROUND = 0.05

_SWEEP, _SWEEP_EACH = 0.05, 1e-4
"""Seconds between two looks at the idle connections, and more for each that is open: a look takes 0.6 µs for each, so
that it never costs more than a hundredth of the time. A silent connection is ended at most two looks after its time."""


class Server:
    """Everything that serves in one process."""

    def __init__(
        self,
        reactor: Reactor,
        settings: ServerSettings,
        bound: Sequence[BoundSocket],
        tls: ServerTls | None,
        emit: Callable[[ServerEvent], None],
        clock: Callable[[], int] = time.monotonic_ns,
        gate: ConnectionGate | None = None,
        rate: RateLimit | None = None,
        shared: SharedLimits | None = None,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._bound = bound
        self._clock = clock
        self._admission = Admission(settings, emit, clock, gate, rate)
        self._fdset = fdset_for(reactor)
        self._context = Context(reactor, self._fdset, self._admission, tls, shared)
        self._listeners: list[Listener] = []
        self._rounds: list[LoopingCall] = []
        self._next_sweep: DelayedCall | None = None

    @property
    def totals(self) -> Totals:
        """What was done so far."""
        return self._admission.totals

    def snapshot(self) -> ServerSnapshot:
        """Return what is being done now."""
        return self._admission.snapshot()

    async def start(self) -> None:
        """Serve from now on."""
        self._listeners += [listen(self._context, each) for each in self._bound]
        self._rounds.append(looping_call(self._reactor, ROUND, self._admission.report))
        self._sweep()

    async def stop(self) -> None:
        """Accept no more, wait for what is under way, and abort what takes too long."""
        for listener in self._listeners:
            listener.stop()
        close_all(self._bound)
        time_of = cast("IReactorTime", self._reactor)
        deadline = self._clock() + DRAIN
        while self._admission.connections and self._clock() < deadline:
            self._admission.close_quiet(QUIET)
            await deferLater(time_of, _DRAIN_ROUND)
        self._admission.abort_all()
        await deferLater(time_of, 0)  # aborted connections end in the next pass
        for each in self._rounds:
            each.stop()
        if self._next_sweep is not None:
            self._next_sweep.cancel()
        if isinstance(self._fdset, EpollFDSet):
            self._fdset.close()
        self._admission.report()

    def reloaded(self) -> None:
        """Do nothing: the next handshake takes the new certificate."""

    def _sweep(self) -> None:
        self._admission.end_idle()
        delay = _SWEEP + _SWEEP_EACH * len(self._admission.connections)
        self._next_sweep = self._reactor.callLater(delay, self._sweep)
