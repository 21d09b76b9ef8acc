"""What a monitor knows of its targets as JSON's own types: events as rows of NDJSON, and the targets of `/api/v1`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from netecho.report.document.values import milliseconds, timestamp
from netecho.report.escape import printable
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netecho.measure.stats.distribution import Distribution
    from netecho.measure.summary import Summary
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.state import Change

SCHEMA = "netecho/monitor/1"
TARGETS_SCHEMA = "netecho/targets/1"

Row = dict[str, Any]

_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode


def started(now: int, targets: int) -> Row:
    """Return the first row; `now` is wall clock, nanoseconds since 1970."""
    return {"event": "start", "schema": SCHEMA, "version": __version__, "time": timestamp(now), "targets": targets}


def changed(now: int, target: MonitoredTarget, change: Change) -> Row:
    """Return a change of a target's state."""
    return {
        "event": "state",
        "time": timestamp(now),
        **identity(target),
        "before": str(change.before),
        "state": str(change.after),
        "reason": printable(change.reason),
        "lasted_ms": milliseconds(change.lasted),
        "minute": figures(target.last_minute()),
    }


def noticed(now: int, kind: str, text: str, **facts: int | str) -> Row:
    """Return something that concerns no single target: a configuration read again, a command that failed."""
    return {"event": kind, "time": timestamp(now), "text": text, **facts}


def stopped(now: int, duration: int, targets: Sequence[MonitoredTarget]) -> Row:
    """Return the last row."""
    return {
        "event": "stop",
        "time": timestamp(now),
        "duration_ms": milliseconds(duration),
        "states": states(targets),
        "sent": sum(target.recorder.counts.sent for target in targets),
        "received": sum(target.recorder.counts.received for target in targets),
        "lost": sum(target.recorder.counts.lost for target in targets),
    }


def states(targets: Sequence[MonitoredTarget]) -> dict[str, int]:
    """Return how many targets are in which state; states that none is in are left out."""
    counted: dict[str, int] = {}
    for target in targets:
        name = str(target.state.state)
        counted[name] = counted.get(name, 0) + 1
    return counted


def targets_document(wall: int, now: int, targets: Sequence[MonitoredTarget]) -> Iterator[str]:
    """Yield `netecho/targets/1` in pieces, a target each; `wall` is nanoseconds since 1970, `now` the run's clock."""
    head = {"schema": TARGETS_SCHEMA, "version": __version__, "time": timestamp(wall), "states": states(targets)}
    yield _encode(head)[:-1] + ', "targets": ['
    for n, target in enumerate(targets):
        yield (", " if n else "") + _encode(target_row(target, now))
    yield "]}\n"


def target_row(target: MonitoredTarget, now: int) -> Row:
    """Return all that is known of a target; `now` is the run's clock."""
    state, probing = target.state, target.settings.probing
    return {
        **identity(target),
        "state": str(state.state),
        "reason": printable(state.reason),
        "since_ms": milliseconds(now - state.since),
        "interval_ms": milliseconds(probing.interval),
        "timeout_ms": milliseconds(probing.timeout),
        "size": probing.size,
        "criteria": [
            {"when": alert.text, "for_ms": milliseconds(alert.duration), "firing": alert.firing}
            for alert in state.alerts
        ],
        "probes": target.recorder.counts._asdict(),
        "lost_by_direction": target.recorder.lost_as_known_now._asdict(),
        "clock": None if target.recorder.by_direction is None else target.recorder.by_direction.clock,
        "minute": figures(target.last_minute()),
        "hour": figures(target.last_hour()),
        "minutes_p50_ms": [milliseconds(minute.p50) for minute in target.windows.minutes],
    }


def figures(summary: Summary) -> Row:
    """Return the figures of a span."""
    return {
        "sent": summary.sent,
        "received": summary.received,
        "lost": summary.lost,
        "loss_percent": None if summary.loss_percent is None else round(summary.loss_percent, 6),
        "rtt": _times(summary.rtt),
        "response": _times(summary.response),
        "lost_forward": summary.lost_forward,
        "lost_backward": summary.lost_backward,
        "forward": _times(summary.forward),
        "backward": _times(summary.backward),
    }


def _times(values: Distribution) -> Row:
    return {f"{name}_ms": milliseconds(getattr(values, name)) for name in ("min", "mean", "p50", "p90", "p99", "max")}


def identity(target: MonitoredTarget) -> Row:
    """Return what a target is."""
    settings = target.settings
    return {
        "target": settings.name,
        "url": settings.target.url,
        "address": target.address,
        "group": settings.group,
        "labels": dict(settings.probing.labels),
    }
