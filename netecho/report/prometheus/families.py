"""The metrics of a monitor, in one table: what is exposed, as text or as protobuf, and what rules and queries name.

Names and labels are those that dashboards and rules are written against: they are added to, never renamed. That each
is a constant here, used by all that asks for it, keeps those from drifting.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from netecho.monitor.state import State
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from netecho.monitor.buckets import Buckets
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.windows import Counts

Labels = tuple[tuple[str, str], ...]

NODE, TARGET, DIRECTION, PHASE, STATE = "node", "target", "direction", "phase", "state"
"""Labels. `node` is where it is measured, of a monitor that knows its name; `target` what is."""


class Kind(StrEnum):
    """As the formats name them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Sample(NamedTuple):
    """One value of a metric, or one histogram."""

    value: int | Buckets
    labels: Labels = ()
    """Beside those of the target."""


class Exposed(NamedTuple):
    """What a monitor has to expose."""

    targets: Sequence[MonitoredTarget]
    lag: Buckets
    """How late the sends of all targets were."""
    node: str | None = None


class Family(NamedTuple):
    """One metric: of each target, or of the monitor itself."""

    name: str
    kind: Kind
    text: str
    of_target: Callable[[MonitoredTarget], Iterable[Sample]] | None = None
    of_monitor: Callable[[Exposed], Iterable[Sample]] | None = None


def _counter(name: str, text: str, get: Callable[[Counts], int]) -> Family:
    return Family(name, Kind.COUNTER, text, lambda target: (Sample(get(target.recorder.counts)),))


def _histogram(name: str, text: str, samples: Callable[[MonitoredTarget], Iterable[Sample]]) -> Family:
    return Family(name, Kind.HISTOGRAM, text, samples)


def _info(target: MonitoredTarget) -> Iterable[Sample]:
    settings = target.settings
    yield Sample(1, (("url", settings.target.url), ("address", target.address or ""), ("group", settings.group or "")))


def _states(target: MonitoredTarget) -> Iterable[Sample]:
    current = target.state.state
    return (Sample(int(state is current), ((STATE, str(state)),)) for state in State)


def _lost(target: MonitoredTarget) -> Iterable[Sample]:
    lost = target.recorder.lost_by_direction
    if target.recorder.by_direction is None:
        yield Sample(lost.unknown, ((DIRECTION, "unknown"),))
        return
    for direction, count in lost._asdict().items():
        yield Sample(count, ((DIRECTION, direction),))


def _located(target: MonitoredTarget) -> Iterable[Sample]:
    directions = target.recorder.by_direction
    if directions is not None:
        for direction, count in directions.losses.located._asdict().items():
            yield Sample(count, ((DIRECTION, direction),))


def _one_way(target: MonitoredTarget) -> Iterable[Sample]:
    directions = target.recorder.by_direction
    if directions is not None:
        yield Sample(directions.forward, ((DIRECTION, "forward"),))
        yield Sample(directions.backward, ((DIRECTION, "backward"),))


def _phases(target: MonitoredTarget) -> Iterable[Sample]:
    phases = target.recorder.phases
    for phase, buckets in (("resolve", phases.resolve), ("connect", phases.connect), ("tls", phases.tls)):
        if buckets is not None:
            yield Sample(buckets, ((PHASE, phase),))


BUILD_INFO = Family(
    "netecho_build_info",
    Kind.GAUGE,
    "The version.",
    of_monitor=lambda _: (Sample(1, (("version", __version__),)),),
)
LAG = Family(
    "netecho_lag_seconds",
    Kind.HISTOGRAM,
    "How late the instrument itself sent, over all targets.",
    of_monitor=lambda exposed: (Sample(exposed.lag),),
)
TARGET_INFO = Family("netecho_target_info", Kind.GAUGE, "What is probed, and where its packets go.", _info)
TARGET_STATE = Family(
    "netecho_target_state", Kind.GAUGE, "1 for the state that a target is in, 0 for the others.", _states
)
SENT = _counter("netecho_probes_sent_total", "Probes sent.", lambda counts: counts.sent)
RECEIVED = _counter("netecho_probes_received_total", "Probes answered in time.", lambda counts: counts.received)
LOST = Family("netecho_probes_lost_total", Kind.COUNTER, "Probes without an answer within the timeout.", _lost)
LOCATED = Family(
    "netecho_lost_located_total",
    Kind.COUNTER,
    "Probes counted as lost in an unknown direction, of which it became known later (STAMP).",
    _located,
)
DROPPED_HERE = _counter(
    "netecho_probes_dropped_here_total",
    "Probes whose answer this machine dropped: no loss of the network's.",
    lambda counts: counts.dropped_here,
)
LATE = _counter("netecho_late_total", "Answers that came after the timeout.", lambda counts: counts.late)
DUPLICATES = _counter(
    "netecho_duplicates_total", "Further answers to probes that were answered.", lambda counts: counts.duplicate
)
REORDERED = _counter(
    "netecho_reordered_total",
    "Answers that came after one to a later probe (RFC 4737).",
    lambda counts: counts.reordered,
)
CORRUPT = _counter("netecho_corrupt_total", "Echoes that differ from what was sent.", lambda counts: counts.corrupt)
RTT = _histogram(
    "netecho_rtt_seconds",
    "From the request leaving to the answer arriving.",
    lambda target: (Sample(target.recorder.rtt),),
)
RESPONSE = _histogram(
    "netecho_response_seconds",
    "From the scheduled send to the answer in hand.",
    lambda target: (Sample(target.recorder.response),),
)
ONE_WAY = _histogram(
    "netecho_oneway_seconds", "From one end to the other, where the far end stamps too (STAMP).", _one_way
)
PHASES = _histogram("netecho_phase_seconds", "What resolving, connecting and the TLS handshake took.", _phases)

FAMILIES = (
    *(BUILD_INFO, LAG, TARGET_INFO, TARGET_STATE),
    *(SENT, RECEIVED, LOST, LOCATED, DROPPED_HERE, LATE, DUPLICATES, REORDERED, CORRUPT),
    *(RTT, RESPONSE, ONE_WAY, PHASES),
)
"""All of them."""


def labels_of(target: MonitoredTarget, node: str | None) -> Labels:
    """Return the labels that all samples of a target have."""
    settings = target.settings
    return (*node_labels(node), (TARGET, settings.name), *settings.probing.labels)


def node_labels(node: str | None) -> Labels:
    """Return the labels that all samples of a monitor have."""
    return () if node is None else ((NODE, node),)
