"""A monitor's figures for Prometheus: its text format 0.0.4, made piece by piece.

All lines of a metric stand together, as the format wants it; a piece is one target's lines of one metric. An empty
one is where others may have their turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.monitor.buckets import BOUNDS
from netecho.report.prometheus.families import FAMILIES, labels_of, node_labels
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.monitor.buckets import Buckets
    from netecho.report.prometheus.families import Exposed, Labels, Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS = (*(repr(bound / SECOND) for bound in BOUNDS), "+Inf")


def metrics(exposed: Exposed) -> Iterator[str]:
    """Yield all metrics."""
    node = node_labels(exposed.node)
    labels = []
    for target in exposed.targets:
        labels.append(_written(labels_of(target, exposed.node)))
        yield ""
    for family in FAMILIES:
        yield _head(family.name, family.kind, family.text)
        if family.of_monitor is not None:
            yield "".join(_lines(family.name, _written(node), sample) for sample in family.of_monitor(exposed))
        if family.of_target is not None:
            for target, own in zip(exposed.targets, labels, strict=True):
                yield "".join(_lines(family.name, own, sample) for sample in family.of_target(target))


def _lines(name: str, labels: str, sample: Sample) -> str:
    more = _written(sample.labels)
    labels = f"{labels},{more}" if labels and more else labels or more
    if isinstance(sample.value, int):
        return f"{name}{{{labels}}} {sample.value}\n" if labels else f"{name} {sample.value}\n"
    return _histogram(name, labels, sample.value)


def _head(name: str, kind: str, text: str) -> str:
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def _histogram(name: str, labels: str, buckets: Buckets) -> str:
    counts, comma = buckets.classic(), "," if labels else ""
    lines = [
        f'{name}_bucket{{{labels}{comma}le="{bound}"}} {below}\n' for bound, below in zip(_BOUNDS, counts, strict=True)
    ]
    inside = f"{{{labels}}}" if labels else ""
    lines.append(f"{name}_sum{inside} {buckets.total / SECOND!r}\n{name}_count{inside} {counts[-1]}\n")
    return "".join(lines)


def _written(labels: Labels) -> str:
    return ",".join(f'{name}="{_quoted(value)}"' for name, value in labels)


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
