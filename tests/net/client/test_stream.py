"""The probe's side of a stream: replies found in what comes, sends held back, ends told."""

from __future__ import annotations

import socket
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from netecho.measure.events import EchoCorrupted, Event, ReplyReceived, StrayReceived
from netecho.measure.payload import Payloads
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.measure.session import Session
from netecho.net.client.driver import SessionDriver
from netecho.net.client.stream import ProbeConnection, StreamLink
from netecho.net.reactor.timer import Timer
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator


class Bench:
    def __init__(self, **settings: Any) -> None:
        settings.setdefault("interval", Fraction(10 * MILLISECOND))
        plan = Plan(**settings)
        self.clock = Clock()
        self.events: list[Event] = []
        self.recorder = Recorder()
        self.session = Session(plan, self.recorder)
        self.payloads = Payloads(plan)
        self.driver = SessionDriver(
            Timer(self.clock, clock=self.now), self.session, report=self.events.append, redial=lambda _: None
        )
        self.transport = StringTransport()
        self.link = StreamLink(self.driver, self.payloads)
        connection: Any = SimpleNamespace(
            stamps=None,
            pending_tx=None,
            rx_timestamp=None,
            connected=1,
            drain=lambda: None,
            loseConnection=self.transport.loseConnection,
            abortConnection=self.transport.loseConnection,
        )
        self.link.connection = connection
        self.link.makeConnection(self.transport)
        self.driver.start(self.link, self.now())

    def now(self) -> int:
        return round(self.clock.seconds() * 1e6) * 1000


def test_a_probe_is_its_payload_on_the_wire() -> None:
    bench = Bench(count=1)
    assert bench.transport.value() == bench.payloads.of(0)


def test_what_comes_unasked_behind_the_last_reply_is_counted() -> None:
    bench = Bench(count=1)
    bench.link.dataReceived(bench.transport.value())
    bench.link.dataReceived(b"and more")
    assert bench.events[1:] == [StrayReceived(0, b"and more")]
    assert not bench.driver.done.called
    bench.clock.advance(0.1)
    assert bench.driver.done.called
    assert bench.recorder.summary().stray_bytes == 8


def test_replies_are_told_one_by_one_however_they_come() -> None:
    bench = Bench(count=2)
    bench.clock.advance(0.010)
    echoed = bench.transport.value()
    for at in range(0, 128, 7):
        bench.link.dataReceived(echoed[at : at + 7])
    assert [type(event) for event in bench.events] == [ReplyReceived, ReplyReceived]
    assert bench.driver.settled_at == bench.now()


def test_a_wrong_byte_and_a_banner_are_told() -> None:
    bench = Bench(count=1)
    bench.link.dataReceived(b"220 hello\r\n")
    bench.link.dataReceived(bench.payloads.of(0)[:63] + b"?")
    kinds = [type(event) for event in bench.events]
    assert kinds == [StrayReceived, EchoCorrupted]
    assert bench.events[0] == StrayReceived(0, b"220 hello\r\n")


@pytest.mark.parametrize("right", [32, 20])
def test_a_reply_that_stops_halfway_is_told_with_as_many_bytes_as_came(right: int) -> None:
    bench = Bench(count=1)
    sent = bench.payloads.of(0)
    bench.link.dataReceived(sent[:right] + b"?" * (32 - right))
    bench.clock.advance(3)  # its timeout
    bench.clock.advance(3)  # what is waited on
    (stray,) = (event for event in bench.events if isinstance(event, StrayReceived))
    assert (stray.came, stray.data) == (32, sent[:right])
    assert bench.recorder.summary().stray_bytes == 32


def test_a_wrong_first_reply_is_one_corrupt_echo_of_ten() -> None:
    bench = Bench(count=10)
    for index in range(10):
        echoed = bench.payloads.of(index) if index else b"?" * 64
        bench.link.dataReceived(echoed)
        bench.clock.advance(0.010)
    summary = bench.recorder.summary()
    assert (summary.received, summary.corrupt, summary.lost, summary.stray) == (10, 1, 0, 0)
    assert summary.rtt.max == 0, "judged by when it was received, not by when it was known to be wrong"


def test_a_wrong_reply_that_nothing_follows_is_judged_when_its_time_is_over() -> None:
    bench = Bench(count=1, timeout=50 * MILLISECOND)
    bench.clock.advance(0.010)
    bench.link.dataReceived(b"?" * 64)
    assert bench.events == []
    bench.clock.advance(0.041)
    assert [type(event) for event in bench.events] == [EchoCorrupted]
    assert bench.recorder.summary().rtt.max == 10 * MILLISECOND


@given(
    st.lists(
        st.one_of(st.binary(min_size=1, max_size=80), st.integers(0, 9), st.tuples(st.integers(0, 9))), max_size=30
    ),
    st.sampled_from([1, 12, 64]),
)
def test_all_bytes_of_any_server_are_echoed_corrupt_or_stray(said: list[Any], size: int) -> None:
    bench = Bench(count=10, sizes=(size,), timeout=50 * MILLISECOND)
    delivered = 0
    for each in said:
        if isinstance(each, tuple):
            bench.clock.advance(each[0] / 100)
        elif not bench.driver.done.called:
            data = each if isinstance(each, bytes) else bench.payloads.of(each)
            delivered += len(data)
            bench.link.dataReceived(data)
    bench.clock.advance(1)
    bench.clock.advance(1)
    bench.driver.stop()
    summary = bench.recorder.summary()
    assert (summary.received + summary.late + summary.duplicate) * size + summary.stray_bytes == delivered
    assert summary.sent == summary.received + summary.lost


def test_a_peer_that_does_not_read_holds_the_sends_back() -> None:
    bench = Bench(count=5)
    assert bench.transport.producer is bench.link
    bench.link.pauseProducing()
    bench.clock.advance(0.010)
    assert bench.transport.value() == bench.payloads.of(0)
    bench.link.resumeProducing()
    assert bench.transport.value() == bench.payloads.of(0) + bench.payloads.of(1)


def test_the_end_of_the_connection_is_the_loss_of_what_it_owed() -> None:
    bench = Bench(count=5)
    bench.link.connectionLost(Failure(ConnectionLost()))
    assert bench.driver.link is None
    assert bench.recorder.summary().lost == 1


# The transport, on a real pair of sockets and a reactor that is a list.


class Watching(Clock):
    """A reactor as far as a transport needs one."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()
        self.addReader, self.removeReader = self.readers.add, self.readers.discard
        self.addWriter, self.removeWriter = self.writers.add, self.writers.discard


class Pair:
    def __init__(self) -> None:
        self.near, self.far = near, _ = socket.socketpair()
        near.setblocking(False)
        self.far.settimeout(5)
        self.reactor = Watching()
        plan = Plan(count=None, interval=Fraction(MILLISECOND))
        self.recorder = Recorder()
        self.session = Session(plan, self.recorder)
        self.driver = SessionDriver(Timer(self.reactor, clock=lambda: 0), self.session, redial=lambda _: None)
        self.link = StreamLink(self.driver, Payloads(plan))
        self.connection = ProbeConnection(self.reactor, near, self.link)
        self.link.connection = self.connection
        self.connection.begin()


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.far.close()
    made.near.close()


def test_what_is_written_leaves_at_once(pair: Pair) -> None:
    pair.connection.write(b"now")
    assert pair.far.recv(10) == b"now"
    assert pair.reactor.writers == set()


def test_what_the_system_does_not_take_waits_its_turn_and_stays_in_order(pair: Pair) -> None:
    big = bytes(range(256)) * 16384
    pair.connection.write(big)
    pair.connection.write(b"end")
    assert pair.reactor.writers == {pair.connection}
    came = bytearray()
    while len(came) < len(big) + 3:
        came += pair.far.recv(1 << 20)
        if pair.connection in pair.reactor.writers:
            pair.connection.doWrite()
    assert came == big + b"end"
    assert pair.reactor.writers == set()


def test_a_write_to_a_peer_that_is_gone_is_no_exception(pair: Pair) -> None:
    pair.far.close()
    pair.connection.write(b"one")
    pair.connection.write(b"two")


class NoTimestamps:
    """The kernel's timestamps, of which there are none; but what is read with them is one reply at a time."""

    def read(self, sock: socket.socket, size: int) -> tuple[bytes, None]:
        return sock.recv(size), None

    def sent(self, size: int) -> None:
        pass

    def drain(self, *_: Any, **__: Any) -> tuple[()]:
        return ()


def test_a_poll_reads_every_reply_that_lies_in_the_socket(pair: Pair) -> None:
    """They were received in time, whatever kept the program from reading them."""
    timestamps: Any = NoTimestamps()
    pair.connection.use_timestamps(pair.link, timestamps)
    pair.session.start(0)
    for _ in range(5):
        probe = pair.session.due(SECOND)
        assert probe is not None
        pair.link.send(probe)
    pair.far.send(pair.far.recv(1000) + bytes(150_000))
    pair.link.poll()
    summary = pair.recorder.summary()
    assert (summary.received, summary.stray_bytes) == (5, 150_000)


def test_a_link_that_is_closed_waits_for_no_producer() -> None:
    """Twisted's TLS closes nothing while one is registered."""
    bench = Bench(count=1)
    bench.link.dataReceived(bench.payloads.of(0))
    bench.link.close()
    assert bench.transport.producer is None
    assert bench.transport.disconnecting


def test_an_error_and_no_data_ends_the_connection_only_if_the_peer_is_gone(pair: Pair) -> None:
    pair.driver.link = pair.link
    connection: Any = pair.connection
    connection.readConnectionLost(Failure(ConnectionLost()))
    assert pair.driver.link is pair.link
    assert pair.connection in pair.reactor.readers
    pair.far.close()
    connection.readConnectionLost(Failure(ConnectionLost()))
    assert pair.driver.link is None
