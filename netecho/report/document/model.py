"""The one model that every format is printed from: the document `netecho/probe/1`.

Integer nanoseconds come in, milliseconds go out: floats rounded to the nanosecond, None where there is no value
(never NaN). Keys are added, never renamed or removed, within a schema number; `schema.json` says what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from netecho.report.document.transport_sections import ecn_section, tcp_section, tls_section, udp_section
from netecho.report.document.values import distribution, exact_milliseconds, milliseconds, timestamp
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.errors import NetechoError
    from netecho.measure.facts import TransportFacts
    from netecho.measure.losses import Losses
    from netecho.measure.outages import Outage
    from netecho.measure.result import Result, Route, Setup, Start
    from netecho.measure.stats.distribution import Distribution
    from netecho.measure.summary import FlowSummary, PartSummary, SizeSummary, Summary

SCHEMA = "netecho/probe/1"

Document: TypeAlias = dict[str, Any]
"""JSON's own types, keys in the order they are printed."""


def head(start: Start) -> Document:
    """Return what is known when the run starts: the first keys of the document, and the `start` event."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "id": start.id,
        "label": start.label,
        "started": timestamp(start.started),
        **_ends(start.route),
        "settings": dict(start.settings),
        "setup": _phases(start.setup),
    }


def document(result: Result, failed: Sequence[str] = ()) -> Document:
    """Return the whole run as CONTRACT's JSON; `failed` are the criteria that it did not meet, in words."""
    start, summary = result.start, result.summary
    return {
        "schema": SCHEMA,
        "version": __version__,
        "id": start.id,
        "label": start.label,
        "started": timestamp(start.started),
        "duration_ms": milliseconds(result.duration),
        "interrupted": result.interrupted,
        **_ends(start.route),
        "settings": dict(start.settings),
        "setup": _phases(start.setup),
        **figures(summary),
        **_transport(result.facts),
        **_error(result.error),
        "verdict": {
            "exit_code": int(bool(failed)) if result.error is None else int(result.error.exit_code),
            "failed": list(failed),
        },
    }


def _error(error: NetechoError | None) -> Document:
    """Return why the target could not be reached, where it could not."""
    if error is None:
        return {}
    return {"error": {"sentence": error.sentence, "hint": error.hint, "exit_code": int(error.exit_code)}}


def figures(summary: Summary) -> Document:
    """Return the part of the document that is measured."""
    return {
        "probes": {
            "sent": summary.sent,
            "received": summary.received,
            "lost": summary.lost,
            "loss_percent": _share(summary.loss_percent),
            "late": summary.late,
            "duplicate": summary.duplicate,
            "reordered": summary.reordered,
            "corrupt": summary.corrupt,
            "pending": summary.pending,
            "stray": summary.stray,
            "stray_bytes": summary.stray_bytes,
            "waits": summary.waits,
            "dropped_here": summary.dropped_here,
            "not_sent": summary.not_sent,
        },
        "loss_by_reason": {reason.value: count for reason, count in summary.loss_by_reason.items()},
        "losses": [_losses(losses) for losses in summary.losses],
        "outages": [_outage(outage) for outage in summary.outages],
        "unavailable_ms": milliseconds(summary.unavailable),
        "gone_ms": milliseconds(summary.gone),
        "suspended_ms": milliseconds(summary.suspended),
        "rtt": {
            "stamps": summary.stamps,
            **distribution(summary.rtt),
            "kernel": summary.kernel_stamps,
            "user": summary.user_stamps,
        },
        "response": distribution(summary.response),
        "lag": distribution(summary.lag),
        "variation": {
            "ipdv_mean_abs_ms": milliseconds(summary.ipdv_mean_abs),
            "pdv_p99_ms": milliseconds(summary.pdv_p99),
            "jitter_rfc3550_ms": milliseconds(summary.jitter_rfc3550),
        },
        "histogram": {"rtt": _bins(summary.rtt), "response": _bins(summary.response)},
        "timeline": _timeline(summary),
        **_connections(summary),
        **({"sizes": [_size(size) for size in summary.by_size]} if summary.by_size else {}),
        **({"flows": [_flow(flow) for flow in summary.by_flow]} if summary.by_flow else {}),
    }


def _transport(facts: TransportFacts) -> Document:
    """Return the sections that only some transports have."""
    sections: Document = {
        "tls": facts.tls and tls_section(facts.tls),
        "tcp": facts.tcp and tcp_section(facts.tcp),
        "udp": facts.udp and udp_section(facts.udp),
        "ecn": facts.ecn and ecn_section(facts.ecn),
        "stamp": None,
    }
    if facts.stamp is not None:
        from netecho.report.document.stamp_section import stamp_section

        sections["stamp"] = stamp_section(facts.stamp, facts.udp)
    return {name: section for name, section in sections.items() if section is not None}


def _connections(summary: Summary) -> Document:
    """Return the phases of connecting, where each probe has a connection of its own."""
    if not summary.connect.count:
        return {}
    tls = distribution(summary.tls) if summary.tls.count else None
    return {"connections": {"connect": distribution(summary.connect), "tls": tls}}


def _bins(values: Distribution) -> list[list[float | int]]:
    return [[exact_milliseconds(low), exact_milliseconds(high), counted] for low, high, counted in values.bins]


def _losses(losses: Losses) -> Document:
    return {
        "reason": losses.why.reason.value,
        "detail": losses.why.detail or None,
        "lost": losses.lost,
        "first_ms": milliseconds(losses.first),
        "last_ms": milliseconds(losses.last),
    }


def _outage(outage: Outage) -> Document:
    return {
        "start_ms": milliseconds(outage.start),
        "end_ms": milliseconds(outage.end),
        "lost": outage.lost,
        "reason": outage.reason.value,
        "recovered": outage.recovered,
    }


def _timeline(summary: Summary) -> Document:
    worst = summary.worst
    return {
        "worst": worst and {"scheduled_ms": milliseconds(worst.scheduled), "rtt_ms": milliseconds(worst.rtt)},
        "periods": [
            [
                *(milliseconds(period.start), milliseconds(period.end), period.received, period.lost),
                *(milliseconds(period.p50), milliseconds(period.p99), milliseconds(period.max)),
            ]
            for period in summary.timeline
        ],
    }


def _size(size: SizeSummary) -> Document:
    return {"size": size.size, **_part(size.probes)}


def _flow(flow: FlowSummary) -> Document:
    address, port = flow.local or (None, None)
    return {"connection": flow.connection, "local": {"address": address, "port": port}, **_part(flow.probes)}


def _part(part: PartSummary) -> Document:
    return {
        "sent": part.sent,
        "received": part.received,
        "lost": part.lost,
        "loss_percent": _share(part.loss_percent),
        "dropped_here": part.dropped_here,
        "rtt": distribution(part.rtt),
    }


def _share(percent: float | None) -> float | None:
    return None if percent is None else round(percent, 6)


def _ends(route: Route) -> Document:
    return {
        "target": {
            "url": route.url,
            "transport": route.transport,
            "host": route.host,
            "address": route.address,
            "port": route.port,
        },
        "local": {"address": route.local_address, "port": route.local_port},
    }


def _phases(setup: Setup) -> Document:
    return {
        "resolve_ms": milliseconds(setup.resolve),
        "connect_ms": milliseconds(setup.connect),
        "tls_ms": milliseconds(setup.tls),
    }
