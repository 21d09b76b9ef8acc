"""What the packets of a STAMP run said (RFC 8762, RFC 8972)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.measure.stats.distribution import NO_VALUES, Distribution

if TYPE_CHECKING:
    from netecho.measure.oneway.delays import OneWaySummary


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOfServiceFacts:
    """DSCP and ECN of the requests: as sent, and as the reflector says that they arrived (RFC 8972 section 4.4)."""

    sent: int
    """DSCP; the one that replies were asked to have, too."""
    arrived: int | None = None
    """The most frequent DSCP."""
    ecn_sent: int = 0
    ecn_arrived: int | None = None
    changed: int | None = None
    """Requests that arrived with another DSCP."""
    refused: int | None = None
    """Replies whose reflector would not use the DSCP that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TtlFacts:
    """TTL or hop limit of the requests: as sent, and as the reflector says that they arrived."""

    sent: int | None
    arrived: int | None = None
    """The most frequent one."""
    arrived_min: int | None = None
    arrived_max: int | None = None


Endpoint = tuple[str | None, int]
"""An address as it is written, None where it is not known, and a port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationFacts:
    """A session's addresses and ports, as they are here and as the far end saw them (RFC 8972 section 4.2)."""

    source: Endpoint
    destination: Endpoint
    source_there: Endpoint
    """As the latest reply says, as `destination_there`."""
    destination_there: Endpoint
    changes: int = 0
    """How often a reply named another source than the one before: a NAT's mapping was made anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplySizeFacts:
    """What became of the length that replies were asked for (RFC 10052)."""

    asked: int
    as_asked: int = 0
    """Replies of that length."""
    refused: int = 0
    """Replies of another length, of which the far end says that they are (C)."""
    unknown: int = 0
    """Replies whose far end does not know what was asked (U)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StampFacts:
    """What the packets of a STAMP run said (RFC 8762, RFC 8972)."""

    authenticated: bool
    oneway: OneWaySummary
    extensions: bool | None = None
    """Whether the reflector answers TLVs; None where there was no reply, as for `ssid`."""
    ssid: bool | None = None
    """Whether it returns the session identifier."""
    sync_source: int | None = None
    """What its clock follows, a number of RFC 8972 section 5.4."""
    egress_delay: Distribution = NO_VALUES
    """How long after T3 replies left, where the reflector says so (RFC 8972 section 4.7)."""
    class_of_service: ClassOfServiceFacts
    ttl: TtlFacts
    location: LocationFacts | None = None
    """None where the reflector does not say; of the first of several connections."""
    reply_size: ReplySizeFacts | None = None
    """None where no length was asked for."""
