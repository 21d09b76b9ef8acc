"""A trace as it was, frozen. Times are nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netecho.measure.stats.distribution import Distribution
    from netecho.trace.hop import Change, Kind
    from netecho.trace.quote import Label


@dataclass(frozen=True, slots=True)
class StepResult:
    """One flow at one TTL."""

    ttl: int
    addresses: tuple[str, ...]
    """Those that answered most first."""
    asked: int
    """Packets whose fate is known."""
    answered: int
    returns: int = 0
    """How often an address took turns with one that had answered before."""

    @property
    def lost(self) -> int:
        """Packets that nobody answered."""
        return self.asked - self.answered


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowResult:
    """One flow: a source port."""

    flow: int
    port: int
    end: int | None
    """The TTL of its last hop; None: nobody said that it got there."""
    steps: tuple[StepResult, ...]
    rtt: Distribution
    """To its end and back."""
    ended: bool = False
    """Of TCP: whether the target ended the connection."""

    @property
    def path(self) -> tuple[str | None, ...]:
        """Who answered at each TTL; None where nobody did."""
        return tuple(step.addresses[0] if step.addresses else None for step in self.steps)

    @property
    def last(self) -> StepResult | None:
        """The end of the path, by which the loss on all of it is known."""
        return None if self.end is None else self.steps[self.end - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class HopResult:
    """All flows at one TTL."""

    ttl: int
    kind: Kind
    addresses: tuple[str, ...]
    asked: int
    answered: int
    rtt: Distribution
    tos: int | None = None
    translated: bool | None = None
    labels: tuple[Label, ...] = ()
    mtu: int | None = None
    meaning: str | None = None

    @property
    def lost(self) -> int:
        """Packets that nobody answered."""
        return self.asked - self.answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The whole of it."""

    hops: tuple[HopResult, ...]
    flows: tuple[FlowResult, ...]
    changes: tuple[Change, ...]
    """The first ones, where a path does not stay the same."""
    rounds: int
    """That were begun."""
    max_hops: int
    """The highest TTL that may be sent."""
    tos: int
    """What was sent."""
    foreign: int
    """ICMP errors about this flow that quote what was never sent."""
    late: int
    """Answers that came after the timeout, or twice."""
    short: int
    """ICMP errors that quote too little to be told apart."""
    searching: bool
    """Whether the end of a flow's path is not known yet, and may still be found."""
    stamps: str | None
    """By whose clock round trips are: kernel, user, mixed; None: there are none."""
    rtt: Distribution
    """Of all flows to the end of the path."""

    @property
    def reached(self) -> bool:
        """Whether the target has answered."""
        return any(hop.kind == "target" for hop in self.hops)

    @property
    def target_steps(self) -> tuple[StepResult, ...]:
        """The last hop of each flow that has got to an end."""
        return tuple(flow.last for flow in self.flows if flow.last is not None)
