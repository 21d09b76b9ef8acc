"""The section `stamp` of the document: what came beside the round trips, in the words and units it is printed with."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from netecho.measure.stats.signed_histogram import SignedHistogram
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netecho.measure.oneway.delays import Claim, Direction, OneWaySummary
    from netecho.measure.stats.distribution import Distribution
    from netecho.net.client.job import IpOptions, Job
    from netecho.stamp.session_sender import Reflection

PPM = 1_000_000

Section = dict[str, Any]


class Seen:
    """What replies said of the packets themselves. All of it is bounded: fields have few values."""

    def __init__(self) -> None:
        self.replies = 0
        self.extended = 0
        """Replies with a TLV that the reflector answered."""
        self.without_ssid = 0
        self.classes: Counter[tuple[int, int]] = Counter()
        """DSCP and ECN of our requests on arrival."""
        self.refused_class = 0
        self.ttls: Counter[int] = Counter()
        self.sync: int | None = None
        """The source of the far clock, as a number of RFC 8972 section 5.4."""
        self.egress_delay = SignedHistogram()
        """How long after T3 replies really left."""

    def reply(self, seen: Reflection) -> None:
        """Take in one reply."""
        self.replies += 1
        if seen.ttl:
            self.ttls[seen.ttl] += 1
        self.without_ssid += not seen.ssid
        cos, info = seen.class_of_service, seen.timestamp_information
        self.extended += any(told is not None for told in (cos, info, seen.counters, seen.follow_up))
        if cos is not None:
            self.classes[cos.dscp, cos.ecn] += 1
            self.refused_class += cos.reverse_path == 1
        if info is not None:
            self.sync = info.sync_in


def section(
    summary: OneWaySummary, seen: Seen, job: Job, ip_options: IpOptions, reply: Mapping[str, object]
) -> dict[str, object]:
    """Return the section; `reply` has the header fields of replies, as the section `udp`."""
    return {
        "mode": "open" if job.stamp_options.key is None else "authenticated",
        "reflector": {
            "stateful": summary.stateful,
            "extensions": None if not seen.replies else bool(seen.extended),
            "ssid": None if not seen.replies else seen.without_ssid < seen.replies,
        },
        "clock": summary.clock,
        "clocks": _clocks(summary, seen),
        "forward": _direction(summary.forward),
        "backward": _direction(summary.backward),
        "processing": distribution(summary.processing),
        "departure": distribution(seen.egress_delay.distribution()),
        "nonsense": {
            "total": sum(summary.invalid_timestamps.values()),
            **{str(k): v for k, v in summary.invalid_timestamps.items()},
        },
        "class_of_service": _class(seen, ip_options, reply),
        "ttl": {
            "sent": ip_options.ttl,
            "arrived": _usual(seen.ttls),
            "arrived_min": min(seen.ttls, default=None),
            "arrived_max": max(seen.ttls, default=None),
            "reply": reply.get("reply_ttl"),
        },
    }


def _clocks(summary: OneWaySummary, seen: Seen) -> Section:
    line, there = summary.line, _claim(summary.there)
    if there is not None:
        there["source"] = None if seen.sync is None else _SOURCES.get(seen.sync)
    return {
        "here": _claim(summary.here),
        "there": there,
        "offset_ms": None if line is None else _ms(line.offset),
        "offset_within_ms": None if line is None else _ms(line.within),
        "drift_ppm": None if line is None or line.drift is None else round(line.drift * PPM, 3),
    }


_SOURCES = {1: "ntp", 2: "ptp", 3: "ssu/bits", 4: "gnss", 5: "free-running"}


def _claim(claim: Claim | None) -> Section | None:
    return None if claim is None else {"synchronised": claim.synchronised, "error_ms": _ms(claim.error)}


def _direction(direction: Direction) -> Section:
    return {
        **distribution(direction.delay),
        "ipdv_mean_abs_ms": _ms(direction.ipdv_mean_abs),
        "pdv_p99_ms": _ms(direction.pdv_p99),
        "jitter_rfc3550_ms": _ms(direction.jitter_rfc3550),
        "lost": direction.lost,
    }


def distribution(values: Distribution) -> Section:
    """Return the figures of one kind of time, under the names they have everywhere in the document."""
    figures = ("min", "mean", "stddev", "p50", "p90", "p95", "p99", "p99_9", "max")
    return {"count": values.count, **{f"{name}_ms": _ms(getattr(values, name)) for name in figures}}


def _class(seen: Seen, ip_options: IpOptions, reply: Mapping[str, object]) -> Section:
    sent = ip_options.dscp or 0
    usual = _usual(seen.classes)
    known = bool(seen.classes)
    return {
        "dscp_sent": sent,
        "dscp_arrived": usual[0] if usual else None,
        "ecn_arrived": usual[1] if usual else None,
        "dscp_changed": sum(n for (dscp, _), n in seen.classes.items() if dscp != sent) if known else None,
        "dscp_asked": sent,
        "dscp_refused": seen.refused_class if known else None,
        "dscp_reply": reply.get("reply_dscp"),
        "ecn_reply": reply.get("reply_ecn"),
    }


def _usual(counted: Counter[Any]) -> Any:
    """Return what came most often; None where nothing did."""
    return counted.most_common(1)[0][0] if counted else None


def _ms(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / MILLISECOND, 6)
