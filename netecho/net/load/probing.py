"""The probes beside the load: by what tells most of those that answer, from the first phase to the last."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from netecho.errors import NetechoError
from netecho.load.run import Sample
from netecho.measure.events import EchoCorrupted, ProbeLost, ReplyReceived
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.net.client.job import IpOptions, Job, StampOptions, TlsOptions
from netecho.net.client.measurement import probe
from netecho.net.linux import run_clock
from netecho.net.reactor.runner import Interrupt
from netecho.net.reactor.together import together
from netecho.target import DEFAULT_PORTS, UNPRIVILEGED_STAMP_PORT, Target
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.measure.events import Event
    from netecho.measure.result import Start
    from netecho.net.reactor.interfaces import Reactor

TRIED = 4
"""Probes by which it is found out what answers."""
PATIENCE = 5 * SECOND
"""How long a reply is waited for under load; queues of seconds are common."""
CONNECTING = 100 * MILLISECOND
"""From one probe to the next where each is a connection of its own."""


class Keeping:
    """A reporter that keeps all probes of a run, and knows when it began."""

    follows = True

    def __init__(self) -> None:
        self.began = 0
        self.samples: list[Sample] = []

    def started(self, start: Start) -> None:
        """Note when."""
        del start
        self.began = run_clock.now()

    def tell(self, event: Event) -> None:
        """Keep a probe's fate."""
        if isinstance(event, ReplyReceived | EchoCorrupted):
            delays = event.delays
            forward, backward = (None, None) if delays is None else (delays.forward, delays.backward)
            self.samples.append(Sample(self.began + event.scheduled, event.lag, event.rtt, forward, backward))
        elif isinstance(event, ProbeLost):
            self.samples.append(Sample(self.began + event.scheduled, event.lag, None))


class Prober:
    """Finds out what answers, then probes it until it is told to stop."""

    def __init__(self, reactor: Reactor, ip_options: IpOptions, stamp_options: StampOptions, interval: int) -> None:
        self.keeping = Keeping()
        self.interval = interval
        self._reactor = reactor
        self._ip_options = ip_options
        self._stamp_options = stamp_options
        self._interrupt = Interrupt()

    async def choose(self, candidates: Sequence[tuple[Target, bool]]) -> tuple[Target, bool] | None:
        """Return the first that answers, and whether it is by connecting alone; None where nothing does."""
        answering: set[Target] = set()

        async def look(target: Target, connect_only: bool) -> None:
            recorder = Recorder()
            job = self._job(target, connect_only, interval=20 * MILLISECOND, count=TRIED, timeout=SECOND)
            try:
                result = await probe(self._reactor, Interrupt(), job, recorder, Keeping())
            except NetechoError:
                return
            if result.summary.received and not result.summary.corrupt:
                answering.add(target)

        await together(look(*each) for each in candidates)
        return next((each for each in candidates if each[0] in answering), None)

    async def run(self, target: Target, connect_only: bool) -> None:
        """Probe until `stop`. Raises UnreachableError."""
        if connect_only:
            self.interval = max(self.interval, CONNECTING)
        job = self._job(target, connect_only, interval=self.interval, count=None, timeout=PATIENCE)
        await probe(self._reactor, self._interrupt, job, Recorder(), self.keeping)

    def stop(self) -> None:
        """End."""
        self._interrupt.request()

    def _job(self, target: Target, connect_only: bool, *, interval: int, count: int | None, timeout: int) -> Job:
        plan = Plan(count=count, interval=Fraction(interval), timeout=timeout, connect_only=connect_only, duration=None)
        return Job(
            target=target,
            plan=plan,
            ip_options=self._ip_options,
            tls_options=TlsOptions(),
            settings={},
            stamp_options=self._stamp_options,
        )


def candidates(host: str, port: int) -> list[tuple[Target, bool]]:
    """Return what may answer probes on a host, that which tells most first; at last, connecting to the load's port."""
    return [
        (Target("stamp", host, UNPRIVILEGED_STAMP_PORT), False),
        (Target("stamp", host, DEFAULT_PORTS["stamp"]), False),
        (Target("udp", host, DEFAULT_PORTS["udp"]), False),
        (Target("tcp", host, DEFAULT_PORTS["tcp"]), False),
        (Target("tcp", host, port), True),
    ]
