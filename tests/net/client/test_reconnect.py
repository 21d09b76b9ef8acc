"""A connection of its own for each probe: every byte that came on it is accounted for, and it is closed."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from netecho.measure.payload import Payloads
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.measure.session import Session
from netecho.net.certificates import make_identity
from netecho.net.client.driver import SessionDriver
from netecho.net.client.job import TlsOptions
from netecho.net.client.link import Established
from netecho.net.client.reconnect import LINGERING, OneProbeLink, ReconnectingLink
from netecho.net.client.resolve import Address
from netecho.net.client.stream import ProbeConnection
from netecho.net.client.tls import Client
from netecho.net.reactor.timer import Timer
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 64
NOWHERE = Address(socket.AF_UNIX, "nowhere")

# Twisted 25.5 makes the context of a connection ready anew for each; pyOpenSSL says that it will not stand that.
OLD_TWISTED = pytest.mark.filterwarnings("ignore:Attempting to mutate a Context:DeprecationWarning")


class Bench:
    """A session whose probes each have a pair of sockets: the peer's end is in `peers`."""

    def __init__(self, count: int = 1, *, timeout: int = SECOND, client: Client | None = None) -> None:
        plan = Plan(count=count, sizes=(SIZE,), interval=Fraction(10 * MILLISECOND), timeout=timeout, reconnect=True)
        self.reactor: Any = MemoryReactorClock()
        self.recorder = Recorder()
        self.session = Session(plan, self.recorder)
        self.payloads = Payloads(plan)
        self.driver = SessionDriver(Timer(self.reactor, clock=self.now), self.session)
        self.client = client
        self.peers: list[socket.socket] = []
        self.ours: list[socket.socket] = []
        self.links: list[OneProbeLink] = []
        self.troubles: list[object] = []
        self.link = ReconnectingLink(
            self.driver, self.recorder, self._dial, lambda error, _: self.troubles.append(error), self.payloads
        )
        self.driver.start(self.link, self.now())

    def now(self) -> int:
        return int(round(self.reactor.seconds() * 1e6) * 1000)

    async def _dial(self, link: OneProbeLink | None) -> Established:
        assert link is not None
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setblocking(False)
        self.peers.append(theirs)
        self.ours.append(ours)
        self.links.append(link)
        if self.client is None:
            link.connection = ProbeConnection(self.reactor, ours, link)
            link.connection.begin()
        else:
            await self.client.secure(self.reactor, ours, link, SECOND)
        return Established(address=NOWHERE, local=None, connect=1)

    def read(self, index: int) -> None:
        """Have connection `index` read as the reactor does: once, if it still wants to."""
        connection: Any = self.links[index].connection
        if connection in self.reactor.getReaders():
            why = connection.doRead()
            if isinstance(why, ConnectionDone):
                connection.readConnectionLost(Failure(why))
            elif why is not None:
                connection.connectionLost(Failure(why))

    def write(self, index: int) -> None:
        """Have connection `index` write as the reactor does; closing ends with that."""
        connection = self.links[index].connection
        if connection in self.reactor.getWriters() and (why := connection.doWrite()):
            connection.connectionLost(Failure(why))

    def accounted(self) -> int:
        summary = self.recorder.summary()
        replies = summary.received + summary.late + summary.duplicate
        return replies * SIZE + summary.stray_bytes

    def close(self) -> None:
        self.driver.stop()
        self.link.close()
        for each in (*self.peers, *self.ours):
            each.close()


@pytest.fixture
def benches() -> Iterator[list[Bench]]:
    made: list[Bench] = []
    yield made
    for bench in made:
        bench.close()


def _is_at_end(peer: socket.socket) -> bool:
    """Whether the peer of a connection sees it closed, whatever was sent before."""
    with suppress(BlockingIOError):
        while peer.recv(65_536):
            pass
        return True
    return False


@given(
    before=st.binary(max_size=40),
    wrong=st.booleans(),
    cut=st.integers(0, SIZE),
    behind=st.binary(max_size=300),
    flood=st.sampled_from((0, 0, 70_000, 150_000)),
    last=st.booleans(),
)
def test_every_byte_that_has_come_is_echoed_corrupt_or_stray(
    before: bytes, wrong: bool, cut: int, behind: bytes, flood: int, last: bool
) -> None:
    bench = Bench(count=1 if last else 2)
    try:
        echo = bytearray(bench.payloads.of(0))
        if wrong:
            echo[20] ^= 0x55
        said = before + bytes(echo[: SIZE - cut]) + behind + bytes(flood)
        bench.peers[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        taken = bench.peers[0].send(said) if said else 0
        bench.read(0)
        bench.driver.stop()
        bench.link.settle()
        assert bench.accounted() == taken
    finally:
        bench.close()


def test_what_is_behind_the_last_reply_is_counted_before_the_run_ends(benches: list[Bench]) -> None:
    benches.append(bench := Bench(count=1))
    at_the_end: list[int] = []
    bench.driver.done.addCallback(lambda _: at_the_end.append(bench.recorder.summary().stray_bytes))
    bench.peers[0].send(bench.payloads.of(0) + b"and more" * 10_000)
    bench.read(0)
    bench.peers[0].send(b"and later")
    bench.reactor.advance(1)
    assert at_the_end == [80_009]


def test_our_half_is_closed_with_the_reply_and_the_rest_with_the_servers(benches: list[Bench]) -> None:
    benches.append(bench := Bench(count=2))
    bench.peers[0].send(bench.payloads.of(0))
    bench.read(0)
    bench.write(0)
    assert _is_at_end(bench.peers[0])
    bench.peers[0].send(b"one more word")
    bench.read(0)
    assert bench.recorder.summary().stray_bytes == len(b"one more word")
    bench.peers[0].close()
    bench.read(0)
    assert not bench.links[0].connection.connected


def test_the_servers_end_may_be_read_as_the_run_ends(benches: list[Bench]) -> None:
    """The connection is closed within its own `doRead`; the reactor must not be told that it has ended once more."""
    benches.append(bench := Bench(count=1))
    bench.driver.done.addCallback(lambda _: bench.link.close())
    bench.peers[0].send(bench.payloads.of(0))
    bench.read(0)
    bench.write(0)
    assert _is_at_end(bench.peers[0])
    bench.peers[0].close()
    bench.reactor.rightNow += 1  # late: the timer has had no turn
    bench.read(0)
    assert bench.driver.done.called
    assert bench.reactor.getReaders() == []


def test_servers_that_do_not_close_their_half_do_not_keep_connections_without_end(benches: list[Bench]) -> None:
    benches.append(bench := Bench(count=2 * LINGERING))
    for number in range(2 * LINGERING):
        bench.peers[number].send(bench.payloads.of(number))
        bench.read(number)
        bench.write(number)
        bench.peers[number].send(b"?")
        bench.reactor.advance(0.010)
    still_open = [link for link in bench.links if link.connection.connected]
    assert still_open == bench.links[-LINGERING:]
    assert bench.accounted() >= LINGERING * (SIZE + 1)


def test_connections_that_wait_for_a_late_reply_are_so_many_at_most(benches: list[Bench]) -> None:
    """A server that takes connections and never answers does not take the probe's descriptors one by one."""
    benches.append(bench := Bench(count=2 * LINGERING, timeout=30 * MILLISECOND))
    for _ in range(2 * LINGERING):
        bench.reactor.advance(0.010)
    still_open = [link for link in bench.links if not link.connection.disconnecting]
    assert len(bench.links) == 2 * LINGERING
    assert still_open == bench.links[-LINGERING:]


class TlsPeer:
    """The server's side of one handshake, in memory."""

    def __init__(self, pem: Path, peer: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self._peer = peer

    def take(self) -> None:
        with suppress(BlockingIOError):
            self.incoming.write(self._peer.recv(65_536))

    def give(self) -> None:
        if self.outgoing.pending:
            self._peer.send(self.outgoing.read())


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    path = tmp_path / "server.pem"
    path.write_text(make_identity(["localhost"]))
    return path


def _agreed(bench: Bench, pem: Path) -> TlsPeer:
    server = TlsPeer(pem, bench.peers[0])
    while True:
        server.take()
        with suppress(ssl.SSLWantReadError):
            server.tls.do_handshake()
            server.give()
            bench.read(0)
            server.take()
            return server
        server.give()
        bench.read(0)


@OLD_TWISTED
def test_inside_tls_every_record_that_has_come_is_counted(benches: list[Bench], pem: Path) -> None:
    benches.append(bench := Bench(count=1, client=Client(TlsOptions(insecure=True), "localhost")))
    server = _agreed(bench, pem)
    at_the_end: list[int] = []
    bench.driver.done.addCallback(lambda _: at_the_end.append(bench.recorder.summary().stray_bytes))
    server.tls.write(bench.payloads.of(0))
    for _ in range(5):
        server.tls.write(b"x" * 1000)
    server.give()
    bench.read(0)
    server.tls.write(b"and later")
    server.give()
    bench.reactor.advance(1)
    assert at_the_end == [5009]


@OLD_TWISTED
def test_inside_tls_the_end_is_said_and_heard(benches: list[Bench], pem: Path) -> None:
    benches.append(bench := Bench(count=2, client=Client(TlsOptions(insecure=True), "localhost")))
    server = _agreed(bench, pem)
    server.tls.write(bench.payloads.of(0))
    server.give()
    bench.read(0)
    server.take()
    assert server.tls.read() == bench.payloads.of(0)
    assert server.tls.read() == b""
    assert not _is_at_end(bench.peers[0])
    server.tls.unwrap()
    server.give()
    bench.read(0)
    bench.write(0)
    assert _is_at_end(bench.peers[0])
    assert not bench.links[0].connection.connected


@OLD_TWISTED
def test_inside_tls_a_server_that_says_no_end_is_not_waited_for(benches: list[Bench], pem: Path) -> None:
    """Nobody need wait for the other side's close_notify (RFC 8446 section 6.1), which may never come."""
    benches.append(bench := Bench(count=1, client=Client(TlsOptions(insecure=True), "localhost")))
    server = _agreed(bench, pem)
    server.tls.write(bench.payloads.of(0))
    server.give()
    bench.read(0)
    bench.reactor.advance(1)
    assert bench.driver.done.called
    bench.link.close()
    bench.write(0)
    assert _is_at_end(bench.peers[0])


@OLD_TWISTED
def test_a_handshake_that_the_runs_end_breaks_off_is_no_loss_and_no_trouble(benches: list[Bench]) -> None:
    benches.append(bench := Bench(count=1, client=Client(TlsOptions(insecure=True), "localhost")))
    bench.driver.stop()
    bench.link.close()
    summary = bench.recorder.summary()
    assert (summary.sent, summary.lost, summary.pending) == (1, 0, 1)
    assert bench.troubles == []
    bench.reactor.advance(0)
    assert _is_at_end(bench.peers[0])


@OLD_TWISTED
def test_a_handshake_that_is_given_up_has_not_failed() -> None:
    """Ctrl-C in a handshake ends the run with its summary, and not with an error of TLS."""
    reactor: Any = MemoryReactorClock()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        client = Client(TlsOptions(insecure=True), "localhost")
        ended: list[Any] = []
        securing = Deferred.fromCoroutine(client.secure(reactor, ours, None, SECOND)).addBoth(ended.append)
        securing.cancel()
        assert ended[0].check(CancelledError)
        reactor.advance(0)
        theirs.setblocking(False)
        assert _is_at_end(theirs)
