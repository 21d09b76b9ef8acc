"""A monitor's figures for Prometheus: its text format 0.0.4, made piece by piece.

All lines of a metric stand together, as the format wants it; a piece is one target's lines of one metric. Names and
labels are those that dashboards and rules are written against: they are added to, never renamed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.monitor.buckets import BOUNDS
from netecho.monitor.state import State
from netecho.units import SECOND
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from netecho.monitor.buckets import Buckets
    from netecho.monitor.monitored import MonitoredTarget

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS = (*(repr(bound / SECOND) for bound in BOUNDS), "+Inf")


class _Counter(NamedTuple):
    name: str
    text: str
    get: Callable[[MonitoredTarget], int]
    more: str = ""
    """Labels beside the target's."""


_COUNTERS = (
    _Counter("probes_sent_total", "Probes sent.", lambda target: target.recorder.counts.sent),
    _Counter("probes_received_total", "Probes answered in time.", lambda target: target.recorder.counts.received),
    _Counter(
        "probes_lost_total",
        "Probes without an answer within the timeout.",
        lambda target: target.recorder.counts.lost,
        ',direction="unknown"',
    ),
    _Counter(
        "probes_dropped_here_total",
        "Probes whose answer this machine dropped: no loss of the network's.",
        lambda target: target.recorder.counts.dropped_here,
    ),
    _Counter("late_total", "Answers that came after the timeout.", lambda target: target.recorder.counts.late),
    _Counter(
        "duplicates_total",
        "Further answers to probes that were answered.",
        lambda target: target.recorder.counts.duplicate,
    ),
    _Counter(
        "reordered_total",
        "Answers that came after one to a later probe (RFC 4737).",
        lambda target: target.recorder.counts.reordered,
    ),
    _Counter("corrupt_total", "Echoes that differ from what was sent.", lambda target: target.recorder.counts.corrupt),
)


def metrics(targets: Sequence[MonitoredTarget], lag: Buckets) -> Iterator[str]:
    """Yield all metrics; `lag` is how late the sends of all targets were."""
    yield _head("netecho_build_info", "gauge", "The version.")
    yield f'netecho_build_info{{version="{__version__}"}} 1\n'
    yield _head("netecho_lag_seconds", "histogram", "How late the instrument itself sent, over all targets.")
    yield _histogram("netecho_lag_seconds", "", lag)
    yield _head("netecho_target_info", "gauge", "What is probed, and where its packets go.")
    for target in targets:
        settings, address = target.settings, target.address or ""
        more = f',url="{_quoted(settings.target.url)}",address="{_quoted(address)}"'
        yield f'netecho_target_info{{{_labels(target)}{more},group="{_quoted(settings.group or "")}"}} 1\n'
    yield _head("netecho_target_state", "gauge", "1 for the state that a target is in, 0 for the others.")
    for target in targets:
        labels, current = _labels(target), target.state.state
        yield "".join(f'netecho_target_state{{{labels},state="{state}"}} {int(state is current)}\n' for state in State)
    for counter in _COUNTERS:
        name = f"netecho_{counter.name}"
        yield _head(name, "counter", counter.text)
        for target in targets:
            yield f"{name}{{{_labels(target)}{counter.more}}} {counter.get(target)}\n"
    yield from _times(targets)


def _times(targets: Sequence[MonitoredTarget]) -> Iterator[str]:
    yield _head("netecho_rtt_seconds", "histogram", "From the request leaving to the answer arriving.")
    for target in targets:
        yield _histogram("netecho_rtt_seconds", _labels(target), target.recorder.rtt)
    yield _head("netecho_response_seconds", "histogram", "From the scheduled send to the answer in hand.")
    for target in targets:
        yield _histogram("netecho_response_seconds", _labels(target), target.recorder.response)
    yield _head("netecho_phase_seconds", "histogram", "What resolving, connecting and the TLS handshake took.")
    for target in targets:
        phases = target.recorder.phases
        for phase, buckets in (("resolve", phases.resolve), ("connect", phases.connect), ("tls", phases.tls)):
            if buckets is not None:
                yield _histogram("netecho_phase_seconds", f'{_labels(target)},phase="{phase}"', buckets)


def _head(name: str, kind: str, text: str) -> str:
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def _histogram(name: str, labels: str, buckets: Buckets) -> str:
    counts, comma, below = buckets.counts, "," if labels else "", 0
    lines = []
    for bound, count in zip(_BOUNDS, counts, strict=True):
        below += count
        lines.append(f'{name}_bucket{{{labels}{comma}le="{bound}"}} {below}\n')
    inside = f"{{{labels}}}" if labels else ""
    lines.append(f"{name}_sum{inside} {buckets.total / SECOND!r}\n{name}_count{inside} {below}\n")
    return "".join(lines)


def _labels(target: MonitoredTarget) -> str:
    settings = target.settings
    named = "".join(f',{name}="{_quoted(value)}"' for name, value in settings.probing.labels)
    return f'target="{_quoted(settings.name)}"{named}'


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


class ProbeOutcome(NamedTuple):
    """What one probe for `/probe` came to; nanoseconds, None where there is no value."""

    success: bool
    duration: int
    ip_protocol: int = 0
    """4 or 6; 0 where none was reached."""
    resolve: int | None = None
    connect: int | None = None
    tls: int | None = None
    rtt: int | None = None


def probe(outcome: ProbeOutcome) -> Iterator[str]:
    """Yield one outcome under blackbox_exporter's names, so that rules that are written for it go on."""
    looked_up = (outcome.resolve or 0) / SECOND
    for name, text, value in (
        ("probe_dns_lookup_time_seconds", "What looking the name up took.", looked_up),
        ("probe_duration_seconds", "What the probe took altogether.", outcome.duration / SECOND),
        ("probe_ip_protocol", "Whether it was IPv4 or IPv6.", outcome.ip_protocol),
        ("probe_success", "Whether the target answered.", int(outcome.success)),
    ):
        yield f"{_head(name, 'gauge', text)}{name} {value!r}\n"
    yield _head("probe_netecho_duration_seconds", "gauge", "What each phase of the probe took.")
    for phase in ("resolve", "connect", "tls", "rtt"):
        took: int | None = getattr(outcome, phase)
        if took is not None:
            yield f'probe_netecho_duration_seconds{{phase="{phase}"}} {took / SECOND!r}\n'
