"""The phases in their order, with probes beside them from the first to the last; an interrupt keeps what there is."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from netecho.errors import NetechoError, UnreachableError
from netecho.load.run import LOADS, PHASES, LoadRun, NotTested, PhaseRun
from netecho.net.client.job import IpOptions, StampOptions, TlsOptions
from netecho.net.linux import run_clock
from netecho.net.load.probing import Prober, candidates
from netecho.net.load.processes import Child
from netecho.target import TRAITS
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.load.progress import LoadProgress
    from netecho.load.run import Phase
    from netecho.net.load.asking import Resource
    from netecho.net.load.far_end import FarEnd
    from netecho.net.load.orders import Kind, Order
    from netecho.net.reactor.interfaces import Reactor
    from netecho.net.reactor.runner import Interrupt
    from netecho.target import Target

IDLE = 3 * SECOND
"""The longest that the idle phase takes: delays without load need less time than those with one."""
SETTLED = 3 * SECOND
"""The longest that the queues of one phase may take to empty before the next begins."""
_LOOK = 100 * MILLISECOND
_CALM = 2 * MILLISECOND
"""A round trip that is longer than the idle ones' median by less than this, or a tenth of it, is an idle one again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """What was asked for. Times in nanoseconds."""

    target: Target
    phases: tuple[Phase, ...] = PHASES
    duration: int = 8 * SECOND
    """Of each phase."""
    max_bytes: int = 512 << 20
    """Of all phases together."""
    flows: int | None = None
    """Of each direction; None: as many as help."""
    interval: int = 10 * MILLISECOND
    """From one probe to the next."""
    probe: Target | None = None
    """What to probe; None: what answers."""
    url: str | None = None
    token: str | None = None
    label: str | None = None
    ip_options: IpOptions = field(default_factory=IpOptions)
    stamp_options: StampOptions = field(default_factory=StampOptions)
    tls_options: TlsOptions = field(default_factory=TlsOptions)
    """For what has TLS: `nqs://`, and `https://`."""


async def load(
    reactor: Reactor,
    interrupt: Interrupt,
    options: LoadOptions,
    far_end: FarEnd,
    progress: LoadProgress,
) -> LoadRun:
    """Play the phases that can be played; `progress` is kept up to date."""
    return await _Play(reactor, interrupt, options, far_end, progress).run()


class _Play:
    def __init__(
        self,
        reactor: Reactor,
        interrupt: Interrupt,
        options: LoadOptions,
        far_end: FarEnd,
        progress: LoadProgress,
    ) -> None:
        self._reactor = reactor
        self._interrupt = interrupt
        self._options = options
        self._far_end = far_end
        self._progress = progress
        self._prober = Prober(reactor, options.ip_options, options.stamp_options, options.interval)
        self._phases: list[PhaseRun] = []
        missing = {each.what for each in far_end.missing}
        self._planned = [each for each in options.phases if each not in missing]
        progress.plan({each: self._length(each) for each in self._planned})
        progress.samples = self._prober.keeping.samples

    async def run(self) -> LoadRun:
        began, started = run_clock.now(), time.time_ns()
        target = self._options.target
        port = target.port or TRAITS[target.scheme].default_port or 0
        probe = self._options.probe
        may_answer = candidates(self._far_end.address or target.host, port) if probe is None else [(probe, False)]
        chosen = await self._prober.choose(may_answer)
        error: NetechoError | None = None
        probing: Deferred[None] | None = None
        not_tested = [each for each in self._far_end.missing if each.what in (*self._options.phases, "responsiveness")]
        if chosen is None:
            error = UnreachableError(
                f"{target.host} answers nothing: no STAMP, no echo, no load service",
                "on the far end: netecho serve :7007 stamp://:7862 nq://",
            )
        else:
            if not chosen[0].traits.is_stamp:
                why = "no STAMP reflector there (netecho serve stamp://:7862): one-way delays are not known"
                not_tested.append(NotTested(what="forward, backward", reason=why))
            probing = Deferred.fromCoroutine(self._prober.run(*chosen))
            await self._play()
            self._prober.stop()
            await probing
        return LoadRun(
            id=str(uuid.uuid4()),
            label=self._options.label,
            started=started,
            duration=run_clock.now() - began,
            interrupted=self._interrupt.requested,
            target=self._options.url or target.url,
            address=self._far_end.address or (chosen[0].host if chosen else None),
            probed=chosen[0].url if chosen else None,
            interval=self._prober.interval,
            dscp=self._options.ip_options.dscp,
            max_bytes=self._options.max_bytes,
            samples=tuple(self._prober.keeping.samples),
            phases=tuple(self._phases),
            not_tested=tuple(not_tested),
            error=error,
        )

    async def _play(self) -> None:
        for number, phase in enumerate(self._planned, 1):
            if self._interrupt.requested:
                return
            await self._phase(phase)
            self._progress.end()
            if number < len(self._planned) and LOADS[phase]:
                await self._settle()

    async def _phase(self, phase: Phase) -> None:
        self._progress.begin(phase, run_clock.now())
        far_end = self._far_end
        resources = [getattr(far_end, direction) for direction in LOADS[phase]]
        loads = [
            Child(self._reactor, self._order(direction, resource), partial(self._progress.arrived, direction))
            for direction, resource in zip(LOADS[phase], resources, strict=True)
        ]
        foreign = (
            Child(self._reactor, self._order("small", far_end.small)) if loads and far_end.small is not None else None
        )
        for each in loads:
            await each.begun
        began = run_clock.now()
        self._progress.begin(phase, began)
        await self._wait(self._length(phase), [each.ended for each in loads])
        ended = run_clock.now()
        for child in (*loads, *([foreign] if foreign else [])):
            child.stop()
        for child in (*loads, *([foreign] if foreign else [])):
            await child.ended
        self._phases.append(
            PhaseRun(
                phase=phase,
                began=began,
                ended=ended,
                transfers=tuple(each.transfer() for each in loads),
                exchanges=foreign.exchanges() if foreign else (),
            )
        )

    def _length(self, phase: Phase) -> int:
        return self._options.duration if LOADS[phase] else min(self._options.duration, IDLE)

    def _order(self, kind: Kind, resource: Resource) -> Order:
        options = self._options
        transfers = sum(len(LOADS[phase]) for phase in self._planned)
        return replace(
            resource.order(kind, options.token, options.tls_options),
            flows=options.flows,
            max_bytes=options.max_bytes // max(1, transfers),
        )

    async def _wait(self, nanoseconds: int, ends: Sequence[Deferred[None]] = ()) -> None:
        """Wait so long, or until it is interrupted, or all of `ends` have come."""
        waited: Deferred[None] = Deferred()
        left = len(ends)

        def over(_: object = None) -> None:
            if not waited.called:
                waited.callback(None)

        def one_ended(_: object) -> None:
            nonlocal left
            left -= 1
            if not left:
                over()

        for each in ends:
            each.addBoth(one_ended)
        later = self._reactor.callLater(nanoseconds / SECOND, over)
        self._interrupt.tell(over)
        await waited
        if later.active():
            later.cancel()

    async def _settle(self) -> None:
        """Wait until the queues are empty, by the round trips of the probes."""
        until = run_clock.now() + SETTLED
        while not self._interrupt.requested and run_clock.now() < until:
            await self._wait(_LOOK)
            if self._is_calm():
                return

    def _is_calm(self) -> bool:
        samples, idle = self._prober.keeping.samples, self._phases[0]
        before = sorted(each.rtt for each in samples if each.rtt is not None and each.at < idle.ended)
        now = run_clock.now()
        latest = [each.rtt for each in samples[-100:] if each.rtt is not None and each.at > now - 2 * _LOOK]
        if not before or not latest or LOADS[idle.phase]:
            return False
        usual = before[len(before) // 2]
        return max(latest) <= usual + max(_CALM, usual // 10)
