"""Sockets of a trace: however much comes, what is due has its turn."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, cast

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from netecho.net.client.job import IpOptions
from netecho.net.client.resolve import Address
from netecho.net.trace.descriptor import MOST
from netecho.net.trace.flow_socket import FlowSocket
from netecho.net.trace.raw_icmp import RawIcmp
from netecho.trace.payloads import EchoPayloads
from netecho.trace.plan import Plan
from netecho.trace.session import Session
from tests.net.server.serving import StillReactor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.net.reactor.interfaces import Reactor


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        yield made


class Flow:
    """A flow to a server of the test's own."""

    def __init__(self, server: socket.socket) -> None:
        self.server = server
        self.reactor = StillReactor()
        self.session = Session(Plan(rounds=1), [EchoPayloads(b"12345678")], 0, "127.0.0.1")
        address = Address(socket.AF_INET, server.getsockname())
        reactor = cast("Reactor", self.reactor)
        self.socket = FlowSocket(reactor, self.session, 0, address, IpOptions(), lambda: 1, errors=True)

    def flood(self, number: int) -> None:
        """Have so many datagrams arrive that answer nothing."""
        for _ in range(number):
            self.server.sendto(b"never asked for", self.socket.socket.getsockname())

    @property
    def read(self) -> int:
        return self.session.result().foreign


def test_of_a_flood_so_many_are_read_at_once_and_the_rest_later(server: socket.socket) -> None:
    flow = Flow(server)
    flow.flood(MOST + 20)
    flow.socket.doRead()
    assert flow.read == MOST
    flow.socket.doRead()
    assert flow.read == MOST + 20
    flow.socket.close()


def test_an_error_of_the_socket_is_a_reason_to_read_and_no_end(server: socket.socket) -> None:
    flow = Flow(server)
    flow.socket.start()
    flow.flood(1)
    flow.reactor.removeReader(flow.socket)  # as the reactor does
    flow.socket.readConnectionLost(Failure(ConnectionLost()))
    assert flow.read == 1
    assert flow.socket in flow.reactor.readers
    flow.socket.close()
    assert flow.socket not in flow.reactor.readers
    flow.socket.readConnectionLost(Failure(ConnectionLost()))
    assert flow.socket not in flow.reactor.readers


class Endless:
    """A raw socket on which ICMP never ends."""

    family = socket.AF_INET

    def __init__(self) -> None:
        self.taken = 0

    def recvmsg(self, *_: int) -> tuple[bytes, list[object], int, tuple[str, int]]:
        self.taken += 1
        return bytes((0x45, *range(19), 11, 0)) + bytes(60), [], 0, ("203.0.113.66", 0)


def test_of_a_flood_of_icmp_too() -> None:
    endless = Endless()
    session = Session(Plan(rounds=1), [EchoPayloads(b"12345678")], 0, "127.0.0.1")
    raw = RawIcmp(StillReactor(), cast("socket.socket", endless), session, lambda: 1)
    raw.doRead()
    assert endless.taken == MOST
    assert session.result().hops == ()
