"""What a diagnosis was asked for, what it knows of the target so far, and how its steps measure."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from netecho.net.client.job import IpOptions, StampOptions, TlsOptions
from netecho.net.diagnose.runs import job, measured, size_of
from netecho.net.reactor.runner import Interrupt
from netecho.net.reactor.together import together
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from netecho.diagnose.checks.transports import Reach
    from netecho.diagnose.finding import Check
    from netecho.diagnose.run import Run
    from netecho.diagnose.services import Services
    from netecho.net.reactor.interfaces import Reactor
    from netecho.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnoseOptions:
    """What is to be tested, and at which price."""

    services: Services
    checks: frozenset[Check]
    deep: bool = False
    time: int = 30 * SECOND
    """Nanoseconds that the whole may take."""
    bytes: int = 10 << 20
    """Bytes that may be sent, those of the answers counted as well."""
    ip_options: IpOptions = field(default_factory=IpOptions)
    tls_options: TlsOptions = field(default_factory=TlsOptions)
    stamp_options: StampOptions = field(default_factory=StampOptions)
    label: str | None = None
    seed: int = 0


@dataclass(slots=True)
class Battery:
    """What a diagnosis knows so far, and what its steps need to go on."""

    reactor: Reactor
    options: DiagnoseOptions
    began: int = 0
    reached: Sequence[Reach] = ()
    """How each service answered."""
    runs: list[Run] = field(default_factory=list)
    """All that was measured, for whoever looks at the whole."""
    bytes_used: int = 0
    why_stopped: str = ""
    """Why no step begins any more, and what was being measured ended; empty: that is not so."""
    _seed: int = 0
    _to_stop: set[Callable[[], None]] = field(default_factory=set)
    """What ends that which is being measured."""
    _under_way: set[Interrupt] = field(default_factory=set)
    """Of the runs that are being measured."""

    @property
    def stopped(self) -> bool:
        """Whether all was stopped, by the user or for want of time."""
        return bool(self.why_stopped)

    @property
    def stamp(self) -> Target | None:
        """The STAMP reflector, where there is one."""
        return self._echo("stamp")

    @property
    def udp(self) -> Target | None:
        """The echo over UDP, where there is one."""
        return self._echo("udp")

    @property
    def tcp(self) -> Target | None:
        """The echo over TCP, where there is one."""
        return self._echo("tcp")

    @property
    def stream(self) -> Target | None:
        """The echo over TCP, or over TLS, where there is one."""
        return self.tcp or self._echo("tls")

    @property
    def datagrams(self) -> Target | None:
        """What answers datagrams best: STAMP, which tells directions apart, or UDP."""
        return self.stamp or self.udp

    def _echo(self, scheme: str) -> Target | None:
        return next(
            (each.target for each in self.reached if each.answer == "echo" and each.target.scheme == scheme), None
        )

    @property
    def usual(self) -> int | None:
        """The median round trip of datagrams in the longest run so far, nanoseconds."""
        datagrams = [run.result for run in self.runs if run.result.start.route.transport in ("udp", "stamp")]
        longest = max(datagrams, key=lambda result: result.summary.received, default=None)
        return None if longest is None else longest.summary.rtt.p50

    async def measure(self, target: Target, *, within: int | None = None, **plan: Any) -> Run:
        """Run probes as `runs.job` has it, with the options that were given. Raises UnreachableError.

        It ends after `within` nanoseconds at the latest, however late this machine is to send. One that begins when all
        was stopped is over at once.
        """
        options, interrupt = self.options, Interrupt()
        self._seed += 1
        plan = {"ip_options": options.ip_options} | plan
        tls_options = options.tls_options
        if target.host != options.services.host:  # it was resolved, and the certificate is for the name
            tls_options = tls_options._replace(server_name=options.services.host)
        what = job(
            target,
            seed=options.seed + self._seed,
            stamp_options=options.stamp_options,
            tls_options=tls_options,
            **plan,
        )
        leave = self.on_stop(interrupt.request)
        end = None if within is None else self.reactor.callLater(within / SECOND, interrupt.request)
        self._under_way.add(interrupt)
        if self.stopped:
            interrupt.request()
        try:
            run = await measured(self.reactor, interrupt, what)
        finally:
            leave()
            if end is not None and end.active():
                end.cancel()
            self._under_way.discard(interrupt)
        self.runs.append(run)
        self.bytes_used += 2 * size_of(run)
        return run

    async def side_by_side(self, measurements: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Run measurements at the same time, to their end."""
        await together(measurements)

    async def pause(self, nanoseconds: int) -> None:
        """Wait."""
        paused: Deferred[None] = Deferred()
        self.reactor.callLater(nanoseconds / SECOND, paused.callback, None)
        await paused

    def on_stop(self, end: Callable[[], None]) -> Callable[[], None]:
        """Have `end` called when the diagnosis is interrupted, until what is returned is called."""
        self._to_stop.add(end)
        return lambda: self._to_stop.discard(end)

    def stop(self, why: str) -> None:
        """End what is being measured; no step begins any more, for this reason or an earlier one."""
        self.why_stopped = self.why_stopped or why
        for end in tuple(self._to_stop):
            end()

    def continued(self) -> None:
        """Tell each run that this process goes on after it was stopped by a signal: called in the signal's handler."""
        for interrupt in tuple(self._under_way):
            interrupt.continued()

    @property
    def left(self) -> int:
        """Nanoseconds left of the budget."""
        return self.options.time - (time.monotonic_ns() - self.began)

    @property
    def bytes_left(self) -> int:
        """Bytes left of it."""
        return self.options.bytes - self.bytes_used
