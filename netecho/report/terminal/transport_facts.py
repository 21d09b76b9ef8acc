"""The lines of the summary that only some transports have: TCP_INFO, the TLS session, the headers of the replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.report.humanize import many, ms
from netecho.report.terminal import ecn, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.report.document.model import Document


def facts(document: Document) -> list[str]:
    """Return the lines that are not empty."""
    sections = (("tls", _tls), ("tcp", _tcp), ("udp", _udp), ("ecn", ecn.words))
    lines = ((name, ", ".join(words(document[name]))) for name, words in sections if name in document)
    return [f"{name}: {line}" for name, line in lines if line] + stamp.lines(document)


def _tcp(section: Document) -> Iterator[str]:
    if (smoothed := section.get("srtt_ms")) is not None:
        yield f"smoothed rtt {ms(smoothed)} ms"
    if (least := section.get("min_rtt_ms")) is not None:
        yield f"min {ms(least)} ms"
    if (again := section.get("retransmits")) is not None:
        yield many(again, "retransmission")
    if (window := section.get("cwnd_segments")) is not None:
        yield f"cwnd {window}"
    if (segment := section.get("mss_bytes")) is not None:
        yield f"MSS {segment}"
    if (packet := section.get("pmtu_bytes")) is not None:
        yield f"path MTU {packet}"


def _tls(section: Document) -> Iterator[str]:
    for key in ("protocol", "cipher"):
        if section.get(key):
            yield str(section[key])
    if section.get("alpn"):
        yield f"ALPN {section['alpn']}"
    if section.get("not_after"):
        yield f"certificate until {section['not_after'][:10]}"
    if section.get("verified") is False:
        yield "certificate not checked"


def _udp(section: Document) -> Iterator[str]:
    if (ttl := section.get("reply_ttl")) is not None:
        yield f"replies came with TTL {ttl}"
    if (dscp := section.get("reply_dscp")) is not None:
        yield f"DSCP {dscp}"
    if ecn := section.get("reply_ecn"):
        yield f"ECN {ecn}"
