"""A measured run as checks look at it: its figures, and the fate of each probe in the order of the schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from netecho.measure.events import EchoCorrupted, ProbeLost, ReplyLate, ReplyReceived
from netecho.measure.loss_reason import LossReason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netecho.measure.events import Event, OneWayDelays
    from netecho.measure.result import Result


class Fate(NamedTuple):
    """What became of one probe. Times are nanoseconds, `scheduled` since the start of the run."""

    scheduled: int
    connection: int
    size: int
    rtt: int | None
    """None: it was lost, or dropped here. One that came late was not lost: this machine may have been late to look."""
    reason: LossReason | None = None
    """Why, where it was lost."""
    detail: str = ""
    corrupt_at: int | None = None
    """The offset of the first byte that differs from what was sent."""
    lag: int = 0
    delays: OneWayDelays | None = None
    """Of each direction, as stamped: how far the clocks are apart is in them."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run, over."""

    result: Result
    fates: tuple[Fate, ...]

    @property
    def lost(self) -> int:
        """How many probes the network lost: none of those whose reply came late."""
        return sum(fate.rtt is None for fate in self.of_the_network)

    @property
    def sent(self) -> int:
        """How many probes the network lost or brought back: not those on their way, nor those dropped here."""
        return len(self.of_the_network)

    @property
    def of_the_network(self) -> tuple[Fate, ...]:
        """The fates of those."""
        return tuple(fate for fate in self.fates if fate.reason is not LossReason.DROPPED_HERE)


def fates(events: Iterable[Event]) -> tuple[Fate, ...]:
    """Return what became of each probe, in the order of the schedule."""
    found: dict[tuple[int, int], Fate] = {}
    for event in events:
        match event:
            case ReplyReceived() | EchoCorrupted() | ProbeLost():
                found[event.connection, event.seq] = _fate(event)
            case ReplyLate() if (lost := found.get((event.connection, event.seq))) is not None:
                found[event.connection, event.seq] = lost._replace(rtt=event.rtt, reason=None, detail="")
    return tuple(sorted(found.values(), key=lambda fate: (fate.scheduled, fate.connection)))


def _fate(event: ReplyReceived | EchoCorrupted | ProbeLost) -> Fate:
    if isinstance(event, ReplyReceived):
        return Fate(event.scheduled, event.connection, event.size, event.rtt, lag=event.lag, delays=event.delays)
    if isinstance(event, EchoCorrupted):
        return Fate(event.scheduled, event.connection, event.size, event.rtt, corrupt_at=event.offset, lag=event.lag)
    return Fate(event.scheduled, event.connection, event.size, None, event.reason, event.detail, lag=event.lag)
