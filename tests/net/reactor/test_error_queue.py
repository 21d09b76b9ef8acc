"""A transport outlives its error queue. Not draining after a send is, to the reactor, what a late stamp is."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, cast

import pytest
from twisted.internet import tcp, udp
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.protocol import ConnectedDatagramProtocol, Protocol
from zope.interface import implementer

from netecho.net.linux import sockopts
from netecho.net.linux.timestamping import SocketTimestamps
from netecho.net.reactor.error_queue import ErrorQueueAware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twisted.python.failure import Failure

pytestmark = pytest.mark.skipif(not sockopts.LINUX, reason="kernel stamps, and epoll, are Linux's")


class Told(Protocol):
    """Remembers what a stream's protocol is told."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def dataReceived(self, data: bytes) -> None:
        self.heard.append(data)

    def connectionLost(self, reason: Failure = None) -> None:  # type: ignore[assignment]
        self.heard.append(reason.type)


@implementer(IHalfCloseableProtocol)
class ToldOfHalves(Told):
    """And of half-closes."""

    def readConnectionLost(self) -> None:
        self.heard.append("no more to read")

    def writeConnectionLost(self) -> None:
        self.heard.append("no more to write")


class ToldOfDatagrams(ConnectedDatagramProtocol):
    """Remembers what a datagram protocol is told."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def datagramReceived(self, data: bytes, addr: object) -> None:  # type: ignore[override]  # noqa: ARG002
        self.heard.append(data)

    def connectionRefused(self) -> None:
        self.heard.append("refused")

    def doStop(self) -> None:
        self.heard.append("closed")


class Stamped:
    """Drains, then reads, as a transport with stamps does."""

    socket: socket.socket
    stamps: SocketTimestamps
    drained = 0

    def doRead(self) -> Any:
        self.drained += len(self.stamps.drain(self.socket, everything=True))
        return super().doRead()  # type: ignore[misc]


class StampedStream(Stamped, ErrorQueueAware, tcp.Connection):
    pass


class UnawareStream(Stamped, tcp.Connection):
    pass


class StampedDatagrams(Stamped, ErrorQueueAware, udp.Port):
    pass


class UnawareDatagrams(Stamped, udp.Port):
    pass


def turn(reactor: Any, passes: int = 3) -> None:
    """Turn the reactor over without waiting: everything here happens on loopback, before `send` returns."""
    for _ in range(passes):
        reactor.runUntilCurrent()
        reactor.doIteration(0)


@pytest.fixture
def reactor() -> Iterator[Any]:
    from twisted.internet.epollreactor import EPollReactor

    make: Callable[[], Any] = EPollReactor
    reactor = make()
    reactor.transports = []
    yield reactor
    reactor.removeAll()
    for transport in reactor.transports:
        if hasattr(transport, "socket"):  # those that were closed have none
            transport.socket.close()


def stream(reactor: Any, protocol: Told, kind: type[tcp.Connection] = StampedStream) -> tuple[Any, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    transport: Any = kind(near, cast("Any", protocol), reactor)
    reactor.transports.append(transport)
    transport.stamps = SocketTimestamps.enable(near)
    transport.connected = 1
    transport.startReading()
    return transport, far


def datagrams(
    reactor: Any, protocol: ToldOfDatagrams, kind: type[udp.Port] = StampedDatagrams
) -> tuple[Any, socket.socket]:
    far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    far.bind(("127.0.0.1", 0))
    transport: Any = kind(0, protocol, "127.0.0.1", reactor=reactor)
    reactor.transports.append(transport)
    transport.startListening()
    transport.connect(*far.getsockname())
    far.connect(transport.socket.getsockname())
    transport.stamps = SocketTimestamps.enable(transport.socket)
    return transport, far


@pytest.mark.parametrize(
    ("make", "protocol"), [(stream, Told), (datagrams, ToldOfDatagrams)], ids=["stream", "datagrams"]
)
def test_a_late_stamp_is_taken_and_the_transport_goes_on(
    reactor: Any, make: Callable[..., Any], protocol: Callable[[], Any]
) -> None:
    told = protocol()
    transport, far = make(reactor, told)
    with far:
        for round_ in range(1, 4):
            transport.stamps.sent(transport.socket.send(b"request"))
            turn(reactor)
            assert transport.drained == round_
            far.send(far.recv(100))
            turn(reactor)
        assert told.heard == [b"request"] * 3
        assert transport in reactor.getReaders()


@pytest.mark.parametrize(
    ("make", "protocol", "kind"),
    [(stream, Told, UnawareStream), (datagrams, ToldOfDatagrams, UnawareDatagrams)],
    ids=["stream", "datagrams"],
)
def test_without_the_mixin_it_would_not_have(
    reactor: Any, make: Callable[..., Any], protocol: Callable[[], Any], kind: type
) -> None:
    transport, far = make(reactor, protocol(), kind)
    with far:
        transport.socket.send(b"request")
        turn(reactor)
        assert not transport.connected


def test_the_error_queue_does_not_keep_the_reactor_busy(reactor: Any) -> None:
    transport, far = stream(reactor, Told())
    with far:
        for _ in range(5):
            transport.stamps.sent(transport.socket.send(b"request"))
        turn(reactor)
        assert reactor._poller.poll(0) == []


def test_a_peer_that_closes_ends_the_connection_cleanly(reactor: Any) -> None:
    told = Told()
    transport, far = stream(reactor, told)
    transport.stamps.sent(transport.socket.send(b"request"))
    far.recv(100)
    far.close()
    turn(reactor)
    assert told.heard == [ConnectionDone]
    assert not transport.connected


def test_a_peer_that_closes_its_side_is_told_of_once_and_stamps_come_still(reactor: Any) -> None:
    told = ToldOfHalves()
    transport, far = stream(reactor, told)
    with far:
        transport.stamps.sent(transport.socket.send(b"request"))
        far.shutdown(socket.SHUT_WR)
        turn(reactor)
        assert told.heard == ["no more to read"]
        assert transport.drained == 1


def test_a_peer_that_resets_ends_the_connection(reactor: Any) -> None:
    told = Told()
    transport, far = stream(reactor, told)
    transport.stamps.sent(transport.socket.send(b"request"))
    far.close()  # with the request unread: a reset
    turn(reactor)
    assert told.heard == [ConnectionLost]
    assert transport not in reactor.getReaders()


@pytest.mark.parametrize(
    ("why", "told_"), [(CONNECTION_DONE, "no more to read"), (CONNECTION_LOST, ConnectionLost)], ids=["done", "lost"]
)
def test_what_reading_finds_is_what_becomes_of_the_transport(reactor: Any, why: Exception, told_: object) -> None:
    told = ToldOfHalves()
    transport, far = stream(reactor, told)
    with far:
        transport.doRead = lambda: why
        transport.socket.send(b"request")
        turn(reactor, 1)
        assert told.heard == [told_]
        assert transport not in reactor.getReaders()


def test_a_refused_datagram_is_told_and_the_socket_lives_on(reactor: Any) -> None:
    told = ToldOfDatagrams()
    transport, far = datagrams(reactor, told)
    address = far.getsockname()
    far.close()
    transport.stamps.sent(transport.socket.send(b"to nobody"))
    turn(reactor)
    assert told.heard == ["refused"]
    assert transport.drained == 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(address)
        far.sendto(b"here I am", transport.socket.getsockname())
        turn(reactor)
    assert told.heard == ["refused", b"here I am"]


def test_reading_that_closes_the_transport_has_the_last_word(reactor: Any) -> None:
    told = Told()
    transport, far = stream(reactor, told)
    with far:
        read = transport.doRead

        def read_and_close() -> object:
            transport.loseConnection()
            return read()

        transport.doRead = read_and_close
        transport.socket.send(b"request")
        turn(reactor, 5)
        assert told.heard == [ConnectionDone]
        assert transport not in reactor.getReaders()
