"""A run of probes with the fate of each, as the checks look at it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from netecho.diagnose.run import Run, fates
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.net.client.job import IpOptions, Job, StampOptions, TlsOptions
from netecho.net.client.measurement import probe
from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.measure.events import Event
    from netecho.measure.result import Start
    from netecho.net.reactor.interfaces import Reactor
    from netecho.net.reactor.runner import Interrupt
    from netecho.target import Target

HEADERS = 48
"""Bytes of IPv6 and UDP headers, or of IPv4 and TCP and a bit: what a probe is longer on the wire than its payload."""

PATIENCE = SECOND
"""How long a reply is waited for, nanoseconds."""


class Keeping:
    """A reporter that keeps every event of a run, which is short."""

    follows = True

    def __init__(self) -> None:
        self.events: list[Event] = []

    def started(self, start: Start) -> None:
        """Nothing."""

    def tell(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)


def job(
    target: Target,
    *,
    count: int,
    interval: int,
    seed: int,
    sizes: tuple[int, ...] = (64,),
    payload: bytes | None = None,
    connections: int = 1,
    connect_only: bool = False,
    ip_options: IpOptions | None = None,
    stamp_options: StampOptions | None = None,
    tls_options: TlsOptions | None = None,
    timeout: int = PATIENCE,
) -> Job:
    """Return what is to be measured: `count` probes on each connection, `interval` nanoseconds apart."""
    return Job(
        target=target,
        plan=Plan(
            count=count,
            interval=Fraction(interval),
            sizes=sizes if payload is None else (len(payload),),
            payload=payload,
            connections=connections,
            connect_only=connect_only,
            timeout=timeout,
            seed=seed,
        ),
        ip_options=ip_options or IpOptions(),
        tls_options=tls_options or TlsOptions(),
        settings={},
        stamp_options=stamp_options or StampOptions(),
    )


async def measured(reactor: Reactor, interrupt: Interrupt, what: Job) -> Run:
    """Return the run. Raises UnreachableError where nothing of it came back and the network said why."""
    plan, keeping = what.plan, Keeping()
    recorder = Recorder(by_size=len(plan.sizes) > 1, connections=plan.connections)
    result = await probe(reactor, interrupt, what, recorder, keeping)
    return Run(result, fates(keeping.events))


def size_of(run: Run) -> int:
    """Return how many bytes a run sent, headers included."""
    return sum(fate.size + HEADERS for fate in run.fates)
