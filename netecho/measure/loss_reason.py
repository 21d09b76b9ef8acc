"""Why a probe was lost, as far as it is known where the loss arises."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class LossReason(StrEnum):
    """One word a reason, as printed in rows and in `loss_by_reason`."""

    TIMEOUT = "timeout"
    """Nothing came back within the timeout, and nothing said why."""
    RESET = "reset"
    """The peer reset the connection that the reply was expected on."""
    REFUSED = "refused"
    """A connection was refused, or a datagram answered by ICMP port unreachable."""
    CLOSED = "closed"
    """The peer closed the connection before it had answered."""
    STALLED = "stalled"
    """The peer took no more bytes; the connection was given up."""
    TLS_ALERT = "tls_alert"
    """TLS could not be agreed on, or ended with an alert."""
    ICMP_UNREACHABLE = "icmp_unreachable"
    """A router or the host said by ICMP that it cannot be reached, or may not."""
    ICMP_TTL = "icmp_ttl"
    """A router said that the packet's time to live ran out."""
    TOO_LARGE = "too_large"
    """The packet is larger than the path takes, and must not be fragmented."""
    LOCAL_DROP = "local_drop"
    """This machine did not let the packet out: a full queue, or a firewall rule."""
    DROPPED_HERE = "dropped_here"
    """The reply arrived, and this machine had no room for it or was stopped: counted apart from what is lost."""
    NO_DESCRIPTOR = "no_descriptor"
    """This process or system has no file descriptor left for a connection."""
    NO_SOCKET = "no_socket"
    """There is nothing at the path of the Unix socket."""
    NO_ROUTE = "no_route"
    """This machine has no route to the target."""
    NOT_CONNECTED = "not_connected"
    """There was no connection when the probe was due, and none could be made in time."""
    REJECTED = "rejected"
    """The answer was one that the protocol does not allow, or says no."""
    OTHER = "other"
    """The system gave another reason; `detail` has its words."""


class Loss(NamedTuple):
    """A reason with what else is known: "ICMP port unreachable from 10.0.0.1", "path MTU 1400"."""

    reason: LossReason
    detail: str = ""


TIMED_OUT = Loss(LossReason.TIMEOUT)

DROPPED_HERE = Loss(LossReason.DROPPED_HERE)

STOPPED = Loss(LossReason.DROPPED_HERE, "this process was stopped")
"""The reply lay here meanwhile, and nothing says how long it took to come."""

ON_THIS_SIDE = frozenset(
    {LossReason.TOO_LARGE, LossReason.LOCAL_DROP, LossReason.DROPPED_HERE, LossReason.NO_DESCRIPTOR}
)
"""Reasons that lie on this side: they say nothing of whether the target is there."""
