"""The link of a STAMP probe: which stamps a probe is judged by, and which replies wait for a better T3."""

from __future__ import annotations

import errno
import socket
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import pytest

from netecho.measure.events import OneWayDelays, ReplyReceived
from netecho.measure.payload import Payloads
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.measure.session import Session
from netecho.net.client.job import IpOptions, Job, StampOptions, TlsOptions
from netecho.net.client.link import LinkContext
from netecho.net.client.resolve import Address
from netecho.net.client.stamp import SOON, StampLink, StampRun
from netecho.stamp.prepared_reply import PreparedReply
from netecho.stamp.session_reflector import Arrival, Clock, Reflector, Rules
from netecho.stamp.session_sender import Sender
from netecho.stamp.times import ErrorEstimate
from netecho.target import parse_target
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from netecho.measure.probe import Probe
    from netecho.net.reactor.interfaces import Reactor

FORWARD, KEPT, BACKWARD = 20_000, 100_000, 30_000
LEAVING = 9_000
"""How much later than its T3 a reply really leaves."""


class Silent:
    """A port that has nothing to read."""

    connected = False
    stamps = None


class StillFlow:
    """A flow whose clock goes on when a test says so."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.time = SECOND

    def clock(self) -> int:
        return self.time

    def proceed(self, now: int) -> None:
        del now


class Bench:
    """One link, and a reflector that is `FORWARD` nanoseconds away and really sends `LEAVING` after T3."""

    def __init__(
        self, *, stateful: bool = True, clock: Any = "synced", ssid: int | None = None, **settings: Any
    ) -> None:
        settings.setdefault("interval", Fraction(10 * MILLISECOND))
        settings.setdefault("sizes", (96,))
        plan = Plan(**settings)
        job = Job(
            target=parse_target("stamp://host"),
            plan=plan,
            ip_options=IpOptions(),
            tls_options=TlsOptions(),
            settings={},
            stamp_options=StampOptions(clock=clock, ssid=ssid),
        )
        self.recorder = Recorder()
        self._seen: list[Any] = []
        context = LinkContext(
            reactor=cast("Reactor", None),
            job=job,
            payloads=Payloads(plan),
            recorder=self.recorder,
            addresses=[],
            trouble=lambda *_: None,
        )
        self.run = StampRun(context)
        self.session = Session(plan, self.recorder)
        self.driver = StillFlow(self.session)
        address = Address(socket.AF_INET, ("192.0.2.1", 862))
        self.link = StampLink(self.driver, address, self.run, Sender(ssid=9))  # type: ignore[arg-type]
        self.link.port = Silent()  # type: ignore[assignment]
        self.reflector = Reflector(Rules(stateful=stateful), Clock(ErrorEstimate.of(1, synchronised=True)))
        self.session.start(self.driver.time)

    def send(self) -> tuple[Probe, PreparedReply]:
        """Send the next probe; its reply as the reflector has it ready."""
        probe = self.session.due(self.driver.time)
        assert probe is not None
        data = self.link.payload(probe)
        self.session.sent(probe, self.driver.time)
        probe.tx_timestamp = time.time_ns()
        arrival = Arrival(data, ("192.0.2.1", 1), 1, probe.tx_timestamp + FORWARD, 0, ttl=61, tos=0)
        prepared = self.reflector.take(arrival)
        assert isinstance(prepared, PreparedReply)
        self.driver.time += 10 * MILLISECOND
        return probe, prepared

    def answer(self, probe: Probe, prepared: PreparedReply, rx_timestamp: int | None = None) -> bytes:
        """Hand the reply over, a millisecond after the probe was sent; return it."""
        assert probe.tx_timestamp is not None
        t3 = probe.tx_timestamp + FORWARD + KEPT
        data = bytes(prepared.timestamped(t3))
        prepared.transmitted(t3 + LEAVING)
        back = t3 + LEAVING + BACKWARD if rx_timestamp is None else rx_timestamp
        self.link.judge(data, probe.sent_at + MILLISECOND, back)
        return data

    @property
    def events(self) -> list[Any]:
        """All that has happened so far."""
        self._seen += self.session.events()
        return self._seen

    @property
    def rtts(self) -> list[int]:
        return [event.rtt for event in self.events if isinstance(event, ReplyReceived)]


BY_T3 = FORWARD + LEAVING + BACKWARD
REALLY = FORWARD + BACKWARD


def test_the_reflectors_time_is_not_the_networks() -> None:
    bench = Bench(count=1)
    bench.answer(*bench.send())
    assert bench.rtts == [BY_T3]
    summary = bench.run.oneway.summary()
    assert (summary.forward.delay.p50, summary.backward.delay.p50) == (FORWARD, LEAVING + BACKWARD)
    assert summary.processing.p50 == KEPT


def test_each_replys_delays_are_told_with_it_and_make_up_its_round_trip() -> None:
    bench = Bench(count=2)
    for _ in range(2):
        bench.answer(*bench.send())
    bench.link.poll()
    told = [event for event in bench.events if isinstance(event, ReplyReceived)]
    assert [event.delays for event in told] == [OneWayDelays(FORWARD, LEAVING + BACKWARD, KEPT)] * 2
    assert all(event.rtt == FORWARD + LEAVING + BACKWARD for event in told)


def test_where_timestamps_cannot_be_believed_no_delay_is_told() -> None:
    bench = Bench(count=1)
    probe, prepared = bench.send()
    assert probe.tx_timestamp is not None
    data = bytes(prepared.timestamped(probe.tx_timestamp))
    bench.link.judge(data, probe.sent_at + MILLISECOND, probe.tx_timestamp + 500_000)
    assert [event.delays for event in bench.events if isinstance(event, ReplyReceived)] == [OneWayDelays()]


def test_the_first_reply_does_not_wait_and_the_others_do_for_the_next() -> None:
    bench = Bench(count=4)
    told = []
    for _ in range(4):
        bench.answer(*bench.send())
        told.append(len(bench.rtts))
    # Of the first it is not known yet whether there will be better news; for the last no news will come.
    assert told == [1, 1, 2, 4]
    assert bench.rtts == [BY_T3, REALLY, REALLY, BY_T3]
    assert [event.seq for event in bench.events if isinstance(event, ReplyReceived)] == [0, 1, 2, 3]


def test_what_waited_is_told_with_the_time_it_came() -> None:
    bench = Bench(count=3)
    for _ in range(3):
        bench.answer(*bench.send())
    responses = [event.response for event in bench.events if isinstance(event, ReplyReceived)]
    assert responses == [MILLISECOND] * 3


@pytest.mark.parametrize(
    "settings",
    [
        {"interval": Fraction(0)},
        {"interval": Fraction(SOON + 1)},
        {"window": 1},
        {"stateful": False},
        {"sizes": (44,)},
    ],
    ids=["ping-pong", "a long time", "a window", "a stateless reflector", "nothing asked"],
)
def test_none_waits_where_it_would_be_in_the_way_or_in_vain(settings: dict[str, Any]) -> None:
    bench = Bench(count=5, **settings)
    for told in (1, 2, 3):
        if settings.get("interval"):
            bench.driver.time += SOON
        bench.answer(*bench.send())
        assert len(bench.rtts) == told
    assert bench.rtts == [BY_T3] * 3


def test_where_the_next_reply_is_lost_t3_has_to_do() -> None:
    bench = Bench(count=5)
    bench.answer(*bench.send())
    bench.answer(*bench.send())  # waits
    _, lost = bench.send()
    lost.timestamped(time.time_ns())
    bench.answer(*bench.send())
    assert bench.rtts == [BY_T3, BY_T3]


def test_at_the_end_nothing_waits() -> None:
    bench = Bench(count=5)
    bench.answer(*bench.send())
    bench.answer(*bench.send())
    assert len(bench.rtts) == 1
    bench.link.poll()
    assert bench.rtts == [BY_T3, BY_T3]
    bench.link.poll()
    assert len(bench.rtts) == 2


def test_a_reply_that_comes_twice_while_it_waits_is_a_duplicate() -> None:
    bench = Bench(count=5)
    bench.answer(*bench.send())
    probe, prepared = bench.send()
    data = bench.answer(probe, prepared)
    bench.link.judge(data, bench.driver.time, None)
    summary = bench.recorder.summary()
    assert (summary.received, summary.duplicate, summary.lost) == (2, 1, 0)


def test_a_follow_up_that_cannot_be_is_not_believed() -> None:
    bench = Bench(count=3)
    bench.answer(*bench.send())
    probe, prepared = bench.send()
    bench.answer(probe, prepared)
    prepared.transmitted(time.time_ns() + SECOND)
    bench.answer(*bench.send())
    assert bench.rtts[1] == BY_T3


def test_without_kernel_stamps_it_is_the_programs_clock() -> None:
    bench = Bench(count=1)
    probe, prepared = bench.send()
    tx_timestamp, probe.tx_timestamp = probe.tx_timestamp, None
    assert tx_timestamp is not None
    bench.link.judge(bytes(prepared.timestamped(tx_timestamp + FORWARD + KEPT)), probe.sent_at + MILLISECOND, None)
    assert bench.rtts == [MILLISECOND - KEPT]


def test_a_kernel_stamp_that_contradicts_the_programs_clock_is_not_believed() -> None:
    bench = Bench(count=1)
    probe, prepared = bench.send()
    bench.answer(probe, prepared, rx_timestamp=time.time_ns() + SECOND)
    assert bench.rtts == [MILLISECOND - KEPT]


def test_warmup_is_in_no_figure() -> None:
    bench = Bench(count=2, warmup=2)
    for _ in range(4):
        bench.answer(*bench.send())
    summary = bench.run.oneway.summary()
    assert summary.forward.delay.count == bench.run.counts.replies == len(bench.rtts) == 2


def test_strays_and_late_replies_are_in_no_figure() -> None:
    bench = Bench(count=2, timeout=KEPT)
    bench.answer(*bench.send())
    bench.link.judge(b"hello", bench.driver.time, None)
    summary = bench.recorder.summary()
    assert (summary.received, summary.lost, summary.late, summary.stray) == (0, 1, 1, 1)
    assert bench.run.oneway.summary().forward.delay.count == bench.run.counts.replies == 0


def test_invalid_timestamps_make_a_reply_without_directions() -> None:
    bench = Bench(count=1)
    probe, prepared = bench.send()
    assert probe.tx_timestamp is not None
    bench.link.judge(
        bytes(prepared.timestamped(probe.tx_timestamp)), probe.sent_at + MILLISECOND, probe.tx_timestamp + 500_000
    )
    assert bench.rtts == [500_000]  # T3 is before T2: nothing is known of how long it was kept
    summary = bench.run.oneway.summary()
    assert sum(summary.invalid_timestamps.values()) == 1
    assert summary.forward.delay.count == 0


class TestSessions:
    def run(self, ssid: int | None, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        made: list[int] = []

        def sender(**settings: Any) -> Sender:
            made.append(settings["ssid"])
            return Sender(**settings)

        monkeypatch.setattr("netecho.net.client.stamp.Sender", sender)
        monkeypatch.setattr("netecho.net.client.stamp.open_port", lambda *_: None)
        bench = Bench(count=1, ssid=ssid)
        bench.run.context.addresses.append(None)  # type: ignore[arg-type]
        for _ in range(3):
            bench.run.link(bench.driver)  # type: ignore[arg-type]
        return made

    def test_none_have_a_number_where_none_is_wanted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.run(0, monkeypatch) == [0, 0, 0]

    def test_no_two_share_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.run(65_534, monkeypatch) == [65_534, 65_535, 1]
        several = self.run(None, monkeypatch)
        assert len(set(several)) == 3
        assert all(0 < ssid < 1 << 16 for ssid in several)


def test_where_the_standards_port_is_refused_the_one_of_netecho_serve_is_told() -> None:
    link = Bench().link
    refused = link.unreachable(OSError(errno.ECONNREFUSED, ""))
    assert refused.sentence == "connection refused: 192.0.2.1:862"
    assert refused.hint is not None
    assert refused.hint.endswith("`netecho serve` alone is one on port 7862: stamp://host:7862")
    assert "no route" in str(link.unreachable(OSError(errno.ENETUNREACH, "")).hint)
