"""Runs to report on: events that are told to a real recorder, as a session would tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.measure.events import (
    EchoCorrupted,
    Event,
    ProbeLost,
    ReplyDuplicated,
    ReplyLate,
    ReplyReceived,
    StrayReceived,
)
from netecho.measure.facts import NO_FACTS, TransportFacts
from netecho.measure.facts.tcp import TcpFacts
from netecho.measure.facts.tls import CertificateFacts, TlsFacts
from netecho.measure.facts.udp import UdpFacts
from netecho.measure.loss_reason import Loss, LossReason
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.measure.result import Result, Route, Setup, Start
from netecho.report.document.model import Document, document
from netecho.report.document.settings import settings_section
from netecho.report.document.values import TimeOfDay

if TYPE_CHECKING:
    from collections.abc import Iterable

MS = 1_000_000
STARTED = 1_795_412_400_123_456_789  # 2026-11-23T05:40:00.123456Z

CLOCK = TimeOfDay(STARTED)

START = Start(
    id="0197c0ffee",
    label=None,
    started=STARTED,
    route=Route(
        url="udp://localhost:7007",
        transport="udp",
        host="localhost",
        address="127.0.0.1",
        port=7007,
        local_address="127.0.0.1",
        local_port=40000,
    ),
    setup=Setup(resolve=310_000, connect=120_000),
    settings=settings_section(Plan()),
)


def reply(seq: int, rtt: int, *, lag: int = 50_000, kernel: bool = True, slow: int = 30_000) -> ReplyReceived:
    return ReplyReceived(0, seq, seq * 200 * MS, lag, rtt, lag + rtt + slow, 64, kernel)


def lost(seq: int) -> ProbeLost:
    return ProbeLost(0, seq, seq * 200 * MS, 50_000, 64)


def dropped_here(seq: int) -> ProbeLost:
    return lost(seq)._replace(reason=LossReason.DROPPED_HERE)


def calm(probes: int = 10) -> list[Event]:
    """Nothing happens but replies."""
    return [reply(seq, 100_000 + 7_000 * (seq * 7 % 10)) for seq in range(probes)]


TROUBLED: list[Event] = [
    StrayReceived(0, b"220 hello \x1b[31mred\r\n"),
    reply(0, 123_456),
    reply(2, 130_000),
    reply(1, 290 * MS),
    EchoCorrupted(0, 3, 600 * MS, 50_000, 140_000, 220_000, 64, True, 17),
    ReplyDuplicated(0, 3),
    lost(4),
    ReplyLate(0, 4, 2500 * MS),
    reply(5, 150_000, kernel=False, slow=5 * MS),
]


def fed(recorder: Recorder, events: Iterable[Event]) -> None:
    """Tell a recorder what a session would have told it."""
    flow = recorder.flow()
    highest = -1
    for event in events:
        if isinstance(event, ReplyReceived | EchoCorrupted | ProbeLost):
            recorder.sent(event.lag)
        if isinstance(event, ReplyReceived | EchoCorrupted):
            recorder.replied(flow, event.seq, event.rtt, event.kernel, event.response, event.size)
            recorder.timeline.replied(event.scheduled, event.rtt)
            if event.seq < highest:
                recorder.reordered()
            highest = max(highest, event.seq)
        _count(recorder, event)


FACTS = TransportFacts(
    tcp=TcpFacts(smoothed_rtt=150_000, min_rtt=100_000, retransmits=0, congestion_window=10, mss=1448, path_mtu=1500),
    tls=TlsFacts(
        server_name="localhost",
        verified=True,
        protocol="TLSv1.3",
        certificate=CertificateFacts(
            subject="CN=localhost",
            issuer="CN=localhost",
            not_before=STARTED,
            not_after=STARTED,
            pin=f"sha256:{'0' * 64}",
        ),
    ),
    udp=UdpFacts(dropped_here=0, reply_ttl=64, reply_dscp=0, reply_ecn=0),
)
"""All that transports know; no run has all of it."""


def result(
    events: list[Event],
    *,
    start: Start = START,
    interrupted: bool = False,
    pending: int = 0,
    waits: int = 0,
    facts: TransportFacts = NO_FACTS,
) -> Result:
    recorder = Recorder()
    fed(recorder, events)
    for _ in range(pending):
        recorder.sent(50_000)
    recorder.pending(pending)
    for _ in range(waits):
        recorder.waited()
    return Result(start=start, duration=2_003_100_000, interrupted=interrupted, summary=recorder.summary(), facts=facts)


def _count(recorder: Recorder, event: Event) -> None:
    match event:
        case EchoCorrupted():
            recorder.corrupted()
        case ProbeLost():
            recorder.lost(event.size, Loss(event.reason, event.detail), scheduled=event.scheduled)
        case ReplyLate():
            recorder.late()
        case ReplyDuplicated():
            recorder.duplicated()
        case StrayReceived():
            recorder.stray(len(event.data))


def run(events: list[Event], *, failed: tuple[str, ...] = (), **more: object) -> Document:
    return document(result(events, **more), failed)  # type: ignore[arg-type]


_DELAY = {
    "count": 3,
    "min_ms": -0.017,
    "mean_ms": 0.025,
    "stddev_ms": 0.006,
    "p50_ms": 0.026,
    "p90_ms": 0.032,
    "p95_ms": 0.032,
    "p99_ms": 0.032,
    "p99_9_ms": 0.032,
    "max_ms": 0.032,
}
_DIRECTION = {**_DELAY, "ipdv_mean_abs_ms": 0.001, "pdv_p99_ms": 0.014, "jitter_rfc3550_ms": 0.001, "lost": 1}
STAMP: Document = {
    "mode": "open",
    "reflector": {"stateful": True, "extensions": True, "ssid": True, "resets": 0},
    "loss": {"forward": 1, "backward": 1, "unknown": 0, "reasons": []},
    "clock": "estimated",
    "clocks": {
        "here": {"synchronised": False, "error_ms": 16000.0},
        "there": {"synchronised": True, "error_ms": 0.5, "source": "ntp"},
        "offset_ms": -0.002,
        "offset_within_ms": 0.002,
        "drift_ppm": 8.298,
    },
    "forward": _DIRECTION,
    "backward": _DIRECTION,
    "processing": _DELAY,
    "egress_delay": _DELAY,
    "invalid_timestamps": {"total": 2, "zero": 1, "backwards": 0, "longer": 0, "future": 1, "past": 0},
    "class_of_service": {
        "dscp_sent": 46,
        "dscp_arrived": 0,
        "ecn_arrived": 0,
        "dscp_changed": 3,
        "dscp_asked": 46,
        "dscp_refused": 0,
        "dscp_reply": 0,
        "ecn_reply": 0,
    },
    "ttl": {"sent": 255, "arrived": 250, "arrived_min": 250, "arrived_max": 250, "reply": 250},
}
"""The section that a probe of a STAMP reflector adds to the document."""
