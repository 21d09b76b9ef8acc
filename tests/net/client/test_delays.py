"""A reply that is delayed by any time, in every kind of loop: the figures are those of the plain path.

The links, the matchers, the session and the driver are the real ones; the sockets, the clock and the reactor are a
simulation. A stream's echoes arrive in the order of sending, datagrams as they please.
"""

from __future__ import annotations

import os
import socket
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, strategies as st
from twisted.internet.task import Clock

from netecho.measure.payload import Payloads
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.measure.session import Session
from netecho.net.client.datagram import DatagramLink
from netecho.net.client.driver import SessionDriver
from netecho.net.client.job import IpOptions
from netecho.net.client.probe_port import ProbePort
from netecho.net.client.resolve import Address
from netecho.net.client.stream import ProbeConnection, StreamLink
from netecho.net.reactor.timer import Timer
from netecho.units import MICROSECOND, MILLISECOND

if TYPE_CHECKING:
    from netecho.measure.summary import Summary

TIMEOUT = 10 * MILLISECOND
LATENCY = 50 * MICROSECOND
CALL = 1 * MICROSECOND
"""What a system call takes."""


class Reactor(Clock):
    """A clock, and descriptors that nobody watches: the simulation calls them."""

    def addReader(self, reader: object) -> None: ...
    def removeReader(self, reader: object) -> None: ...
    def addWriter(self, writer: object) -> None: ...
    def removeWriter(self, writer: object) -> None: ...


EMPTY, _KEPT_OPEN = os.pipe()
"""A descriptor of which the system can say that nothing waits there."""


class Network:
    """The socket, its timestamps and the far end in one: each probe's echo comes after its own delay."""

    def __init__(self, delays: list[int], *, stream: bool) -> None:
        self.reactor = Reactor()
        self.time = 0
        self.stream = stream
        self.delays = delays
        self.sent_at: list[int] = []
        self.arrives_at: list[int] = []
        self.queue: list[tuple[int, bytes]] = []
        self.waits = False
        self.bytes_sent = -1
        self.controlled = 0
        self.error = None
        self.data = bytearray(65_536)
        self.family, self.type = socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM

    def now(self) -> int:
        return self.time

    # The socket.

    def getsockopt(self, _level: int, _option: int, size: int) -> bytes:
        return bytes(size)  # nothing was dropped

    def send(self, data: bytes, _: int = 0) -> int:
        self.time += CALL
        probe = len(self.sent_at)
        arrives = self.time + LATENCY + (self.delays[probe] if probe < len(self.delays) else 0)
        if self.stream and self.arrives_at:
            arrives = max(arrives, self.arrives_at[-1])
        self.sent_at.append(self.time)
        self.arrives_at.append(arrives)
        self.queue.append((arrives, data))
        self.queue.sort(key=lambda each: each[0])
        return len(data)

    def take(self, size: int) -> bytes | None:
        self.time += CALL
        if not self.queue or self.queue[0][0] > self.time:
            return None
        arrived, data = self.queue.pop(0)
        if self.stream and len(data) > size:
            self.queue.insert(0, (arrived, data[size:]))
        return data[:size]

    def fileno(self) -> int:
        return EMPTY

    def setblocking(self, flag: bool) -> None:
        self.waits = flag

    def setsockopt(self, *_: object) -> None: ...

    # Its timestamps: there are none.

    @property
    def reply(self) -> Network:
        return self

    def receive(self, _: int, size: int) -> int:
        if self.waits and self.queue:
            self.time = max(self.time, min(self.queue[0][0], self.time + MILLISECOND))
        data = self.take(size)
        if data is None:
            return -1
        self.data[: len(data)] = data
        return len(data)

    def first(self, size: int) -> bytes:
        return bytes(self.data[:size])

    def ancillary(self) -> list[Any]:
        return []

    def read(self, _: object, size: int) -> tuple[bytes, int | None]:
        came = self.receive(7, size)
        if came < 0:
            raise BlockingIOError
        return self.first(came), None

    def sent(self, size: int) -> int:
        self.bytes_sent += size if self.stream else 1
        return self.bytes_sent

    def drain(self, *_: object, **__: object) -> list[Any]:
        return []

    def note(self) -> None: ...


def play(delays: list[int], *, stream: bool, fast: bool = True, **settings: Any) -> tuple[Network, Summary]:
    """Run a measurement in which the echo of each probe is delayed, until all have arrived; return its summary."""
    network: Any = Network(delays, stream=stream)
    plan = Plan(count=len(delays), timeout=TIMEOUT, **settings)
    recorder = Recorder()
    session = Session(plan, recorder)
    driver = SessionDriver(Timer(network.reactor, clock=network.now), session, redial=lambda _: None)
    payloads = Payloads(plan)
    link: Any
    if stream:
        link = StreamLink(driver, payloads)
        wire: Any = ProbeConnection(network.reactor, network, link)
        wire.use_timestamps(link, network)
        link.connection = wire
        wire.begin()
    else:
        address = Address(socket.AF_INET, ("127.0.0.1", 7))
        link = DatagramLink(driver, payloads, address, lambda *_: None)
        link.port = wire = ProbePort(network.reactor, address, IpOptions(), link)
        wire.socket = network
        wire.connected = True
        wire.use_timestamps(network)
    link.closed_loop = link.closed_loop and fast
    network.reactor.rightNow = 0.0
    driver.start(link, 0)
    while not driver.done.called:
        timers = [call.getTime() for call in network.reactor.getDelayedCalls()]
        due = min([*(round(at * 1e9) for at in timers), *(arrives for arrives, _ in network.queue[:1])])
        network.time = max(network.time, due)
        # A nanosecond more, as the reactor's seconds are floats.
        network.reactor.advance(max((network.time + 1) / 1e9 - network.reactor.seconds(), 0))
        if not driver.done.called and network.queue and network.queue[0][0] <= network.time:
            wire.doRead()
    return network, recorder.summary()


LOOPS = [
    SimpleNamespace(id="closed", fast=True, settings={"interval": Fraction(0)}),
    SimpleNamespace(id="plain", fast=False, settings={"interval": Fraction(0)}),
    SimpleNamespace(id="window", fast=True, settings={"interval": Fraction(0), "window": 3}),
    SimpleNamespace(id="open", fast=True, settings={"interval": Fraction(3 * MILLISECOND)}),
    SimpleNamespace(id="open window", fast=True, settings={"interval": Fraction(MILLISECOND), "window": 2}),
]
DELAYS = st.lists(
    st.one_of(
        st.just(0),
        st.integers(0, 2 * MILLISECOND),
        st.sampled_from([9_900_000, 12 * MILLISECOND, 35 * MILLISECOND, 90 * MILLISECOND]),
    ),
    min_size=1,
    max_size=24,
)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "datagrams"])
@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.id)
@given(delays=DELAYS)
@example(delays=[0, 0, 12 * MILLISECOND, 0, 0, 0])
@example(delays=[12 * MILLISECOND, 12 * MILLISECOND, 0])
def test_a_delayed_reply_is_late_or_in_time_and_nothing_else(loop: Any, stream: bool, delays: list[int]) -> None:
    network, summary = play(delays, stream=stream, fast=loop.fast, **loop.settings)
    took = [arrived - sent for sent, arrived in zip(network.sent_at, network.arrives_at, strict=True)]
    # What lies within a few calls of the timeout may be judged either way.
    sure = sum(each < TIMEOUT - 100 * CALL for each in took)
    possible = sum(each < TIMEOUT + 100 * CALL for each in took)
    assert summary.sent == len(delays)
    assert summary.corrupt == summary.stray == summary.duplicate == 0
    assert sure <= summary.received <= possible
    assert summary.lost == summary.sent - summary.received
    assert summary.late <= summary.lost


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "datagrams"])
@given(delays=DELAYS)
def test_the_closed_loop_has_the_figures_of_the_plain_path(stream: bool, delays: list[int]) -> None:
    fast, plain = (play(delays, stream=stream, fast=fast, interval=Fraction(0))[1] for fast in (True, False))
    counts = ("sent", "received", "lost", "late", "duplicate", "corrupt", "stray", "reordered")
    assert [getattr(fast, name) for name in counts] == [getattr(plain, name) for name in counts]
    for name in ("p50", "max"):
        one, other = getattr(fast.rtt, name), getattr(plain.rtt, name)
        assert (one is None) == (other is None)
        if one is not None:
            assert abs(one - other) <= max(100 * CALL, other // 50)
