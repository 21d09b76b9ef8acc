"""A run of load as it was measured. Instants and times are integer nanoseconds; instants by one monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from netecho.errors import NetechoError

Loaded = Literal["download", "upload"]
"""A direction of load: download is from the far end to this one."""
Phase = Literal["idle", "download", "upload", "both"]
PHASES: tuple[Phase, ...] = ("idle", "download", "upload", "both")
LOADS: dict[Phase, tuple[Loaded, ...]] = {
    "idle": (),
    "download": ("download",),
    "upload": ("upload",),
    "both": ("download", "upload"),
}


class Sample(NamedTuple):
    """One probe."""

    at: int
    """When it was to leave."""
    lag: int
    rtt: int | None
    """None: it was lost."""
    forward: int | None = None
    """One-way delays, from here to the far end and back, as stamped: how far the clocks are apart is in them."""
    backward: int | None = None


class Reading(NamedTuple):
    """What a direction of load had come to at an instant."""

    at: int
    bytes: int
    """Payload that had arrived at its receiver: over all flows, since the beginning."""
    flows: int


class Exchange(NamedTuple):
    """One probe on a connection of its own ("foreign"): when it was done, and what its parts took, nanoseconds."""

    at: int
    tcp: int
    """The handshake."""
    http: int
    """From the request for the small resource to its whole answer."""
    tls: int | None = None
    """The handshake of TLS; None without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One direction of load in one phase."""

    direction: Loaded
    readings: tuple[Reading, ...] = ()
    saturated_at: int | None = None
    """When its goodput no longer grew; None: until the end it did, or the number of flows was given."""
    retransmits: int | None = None
    """Segments that were sent again, over all flows; None where this end is not the sender."""
    window_limited: int | None = None
    """For how long a flow waited for the receiver's window, nanoseconds, the mean over the flows; None likewise."""
    short_of_memory: bool | None = None
    """Whether this system's TCP was at any time short of memory; None where that is not known."""
    smoothed_rtts: tuple[tuple[int, int], ...] = ()
    """From time to time an instant, and the TCP stack's own round trip of the load's connections, their median: of an
    upload the sender's smoothed one, of a download the receiver's estimate."""
    ended: str | None = None
    """Why it ended before its time."""
    refused: bool = False
    """Whether that is because the far end answered it with an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRun:
    """One phase: from when to when, and its load."""

    phase: Phase
    began: int
    ended: int
    transfers: tuple[Transfer, ...] = ()
    exchanges: tuple[Exchange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTested:
    """A phase, or a figure, that there is not, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRun:
    """All that was measured."""

    id: str
    label: str | None
    started: int
    """Wall clock, nanoseconds since 1970."""
    duration: int
    interrupted: bool
    target: str
    address: str | None
    probed: str | None
    """By which transport, and where: `stamp://192.0.2.1:7862`; None where nothing answers probes."""
    interval: int
    """Between two probes."""
    dscp: int | None
    """That the probes were marked with; None: with none."""
    max_bytes: int
    samples: tuple[Sample, ...] = ()
    phases: tuple[PhaseRun, ...] = ()
    not_tested: tuple[NotTested, ...] = ()
    error: NetechoError | None = None
    """Why nothing could be measured."""
