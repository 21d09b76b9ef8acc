"""What a run came to, or has come to so far, frozen: everything shown is printed from here, live or saved.

Times are nanoseconds; None where there is no value. How the figures come about is in `recorder`. What every start of
the program makes is a NamedTuple, here as elsewhere: a frozen dataclass of as many fields takes five to ten times as
long.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from netecho.measure.stats.distribution import NO_VALUES, Distribution

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netecho.measure.loss_reason import LossReason
    from netecho.measure.losses import Losses
    from netecho.measure.outages import Outage
    from netecho.measure.stats.timeline import Period, Worst


def loss_percent(received: int, lost: int) -> float | None:
    """Return what share was lost of what was lost or received; None where nothing was either."""
    return 100 * lost / (received + lost) if received + lost else None


class PartSummary(NamedTuple):
    """A part of a run's probes, those whose fate is known: `sent` is received + lost + dropped_here."""

    sent: int
    received: int
    lost: int
    dropped_here: int
    rtt: Distribution

    @property
    def loss_percent(self) -> float | None:
        """Lost of those that the network lost or brought back; None where there are none."""
        return loss_percent(self.received, self.lost)


class SizeSummary(NamedTuple):
    """The probes of one payload size."""

    size: int
    probes: PartSummary


class FlowSummary(NamedTuple):
    """The probes of one of several connections."""

    connection: int
    local: tuple[str, int] | None
    """Its address and port at this end; None where they are not known, or each probe had its own."""
    probes: PartSummary


class Summary(NamedTuple):
    """All the figures of a run: `sent` is received + lost + dropped_here + pending."""

    sent: int = 0
    received: int = 0
    lost: int = 0
    pending: int = 0
    """In flight when the run was cut short: neither received nor lost."""
    late: int = 0
    duplicate: int = 0
    reordered: int = 0
    corrupt: int = 0
    stray: int = 0
    """Pieces that answered no probe: messages of a stream, datagrams."""
    stray_bytes: int = 0
    waits: int = 0
    """Due sends that a full window held back."""
    loss_by_reason: Mapping[LossReason, int] = MappingProxyType({})
    """Of `lost`, in descending order; reasons that did not occur are left out."""
    losses: tuple[Losses, ...] = ()
    """Of `lost`, by the reason with its detail, in descending order."""
    outages: tuple[Outage, ...] = ()
    """In order of time; the longest, if there are many."""
    unavailable: int = 0
    """What all outages took together."""
    gone: int = 0
    """How long the target had not answered at the end; 0 where it did, or never answered at all."""
    dropped_here: int = 0
    """Probes whose reply this machine's receive buffer had no room for: neither received nor lost."""
    not_sent: int = 0
    """Scheduled sends that were skipped because this process was stopped, or the machine asleep."""
    suspended: int = 0
    """For how long."""
    kernel_stamps: int = 0
    user_stamps: int = 0
    forward: Distribution = NO_VALUES
    """One-way delays, and the far end's own time, where it stamps too (STAMP)."""
    backward: Distribution = NO_VALUES
    processing: Distribution = NO_VALUES
    lost_forward: int | None = None
    """Of `lost`, those that are known to have been lost on the way there, and `lost_backward` on the way back; None
    where the far end cannot tell."""
    lost_backward: int | None = None
    connect: Distribution = NO_VALUES
    """TCP handshakes, where each probe has a connection of its own."""
    tls: Distribution = NO_VALUES
    """TLS handshakes, likewise."""
    rtt: Distribution = NO_VALUES
    response: Distribution = NO_VALUES
    lag: Distribution = NO_VALUES
    ipdv_mean_abs: float | None = None
    """RFC 3393, over the pairs of consecutive probes that were both answered, of all connections."""
    pdv_p99: int | None = None
    """RFC 5481: rtt's p99 less its minimum."""
    jitter_rfc3550: float | None = None
    """The mean over the connections."""
    by_size: tuple[SizeSummary, ...] = ()
    """In ascending order of size; only for sweeps."""
    by_flow: tuple[FlowSummary, ...] = ()
    """Only where there are several connections: the first `MOST_FLOWS` of them."""
    timeline: tuple[Period, ...] = ()
    """The run in periods of about equal length, by when the probes were scheduled."""
    worst: Worst | None = None
    """The longest round trip, with its time."""

    @property
    def loss_percent(self) -> float | None:
        """Lost of those that the network lost or brought back; None where there are none."""
        return loss_percent(self.received, self.lost)

    @property
    def stamps(self) -> Literal["kernel", "user", "mixed"] | None:
        """By which clock rtt was measured; None where nothing was received."""
        if self.kernel_stamps and self.user_stamps:
            return "mixed"
        if self.kernel_stamps:
            return "kernel"
        return "user" if self.user_stamps else None
