"""What TCP, TLS, UDP and STAMP know beside the round trips, as typed values.

Times are integer nanoseconds; None is what the system or the peer did not say. Printed by `report.document` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.measure.stats.distribution import NO_VALUES, Distribution

if TYPE_CHECKING:
    from netecho.measure.oneway.delays import OneWaySummary


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpFacts:
    """The state of one connection in the TCP stack (Linux: `struct tcp_info`)."""

    smoothed_rtt: int | None = None
    """RFC 6298's SRTT; None before the first measurement."""
    min_rtt: int | None = None
    rtt_variation: int | None = None
    """RFC 6298's RTTVAR."""
    retransmits: int | None = None
    """Segments sent again over the connection's life."""
    congestion_window: int | None = None
    """Segments."""
    mss: int | None = None
    """Bytes."""
    path_mtu: int | None = None
    """Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """The certificate that a TLS server presented. Names are RFC 4514 strings."""

    subject: str
    issuer: str
    not_before: int
    """Nanoseconds since 1970, as `not_after`."""
    not_after: int
    pin: str
    """`sha256:` and the digest of the public key info."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """What the first handshake of a run agreed on."""

    server_name: str
    verified: bool
    """False where the user asked that the certificate is not checked."""
    protocol: str
    cipher: str | None = None
    alpn: str | None = None
    certificate: CertificateFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpFacts:
    """How replies arrived, as the latest one's headers say, and what this machine dropped."""

    dropped_here: int | None = None
    """Datagrams for which the socket's receive buffer had no room."""
    reply_ttl: int | None = None
    reply_dscp: int | None = None
    reply_ecn: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOfServiceFacts:
    """DSCP and ECN of the requests: as sent, and as the reflector says that they arrived (RFC 8972 section 4.4)."""

    sent: int
    """DSCP; the one that replies were asked to have, too."""
    arrived: int | None = None
    """The most frequent DSCP."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportFacts:
    """All that is known of a run's transport; None for what the transport does not have."""

    tls: TlsFacts | None = None
    tcp: TcpFacts | None = None
    udp: UdpFacts | None = None
    stamp: StampFacts | None = None


NO_FACTS = TransportFacts()
