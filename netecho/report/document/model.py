"""The one model that every format is printed from: the document `netecho/probe/1`.

Integer nanoseconds come in, milliseconds go out: floats rounded to the nanosecond, None where there is no value
(never NaN). Keys are added, never renamed or removed, within a schema number; `schema.json` says what they are.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from netecho import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.measure.events import Event
    from netecho.measure.result import Result, Route, Setup, Start
    from netecho.measure.stats.distribution import Distribution
    from netecho.measure.summary import SizeSummary, Summary

SCHEMA = "netecho/probe/1"

Document: TypeAlias = dict[str, Any]
"""JSON's own types, keys in the order they are printed."""


class Reporter(Protocol):
    """What a format is: told of a run as it goes, in this order."""

    @property
    def follows(self) -> bool:
        """Whether it wants to hear of every reply; what is out of the ordinary it hears in any case."""

    def started(self, start: Start) -> None:
        """Hear that the first probe is about to leave."""

    def tell(self, event: Event) -> None:
        """Hear what happened."""

    def finished(self, document: Document) -> None:
        """Hear what the run came to."""


def milliseconds(nanoseconds: float | None) -> float | None:
    """Return nanoseconds as milliseconds, rounded to the nanosecond; None for what is no number."""
    if nanoseconds is None or not math.isfinite(nanoseconds):
        return None
    return round(nanoseconds / 1e6, 6)


def timestamp(nanoseconds: int) -> str:
    """Return wall clock since 1970 as ISO 8601, UTC, to the microsecond."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


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
        **{name: dict(section) for name, section in result.facts.items()},
        "verdict": {"exit_code": int(bool(failed)), "failed": list(failed)},
    }


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
            "waits": summary.waits,
        },
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
        **_connections(summary),
        **({"sizes": [_size(size) for size in summary.by_size]} if summary.by_size else {}),
    }


def _connections(summary: Summary) -> Document:
    """Return the phases of connecting, where each probe has a connection of its own."""
    if not summary.connect.count:
        return {}
    tls = distribution(summary.tls) if summary.tls.count else None
    return {"connections": {"connect": distribution(summary.connect), "tls": tls}}


def distribution(values: Distribution) -> Document:
    """Return the figures of one kind of time."""
    return {
        "count": values.count,
        "min_ms": milliseconds(values.min),
        "mean_ms": milliseconds(values.mean),
        "stddev_ms": milliseconds(values.stddev),
        "p50_ms": milliseconds(values.p50),
        "p90_ms": milliseconds(values.p90),
        "p95_ms": milliseconds(values.p95),
        "p99_ms": milliseconds(values.p99),
        "p99_9_ms": milliseconds(values.p99_9),
        "max_ms": milliseconds(values.max),
    }


def _bins(values: Distribution) -> list[list[float | int]]:
    return [[low / 1e6, high / 1e6, counted] for low, high, counted in values.bins]


def _size(size: SizeSummary) -> Document:
    return {
        "size": size.size,
        "sent": size.sent,
        "received": size.received,
        "lost": size.lost,
        "loss_percent": _share(size.loss_percent),
        "rtt": distribution(size.rtt),
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
