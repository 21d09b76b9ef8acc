"""The raw echo over a stream: everything comes back, and what is not read costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol
from zope.interface import implementer

from netecho.net.server.tcp_raw import BULK, RawEchoConnection
from tests.net.server.serving import ServerParts, drained, fill, pair, tcp_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twisted.python.failure import Failure


@implementer(IHalfCloseableProtocol)
class Ended(Protocol):
    """Notes how the connection ends, and closes when the client does."""

    transport: Any

    def __init__(self) -> None:
        self.reasons: list[Any] = []

    def readConnectionLost(self) -> None:
        self.reasons.append("FIN")
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        raise AssertionError("nobody closes one half")

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.reasons.append(reason.type)


class Bench:
    """A mirror and the client before it."""

    def __init__(self, connect: Callable[[int], Any], buffer: int = 16_384) -> None:
        self.parts = ServerParts()
        ours, self.client = connect(buffer)
        self.protocol = Ended()
        self.wire = RawEchoConnection(ours, self.protocol, self.parts.fdset)
        self.protocol.makeConnection(self.wire)

    @property
    def held(self) -> int:
        """Bytes that were taken and not sent back yet."""
        return self.wire.received - self.wire.sent

    def turn(self, data: bytes) -> int:
        """Have the client send what it can, and the mirror do what it can; how much was sent."""
        sent = fill(self.client, data)
        self.parts.settle()
        return sent


@pytest.fixture(params=[tcp_pair, pair], ids=["tcp", "unix"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(request.param)
    yield bench
    bench.client.close()
    bench.parts.settle()
    assert not bench.wire.connected
    bench.parts.fdset.close()


DATA = bytes(range(256)) * 8_000


def test_what_comes_goes_back(bench: Bench) -> None:
    for data in (b"hello", b"\x00\xff", b"x" * 10_000):
        bench.turn(data)
        assert drained(bench.client) == data
    assert bench.wire.received == bench.wire.sent == 10_007
    assert bench.parts.fdset.getWriters() == []


def test_a_client_that_reads_late_gets_everything(bench: Bench) -> None:
    sent, came = 0, b""
    while len(came) < len(DATA):
        sent += bench.turn(DATA[sent : sent + 300_000])
        came += drained(bench.client)
        bench.parts.settle()
    assert came == DATA
    assert bench.held == 0


def test_all_before_the_fin_comes_back_and_then_the_fin(bench: Bench) -> None:
    sent, came = 0, b""
    while sent < len(DATA):
        sent += bench.turn(DATA[sent : sent + 300_000])
        came += drained(bench.client)
    bench.client.shutdown(1)
    bench.parts.settle()
    while not bench.protocol.reasons or bench.protocol.reasons[-1] == "FIN":
        came += drained(bench.client)
        bench.parts.settle()
    assert came + drained(bench.client) == DATA
    assert bench.protocol.reasons == ["FIN", ConnectionDone]


def test_a_client_that_never_reads_is_not_read_from(bench: Bench) -> None:
    for _ in range(20):
        bench.turn(b"x" * 1_000_000)
    assert bench.wire.waiting
    assert bench.parts.fdset.getReaders() == []
    assert bench.turn(b"x") == 0


def test_in_bulk_nothing_is_held_for_it() -> None:
    bench = Bench(tcp_pair, buffer=1_000_000)
    # First it reads, so that reads are full and the mirror knows that it is bulk.
    sent = came = 0
    while came < 4 * BULK:
        sent += bench.turn(b"x" * BULK)
        came += len(drained(bench.client))
        bench.parts.settle()
    for _ in range(20):
        bench.turn(b"x" * 1_000_000)
    assert bench.wire.waiting
    assert bench.held == 0
    bench.client.close()
    bench.parts.settle()
    bench.parts.fdset.close()


def test_after_bulk_come_small_ones_again(bench: Bench) -> None:
    sent = came = 0
    while sent < 2_000_000 or came < sent:
        if sent < 2_000_000:
            sent += bench.turn(b"x" * 300_000)
        came += len(drained(bench.client))
        bench.parts.settle()
    for _ in range(5):
        bench.turn(b"small")
        assert drained(bench.client) == b"small"


def test_a_client_that_vanishes_while_it_is_waited_for(bench: Bench) -> None:
    for _ in range(10):
        bench.turn(b"x" * 1_000_000)
    bench.client.close()
    bench.parts.settle()
    assert bench.protocol.reasons == [ConnectionLost]


def test_being_sent_away_while_it_is_waited_for(bench: Bench) -> None:
    for _ in range(10):
        bench.turn(b"x" * 1_000_000)
    bench.wire.abortConnection()
    bench.parts.settle()
    assert len(bench.protocol.reasons) == 1
