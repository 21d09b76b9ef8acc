"""The connection that writes at once, and does not read while its client does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol
from zope.interface import implementer

from netecho.net.reactor.eager import EagerConnection
from tests.net.server.serving import ServerParts, drained, pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted.python.failure import Failure


@implementer(IHalfCloseableProtocol)
class Noting(Protocol):
    transport: Any

    def __init__(self) -> None:
        self.came = b""
        self.ended: list[Any] = []

    def dataReceived(self, data: bytes) -> None:
        self.came += data

    def readConnectionLost(self) -> None:
        self.ended.append("read")

    def writeConnectionLost(self) -> None:
        self.ended.append("write")

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.ended.append(reason.type)


class Bench:
    """A connection and the client at its other end."""

    def __init__(self, buffer: int | None = None) -> None:
        self.parts = ServerParts()
        ours, self.client = pair(buffer)
        self.protocol = Noting()
        self.wire = EagerConnection(ours, self.protocol, self.parts.fdset)
        self.protocol.makeConnection(self.wire)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    finish(bench)


@pytest.fixture
def narrow() -> Iterator[Bench]:
    """A bench whose system holds little, so that what is written soon has to wait."""
    bench = Bench(buffer=4096)
    yield bench
    finish(bench)


def finish(bench: Bench) -> None:
    if bench.wire.connected:
        bench.wire.abortConnection()
    bench.parts.settle()
    bench.client.close()
    bench.parts.fdset.close()


def test_a_write_leaves_at_once(bench: Bench) -> None:
    bench.wire.write(b"hello")
    assert drained(bench.client) == b"hello"
    assert bench.parts.fdset.getWriters() == []
    assert bench.wire.sent == 5


def test_several_pieces_leave_as_one(bench: Bench) -> None:
    bench.wire.writeSequence([b"he", b"llo"])
    assert drained(bench.client) == b"hello"


def test_what_comes_is_for_the_protocol(bench: Bench) -> None:
    bench.client.send(b"hello")
    bench.parts.settle()
    assert bench.protocol.came == b"hello"
    assert bench.wire.received == 5


def test_a_smaller_chunk_is_what_one_read_takes(bench: Bench) -> None:
    bench.wire.chunk = 3
    bench.client.send(b"hello")
    bench.parts.pass_()
    assert bench.protocol.came == b"hel"


def test_what_the_system_does_not_take_waits_and_nothing_is_read_meanwhile(narrow: Bench) -> None:
    data = bytes(range(256)) * 1024
    narrow.wire.write(data)
    assert narrow.wire.waiting
    assert narrow.parts.fdset.getReaders() == []
    narrow.client.send(b"anybody there?")
    narrow.parts.settle()
    assert narrow.protocol.came == b""
    came = b""
    while narrow.wire.waiting:
        came += drained(narrow.client)
        narrow.parts.settle()
    assert came + drained(narrow.client) == data
    narrow.parts.settle()
    assert narrow.protocol.came == b"anybody there?"
    assert narrow.wire.sent == len(data)


def test_writes_behind_one_that_waits_keep_their_order(narrow: Bench) -> None:
    narrow.wire.write(b"a" * 300_000)
    narrow.wire.write(b"b" * 10)
    narrow.wire.write(b"c" * 10)
    came = b""
    while narrow.wire.waiting:
        came += drained(narrow.client)
        narrow.parts.settle()
    assert came + drained(narrow.client) == b"a" * 300_000 + b"b" * 10 + b"c" * 10


def test_a_half_close_is_told_and_the_other_half_still_writes(bench: Bench) -> None:
    bench.client.send(b"last words")
    bench.client.shutdown(1)
    bench.parts.settle()
    assert bench.protocol.came == b"last words"
    assert bench.protocol.ended == ["read"]
    bench.wire.write(b"answer")
    bench.wire.loseConnection()
    bench.parts.settle()
    assert drained(bench.client) == b"answer"
    assert bench.protocol.ended == ["read", ConnectionDone]


def test_a_close_waits_for_what_is_owed(narrow: Bench) -> None:
    narrow.wire.write(b"x" * 300_000)
    narrow.wire.loseConnection()
    came = 0
    while not narrow.protocol.ended:
        came += len(drained(narrow.client))
        narrow.parts.settle()
    assert came + len(drained(narrow.client)) == 300_000
    assert narrow.protocol.ended == [ConnectionDone]


def test_a_client_that_vanishes_while_something_waits(narrow: Bench) -> None:
    narrow.wire.write(b"x" * 300_000)
    narrow.client.close()
    narrow.parts.settle()
    assert narrow.protocol.ended == [ConnectionLost]


def test_a_write_to_a_client_that_vanished_is_no_exception(bench: Bench) -> None:
    bench.client.close()
    bench.wire.write(b"hello?")
    bench.parts.settle()
    assert bench.protocol.ended == [ConnectionLost]
    bench.wire.write(b"hello??")


def test_resuming_does_not_read_while_something_waits(narrow: Bench) -> None:
    narrow.wire.write(b"x" * 300_000)
    narrow.wire.resumeProducing()
    assert narrow.parts.fdset.getReaders() == []
