"""Connecting: phases in order, the first address to answer, and a sentence for every way to fail."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from netecho.errors import NetechoError, UnreachableError, UsageError
from netecho.net.client.connect import connect, mark, open_socket, unreachable
from netecho.net.client.job import IpOptions
from netecho.net.client.resolve import Address
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator


class Watching(Clock):
    """A reactor that notes who waits to write; the test says when."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Any] = []

    def addReader(self, reader: object) -> None:
        raise AssertionError(f"{reader} does not read yet")

    def removeReader(self, reader: object) -> None:
        """Nobody reads."""

    def addWriter(self, writer: Any) -> None:
        self.waiting.append(writer)

    def removeWriter(self, writer: Any) -> None:
        if writer in self.waiting:
            self.waiting.remove(writer)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.fixture
def closed() -> Address:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return Address(socket.AF_INET, taken.getsockname())


def at(listener: socket.socket) -> Address:
    return Address(socket.AF_INET, listener.getsockname())


class Dialling:
    def __init__(self, *addresses: Address, timeout: int = 2 * SECOND, ip_options: IpOptions | None = None) -> None:
        self.reactor = Watching()
        self.error: NetechoError | None = None
        self.result: tuple[socket.socket, Address, int] | None = None
        coroutine = connect(self.reactor, list(addresses), ip_options or IpOptions(), timeout)
        Deferred.fromCoroutine(coroutine).addCallbacks(self._connected, self._failed)

    def _connected(self, result: tuple[socket.socket, Address, int]) -> None:
        self.result = result
        result[0].close()

    def _failed(self, failure: Any) -> None:
        self.error = failure.value

    def ready(self) -> None:
        """Let the first that waits learn what became of it."""
        self.reactor.waiting[0].doWrite()


def test_the_address_that_answers_is_the_one(listener: socket.socket) -> None:
    dialling = Dialling(at(listener))
    dialling.ready()
    assert dialling.result is not None
    assert dialling.result[1] == at(listener)
    assert dialling.result[2] > 0
    assert dialling.reactor.getDelayedCalls() == []


def test_a_refusal_is_told_with_what_to_try(closed: Address) -> None:
    dialling = Dialling(closed)
    dialling.ready()
    assert isinstance(dialling.error, UnreachableError)
    assert dialling.error.sentence == f"connection refused: 127.0.0.1:{closed.port}"
    assert "netecho serve" in str(dialling.error.hint)


def test_after_a_refusal_the_next_address_gets_its_chance_at_once(closed: Address, listener: socket.socket) -> None:
    dialling = Dialling(closed, at(listener))
    dialling.ready()
    dialling.ready()
    assert dialling.result is not None
    assert dialling.result[1] == at(listener)


def test_an_address_that_does_not_answer_has_a_head_start_of_250_ms(listener: socket.socket) -> None:
    dialling = Dialling(at(listener), at(listener))
    dialling.reactor.advance(0.249)
    assert len(dialling.reactor.waiting) == 1
    dialling.reactor.advance(0.001)
    assert len(dialling.reactor.waiting) == 2
    dialling.reactor.waiting[1].doWrite()
    assert dialling.result is not None
    assert dialling.reactor.waiting == []
    assert dialling.reactor.getDelayedCalls() == []


def test_no_answer_at_all_ends_with_the_timeout(listener: socket.socket) -> None:
    dialling = Dialling(at(listener), timeout=3 * SECOND)
    dialling.reactor.advance(2.9)
    assert dialling.error is None
    dialling.reactor.advance(0.1)
    assert isinstance(dialling.error, UnreachableError)
    assert dialling.error.sentence == f"no answer from 127.0.0.1:{at(listener).port} within 3 s"
    assert dialling.reactor.waiting == []


def test_all_that_was_tried_is_named(closed: Address) -> None:
    with socket.socket(socket.AF_INET6) as taken:
        taken.bind(("::1", 0))
        other = Address(socket.AF_INET6, taken.getsockname())
        dialling = Dialling(other, closed)
        dialling.ready()
        dialling.ready()
    assert dialling.error is not None
    assert f"[::1]:{other.port}" in dialling.error.sentence
    assert f"also tried: 127.0.0.1:{closed.port} (connection refused)" in dialling.error.sentence


def test_an_unix_socket_that_is_not_there_is_told_by_its_path() -> None:
    dialling = Dialling(Address(socket.AF_UNIX, "/nonexistent/socket"))
    assert dialling.error is not None
    assert dialling.error.sentence == "no such file or directory: /nonexistent/socket"


def test_a_source_that_is_not_ours_is_a_wrong_option(listener: socket.socket) -> None:
    dialling = Dialling(at(listener), ip_options=IpOptions(source=("192.0.2.1", 0)))
    assert isinstance(dialling.error, UsageError)
    assert dialling.error.sentence.startswith("cannot send from --source 192.0.2.1:0: ")


def test_a_source_is_shown_as_a_target_is_written() -> None:
    target = Address(socket.AF_INET6, ("::1", 9, 0, 0))
    dialling = Dialling(target, ip_options=IpOptions(source=("2001:db8::1", 0)))
    assert isinstance(dialling.error, UsageError)
    assert dialling.error.sentence.startswith("cannot send from --source [2001:db8::1]:0: ")


def test_a_link_local_address_without_its_interface_is_said() -> None:
    def said(address: str, zone: int = 0) -> str:
        refused = OSError(errno.EINVAL, "Invalid argument")
        return unreachable(Address(socket.AF_INET6, (address, 9, 0, zone)), refused).sentence

    assert said("fe80::1") == "a link-local address is of an interface, and none is named: [fe80::1]:9"
    assert said("2001:db8::1").startswith("invalid argument")
    assert said("fe80::1", 1).startswith("invalid argument")


def test_headers_say_what_was_asked() -> None:
    with open_socket(socket.AF_INET, socket.SOCK_DGRAM, IpOptions(dscp=46, ttl=7, dont_fragment=True)) as skt:
        assert skt.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 46 << 2
        assert skt.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == 7
        assert skt.getsockopt(socket.IPPROTO_IP, 10) == 2
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as six:
        mark(six, IpOptions(dscp=10, ttl=9))
        assert six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS) == 10 << 2
        assert six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) == 9


def test_ecn_stands_beside_dscp() -> None:
    with open_socket(socket.AF_INET, socket.SOCK_DGRAM, IpOptions(dscp=46, ecn="ect0")) as skt:
        assert skt.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 46 << 2 | 2
    with open_socket(socket.AF_INET6, socket.SOCK_DGRAM, IpOptions(ecn="ce")) as six:
        assert six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS) == 3


def test_a_source_port_is_kept_and_nagle_is_off() -> None:
    with open_socket(socket.AF_INET, socket.SOCK_STREAM, IpOptions(source=("127.0.0.1", 0))) as skt:
        assert skt.getsockname()[0] == "127.0.0.1"
        assert skt.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not skt.getblocking()
