"""What happens during a run, as values. Times are integer nanoseconds; `scheduled` counts from the start of the run.

Each probe ends in exactly one of `ReplyReceived`, `EchoCorrupted` and `ProbeLost`; a reply that comes after its
probe was settled is a `ReplyLate` (the probe was lost) or a `ReplyDuplicated` (it was answered).
`connection` counts from 0 and tells parallel connections apart.
"""

from __future__ import annotations

from typing import NamedTuple

from netecho.measure.loss_reason import LossReason


class OneWayDelays(NamedTuple):
    """The parts of one round trip, where the far end says when it received the request and sent the reply.

    As stamped: how far the clocks are apart is in both directions, with opposite signs. None: not known.
    """

    forward: int | None = None
    backward: int | None = None
    processing: int | None = None
    """What the far end took, which is no part of `rtt`."""


class ReplyReceived(NamedTuple):
    """A probe was answered in time, and the echo is what was sent."""

    connection: int
    seq: int
    scheduled: int
    lag: int
    rtt: int
    response: int
    size: int
    kernel: bool
    """Whether `rtt` is by kernel stamps (else by the program's own clock)."""
    delays: OneWayDelays | None = None
    """None where the transport has none."""


class EchoCorrupted(NamedTuple):
    """A probe was answered in time, but the echo differs from what was sent."""

    connection: int
    seq: int
    scheduled: int
    lag: int
    rtt: int
    response: int
    size: int
    kernel: bool
    offset: int
    """Of the first wrong byte; the length of the shorter one where one is a prefix of the other."""
    delays: OneWayDelays | None = None


class ProbeLost(NamedTuple):
    """No reply came within the timeout, or it is known that none can come."""

    connection: int
    seq: int
    scheduled: int
    lag: int
    size: int
    reason: LossReason = LossReason.TIMEOUT
    detail: str = ""
    """What else is known: who sent an ICMP error and which, a path's MTU."""


class ReplyLate(NamedTuple):
    """A reply came after its probe was given up."""

    connection: int
    seq: int
    rtt: int


class ReplyDuplicated(NamedTuple):
    """A further reply came to a probe that was answered before."""

    connection: int
    seq: int


class StrayReceived(NamedTuple):
    """Bytes came that answer no probe: a server's banner, a datagram that is nobody's echo, a part of an echo."""

    connection: int
    data: bytes
    size: int | None = None
    """How many bytes came, where `data` has not all of them; None: its length."""

    @property
    def came(self) -> int:
        """How many bytes came."""
        return len(self.data) if self.size is None else self.size


Event = ReplyReceived | EchoCorrupted | ProbeLost | ReplyLate | ReplyDuplicated | StrayReceived
