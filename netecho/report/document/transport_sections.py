"""The sections `tcp`, `tls`, `udp` and `ecn` of the document. Units are in the keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from netecho.report.document.values import milliseconds
from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.measure.facts.ecn import Counts, EcnFacts
    from netecho.measure.facts.tcp import TcpFacts
    from netecho.measure.facts.tls import TlsFacts
    from netecho.measure.facts.udp import UdpFacts

Section = dict[str, object]


def tcp_section(tcp: TcpFacts) -> Section:
    """Return what the TCP stack measured."""
    return {
        "srtt_ms": milliseconds(tcp.smoothed_rtt),
        "min_rtt_ms": milliseconds(tcp.min_rtt),
        "rttvar_ms": milliseconds(tcp.rtt_variation),
        "retransmits": tcp.retransmits,
        "cwnd_segments": tcp.congestion_window,
        "mss_bytes": tcp.mss,
        "pmtu_bytes": tcp.path_mtu,
    }


def tls_section(tls: TlsFacts) -> Section:
    """Return what the first handshake agreed on, and the server's certificate where it presented one."""
    section: Section = {
        "server_name": tls.server_name,
        "verified": tls.verified,
        "protocol": tls.protocol,
        "cipher": tls.cipher,
        "alpn": tls.alpn,
    }
    if tls.certificate is not None:
        section |= {
            "subject": tls.certificate.subject,
            "issuer": tls.certificate.issuer,
            "not_before": _second(tls.certificate.not_before),
            "not_after": _second(tls.certificate.not_after),
            "pin": tls.certificate.pin,
        }
    return section


def udp_section(udp: UdpFacts) -> Section:
    """Return how replies arrived."""
    return {
        "dropped_here": udp.dropped_here,
        "reply_ttl": udp.reply_ttl,
        "reply_dscp": udp.reply_dscp,
        "reply_ecn": udp.reply_ecn,
    }


def ecn_section(ecn: EcnFacts) -> Section:
    """Return with which codepoints packets arrived."""
    return {"sent": ecn.sent, "forward": _by_codepoint(ecn.forward), "backward": _by_codepoint(ecn.backward)}


def _by_codepoint(counts: Counts | None) -> Section | None:
    return None if counts is None else dict(counts)


def _second(nanoseconds: int) -> str:
    """Return wall clock since 1970 to the second: certificates know no less."""
    return f"{datetime.fromtimestamp(nanoseconds // SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"
