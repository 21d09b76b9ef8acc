"""How summaries look."""

import re
from random import Random
from typing import TYPE_CHECKING

import pytest

from netecho.measure.facts import TransportFacts
from netecho.measure.facts.tcp import TcpFacts
from netecho.measure.facts.tls import CertificateFacts, TlsFacts
from netecho.measure.facts.udp import UdpFacts
from netecho.measure.loss_reason import TIMED_OUT, Loss, LossReason
from netecho.measure.losses import Losses
from netecho.measure.outages import Outage
from netecho.measure.recorder import Recorder
from netecho.measure.result import Result, Route, Setup
from netecho.measure.stats.distribution import Distribution
from netecho.measure.stats.histogram import Histogram
from netecho.report.document.model import Document, document
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.summary import summary
from netecho.units import SECOND
from tests.report.looks import looks_as_it_did
from tests.report.runs import START, TROUBLED, calm, fed, lost, reply, run

if TYPE_CHECKING:
    from netecho.measure.events import Event

MS = 1_000_000


def long() -> Document:
    """A thousand probes over a path with a tail, on a machine that keeps up."""
    random = Random(1)
    events: list[Event] = [
        reply(seq, 180_000 + round(random.lognormvariate(10.5, 0.9)), slow=20_000) for seq in range(997)
    ]
    events += [reply(997, 22 * MS), reply(998, 31 * MS), lost(999)]
    start = START._replace(label="backbone, after the change", settings={**START.settings, "interval_ms": 1.0})
    return run(events, start=start)


def sweep() -> Document:
    random = Random(2)
    recorder = Recorder(by_size=True)
    events: list[Event] = []
    for seq in range(40):
        size = (64, 512, 960, 1408)[seq % 4]
        answered = reply(seq, 100_000 + 40 * size + random.randrange(20_000))._replace(size=size)
        events.append(lost(seq)._replace(size=size) if seq == 7 else answered)
    fed(recorder, events)
    start = START._replace(settings={**START.settings, "count": 40, "size": "64..1408:448", "interval_ms": 10.0})
    facts = TransportFacts(udp=UdpFacts(dropped_here=0, reply_ttl=57, reply_dscp=0, reply_ecn=1))
    return document(
        Result(start=start, duration=400 * MS, interrupted=False, summary=recorder.summary(), facts=facts),
        ["loss>0: 1"],
    )


def connecting() -> Document:
    """TLS, a connection for each probe and nothing sent."""
    route = Route(
        url="tls://[2001:db8::853]:443",
        transport="tls",
        host="dns.example",
        address="2001:db8::853",
        port=443,
        local_address="2001:db8:1::7",
        local_port=51234,
    )
    settings = {**START.settings, "size": None, "connect_only": True, "count": 5, "interval_ms": 1000.0}
    start = START._replace(route=route, settings=settings, setup=Setup(resolve=12 * MS, connect=9 * MS, tls=21 * MS))
    recorder = Recorder()
    fed(recorder, [reply(seq, (9 + seq) * MS, kernel=False, slow=20 * MS) for seq in range(5)])
    connect, tls = Histogram(), Histogram()
    for seq in range(5):
        connect.record((9 + seq) * MS)
        tls.record((20 + seq) * MS)
    figures = recorder.summary()._replace(connect=Distribution.of(connect), tls=Distribution.of(tls))
    certificate = CertificateFacts(
        subject="CN=dns.example",
        issuer="CN=An Authority",
        not_before=1_769_904_000 * SECOND,
        not_after=1_801_440_000 * SECOND,  # 2027-02-01
        pin="sha256:00",
    )
    facts = TransportFacts(
        tls=TlsFacts(
            server_name="dns.example",
            verified=True,
            protocol="TLSv1.3",
            cipher="TLS_AES_256_GCM_SHA384",
            alpn="h2\x1b[31m",
            certificate=certificate,
        ),
        tcp=TcpFacts(
            smoothed_rtt=9_800_000, min_rtt=9_100_000, retransmits=2, congestion_window=10, mss=1428, path_mtu=1500
        ),
    )
    return document(Result(start=start, duration=4021 * MS, interrupted=False, summary=figures, facts=facts))


def gone() -> Document:
    """The server was killed and started again, and ends killed."""
    random = Random(3)
    recorder = Recorder()
    events: list[Event] = []
    for seq in range(150):
        away = 40 <= seq < 60 or seq >= 140
        events.append(lost(seq) if away else reply(seq, 2 * MS + round(random.expovariate(1 / (MS / 4)))))
    fed(recorder, events)
    outages = (
        Outage(8000 * MS, 12_000 * MS, 20, LossReason.REFUSED),
        Outage(28_000 * MS, 29_800 * MS, 10, LossReason.TIMEOUT, recovered=False),
    )
    figures = recorder.summary()._replace(
        loss_by_reason={LossReason.REFUSED: 20, LossReason.TIMEOUT: 10},
        losses=(
            Losses(Loss(LossReason.REFUSED, "ICMP port unreachable from 192.0.2.7"), 20, 8000 * MS, 11_800 * MS),
            Losses(TIMED_OUT, 10, 28_000 * MS, 29_800 * MS),
        ),
        outages=outages,
        unavailable=5800 * MS,
        gone=1800 * MS,
    )
    return document(Result(start=START, duration=31_800 * MS, interrupted=False, summary=figures))


RUNS = {
    "calm": run(calm()),
    "troubled": run(TROUBLED, pending=2, interrupted=True),
    "silent": run([lost(seq) for seq in range(10)]),
    "long": long(),
    "sweep": sweep(),
    "connecting": connecting(),
    "gone": gone(),
}


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", RUNS)
def test_a_summary_looks_as_it_did(name: str, width: int) -> None:
    shown = rendered(
        summary(RUNS[name], width, chart=name in ("long", "gone"), histogram=name == "long"), width=width, color=False
    )
    looks_as_it_did(f"{name}-{width}", shown, width)


def test_colour_underlines_and_says_nothing_of_its_own() -> None:
    plain = rendered(summary(RUNS["troubled"], 80), width=80, color=False)
    colored = rendered(summary(RUNS["troubled"], 80), width=80, color=True)
    assert "\x1b[" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain
    # Sixteen colours, and none that vanishes on a light or a dark ground.
    used = {code for codes in re.findall(r"\x1b\[([0-9;]*)m", colored) for code in codes.split(";")}
    assert used <= {"0", "1", "2", "31", "33"}


def test_a_run_that_is_ended_in_an_outage_does_not_say_that_nothing_was_lost() -> None:
    shown = rendered(summary(run(calm(3), pending=24, interrupted=True), 80), width=80, color=False)
    assert "3 received, 24 pending\n" in shown
    assert "0 lost" not in shown
