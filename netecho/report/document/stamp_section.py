"""The section `stamp` of the document: each direction, both clocks, and what became of the packets on the way."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from netecho.measure.facts.udp import UdpFacts
from netecho.report.document.values import distribution, milliseconds

if TYPE_CHECKING:
    from netecho.measure.facts.stamp import Endpoint, LocationFacts, StampFacts
    from netecho.measure.oneway.delays import Claim, Direction, OneWaySummary

Section = dict[str, object]

PPM = 1_000_000
_SOURCES = {1: "ntp", 2: "ptp", 3: "ssu/bits", 4: "gnss", 5: "free-running"}
"""RFC 8972 section 5.4."""


def stamp_section(stamp: StampFacts, udp: UdpFacts | None) -> Section:
    """Return the section; `udp` has the header fields of the replies."""
    replies, oneway = udp or UdpFacts(), stamp.oneway
    cos, ttl = stamp.class_of_service, stamp.ttl
    return {
        "mode": "authenticated" if stamp.authenticated else "open",
        "reflector": {
            "stateful": oneway.stateful,
            "extensions": stamp.extensions,
            "ssid": stamp.ssid,
            "resets": oneway.loss.resets,
        },
        "clock": oneway.clock,
        "clocks": _clocks(oneway, stamp.sync_source),
        "forward": _direction(oneway.forward),
        "backward": _direction(oneway.backward),
        "processing": distribution(oneway.processing),
        "loss": {
            "forward": oneway.loss.forward,
            "backward": oneway.loss.backward,
            "unknown": oneway.loss.unknown,
            "reasons": [str(reason) for reason in oneway.loss.reasons],
        },
        "egress_delay": distribution(stamp.egress_delay),
        "invalid_timestamps": {
            "total": sum(oneway.invalid_timestamps.values()),
            **{str(kind): count for kind, count in oneway.invalid_timestamps.items()},
        },
        "class_of_service": {
            "dscp_sent": cos.sent,
            "dscp_arrived": cos.arrived,
            "ecn_sent": cos.ecn_sent,
            "ecn_arrived": cos.ecn_arrived,
            "dscp_changed": cos.changed,
            "dscp_asked": cos.sent,
            "dscp_refused": cos.refused,
            "dscp_reply": replies.reply_dscp,
            "ecn_reply": replies.reply_ecn,
        },
        "ttl": {
            "sent": ttl.sent,
            "arrived": ttl.arrived,
            "arrived_min": ttl.arrived_min,
            "arrived_max": ttl.arrived_max,
            "reply": replies.reply_ttl,
        },
        **({} if stamp.location is None else {"location": _location(stamp.location)}),
        **({} if stamp.reply_size is None else {"reply_size": asdict(stamp.reply_size)}),
    }


def _location(location: LocationFacts) -> Section:
    return {
        "source": {"here": _endpoint(location.source), "there": _endpoint(location.source_there)},
        "destination": {"here": _endpoint(location.destination), "there": _endpoint(location.destination_there)},
        "changes": location.changes,
    }


def _endpoint(endpoint: Endpoint) -> Section:
    address, port = endpoint
    return {"address": address, "port": port}


def _clocks(oneway: OneWaySummary, sync_source: int | None) -> Section:
    line, there = oneway.line, _claim(oneway.there)
    if there is not None:
        there["source"] = None if sync_source is None else _SOURCES.get(sync_source)
    return {
        "here": _claim(oneway.here),
        "there": there,
        "offset_ms": None if line is None else milliseconds(line.offset),
        "offset_within_ms": None if line is None else milliseconds(line.within),
        "drift_ppm": None if line is None or line.drift is None else round(line.drift * PPM, 3),
    }


def _claim(claim: Claim | None) -> Section | None:
    return None if claim is None else {"synchronised": claim.synchronised, "error_ms": milliseconds(claim.error)}


def _direction(direction: Direction) -> Section:
    return {
        **distribution(direction.delay),
        "ipdv_mean_abs_ms": milliseconds(direction.ipdv_mean_abs),
        "pdv_p99_ms": milliseconds(direction.pdv_p99),
        "jitter_rfc3550_ms": milliseconds(direction.jitter_rfc3550),
        "lost": direction.lost,
    }
