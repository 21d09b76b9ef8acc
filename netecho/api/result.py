"""What `netecho.probe` returns: the JSON document as frozen values, under its own names without their `_ms`.

Every figure has the definition it has in the document (`netecho help python`, README "What is measured"). Times are
`Time`, seconds as a float that knows how to write itself; a figure that has no value is None.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from netecho.units import MILLISECOND, SECOND, format_time

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]


class Time(float):
    """Seconds; `str` writes them as people do (`1.250 ms`), `milliseconds` as the document."""

    __slots__ = ()

    @property
    def milliseconds(self) -> float:
        """The same in milliseconds, to the nanosecond."""
        return round(self * 1e3, 6)

    def __str__(self) -> str:
        return format_time(self * SECOND)


@dataclass(frozen=True, slots=True)
class Times:
    """One kind of time over all probes; `pNN` by nearest rank, `stddev` the population's."""

    count: int
    min: Time | None
    mean: Time | None
    stddev: Time | None
    p50: Time | None
    p90: Time | None
    p95: Time | None
    p99: Time | None
    p99_9: Time | None
    max: Time | None


@dataclass(frozen=True, slots=True)
class Probes:
    """How many probes there were, and what became of them."""

    sent: int
    received: int
    lost: int
    loss_percent: float | None
    dropped_here: int
    late: int
    duplicate: int
    reordered: int
    corrupt: int
    pending: int
    stray: int


@dataclass(frozen=True, slots=True)
class Variation:
    """How consecutive round trips differ: RFC 3393, RFC 5481, RFC 3550."""

    ipdv_mean_abs: Time | None
    pdv_p99: Time | None
    jitter_rfc3550: Time | None


@dataclass(frozen=True, slots=True)
class Setup:
    """What the first connection took, phase by phase."""

    resolve: Time | None
    connect: Time | None
    tls: Time | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The target as it was asked for, and the address that answered."""

    url: str
    transport: str
    host: str
    address: str | None
    port: int | None


@dataclass(frozen=True, slots=True)
class Losses:
    """The probes that were lost by one reason with one detail."""

    reason: str
    detail: str | None
    """Which ICMP message and from whom, which TLS alert, the path MTU; None where nothing more is known."""
    lost: int
    first: Time
    """When the first and the last of them were due, from the start of the run."""
    last: Time


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """A whole run."""

    id: str
    label: str | None
    started: datetime
    duration: Time
    interrupted: bool
    target: Endpoint
    setup: Setup
    probes: Probes
    rtt: Times
    stamps: Literal["kernel", "user", "mixed"] | None
    """By which clock `rtt` is."""
    response: Times
    lag: Times
    variation: Variation
    forward: Times | None
    """Each direction by itself, where the far end stamps too (STAMP)."""
    backward: Times | None
    unavailable: Time
    """How long the target was gone."""
    loss_by_reason: Mapping[str, int]
    losses: tuple[Losses, ...]
    """By the reason with its detail, the most frequent first."""
    failed: tuple[str, ...]
    """The criteria (`fail_if`, and those every run is held to) that were not met."""
    document: Mapping[str, Any] = field(repr=False)
    """The JSON document that all this was read from: the rest of it is there."""

    @property
    def ok(self) -> bool:
        """Whether every criterion was met."""
        return not self.failed

    def to_json(self) -> str:
        """Return the document `netecho/probe/1`, as `netecho probe --json` prints it."""
        return json.dumps(self.document, allow_nan=False, indent=2, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a probe, as a line of NDJSON says it; None for what a kind of event does not tell."""

    kind: Literal["reply", "corrupt", "lost", "late", "duplicate", "stray"]
    connection: int
    seq: int | None = None
    """Of the probe, from 0."""
    scheduled: Time | None = None
    """When it was due, from the start of the run."""
    lag: Time | None = None
    rtt: Time | None = None
    response: Time | None = None
    size: int | None = None
    stamps: Literal["kernel", "user"] | None = None
    reason: str | None = None
    """Why it was lost."""
    detail: str | None = None
    offset: int | None = None
    """Of the first wrong byte."""
    text: str | None = None
    """What a peer sent unasked, escaped."""


def event_of(row: Document) -> Event:
    """Read a row of `netecho.report.document.event_rows`."""
    known = Event.__slots__
    times: dict[str, Any] = {
        key[:-3]: _time(value) for key, value in row.items() if key.endswith("_ms") and key[:-3] in known
    }
    rest = {key: value for key, value in row.items() if key in known}
    return Event(kind=row["event"], **times, **rest)


def result_of(document: Document) -> ProbeResult:
    """Read a document of the schema `netecho/probe/1`."""
    probes, stamp = document["probes"], document.get("stamp") or {}
    return ProbeResult(
        id=document["id"],
        label=document["label"],
        started=datetime.fromisoformat(document["started"]),
        duration=Time(document["duration_ms"] / 1e3),
        interrupted=document["interrupted"],
        target=Endpoint(**{key: document["target"][key] for key in Endpoint.__slots__}),
        setup=Setup(**{name: _time(document["setup"][f"{name}_ms"]) for name in Setup.__slots__}),
        probes=Probes(**{name: probes[name] for name in Probes.__slots__}),
        rtt=_times(document["rtt"]),
        stamps=document["rtt"]["stamps"],
        response=_times(document["response"]),
        lag=_times(document["lag"]),
        variation=Variation(**{name: _time(document["variation"][f"{name}_ms"]) for name in Variation.__slots__}),
        forward=_times(stamp["forward"]) if "forward" in stamp else None,
        backward=_times(stamp["backward"]) if "backward" in stamp else None,
        unavailable=Time(document["unavailable_ms"] / 1e3),
        loss_by_reason=document["loss_by_reason"],
        losses=tuple(_losses(each) for each in document["losses"]),
        failed=tuple(document["verdict"]["failed"]),
        document=document,
    )


def _losses(losses: Document) -> Losses:
    first, last = (Time(losses[key] / 1e3) for key in ("first_ms", "last_ms"))
    return Losses(losses["reason"], losses["detail"], losses["lost"], first, last)


def _times(section: Document) -> Times:
    return Times(section["count"], *(_time(section[f"{name}_ms"]) for name in Times.__slots__ if name != "count"))


def _time(milliseconds: float | None) -> Time | None:
    return None if milliseconds is None else Time(round(milliseconds * MILLISECOND) / SECOND)
