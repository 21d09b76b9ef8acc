"""The reflector's socket: what the kernel knows of a request is in the reply, and the reply leaves as it should."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from netecho.echo.events import Received, Refused
from netecho.echo.limits import Limits
from netecho.echo.loop_guard import ANSWER_TTL, LOOP
from netecho.net.linux.cmsg import Headers, read_headers
from netecho.net.linux.sockopts import MSG_ERRQUEUE
from netecho.net.server.reply_sender import prepare
from netecho.net.server.settings import ReflectorSettings
from netecho.net.server.sockets import BoundSocket
from netecho.net.server.stamp import (
    LONGER_REPLIES,
    ReflectorListener,
    new_further_replies,
    new_reflector,
)
from netecho.stamp.packet import Reply, Request
from netecho.stamp.session_sender import Reflection, Sender, full_size
from netecho.stamp.times import ErrorEstimate, from_ntp
from tests.net.server.serving import ServerParts

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = 1_000_000_000
KEY = b"an orchestrator gave us this key"
FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
UNSURE = ErrorEstimate.of(SECOND, synchronised=False)


class Mirror:
    """A reflector on a free port, and clients for it."""

    def __init__(
        self, host: str, bind: str | None = None, reflector_settings: ReflectorSettings | None = None, **settings: Any
    ) -> None:
        self.host = host
        self.family = FAMILIES[host]
        reflector_settings = reflector_settings or ReflectorSettings()
        self.parts = ServerParts(reflector_settings=reflector_settings, **settings)
        self.socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((bind or host, 0))
        self.port: int = self.socket.getsockname()[1]
        self.further = new_further_replies(self.parts.reactor, self.parts.admission.clock, None)
        self.reflector = new_reflector(reflector_settings, self.further)
        bound = BoundSocket("stamp", self.socket)
        parts = self.parts
        self.listener = ReflectorListener(parts.reactor, bound, parts.admission, self.reflector, self.further)
        self.clients: list[socket.socket] = []

    def client(self, host: str | None = None, port: int = 0, to: str | None = None) -> socket.socket:
        client = socket.socket(self.family, socket.SOCK_DGRAM)
        self.clients.append(client)
        client.settimeout(0)
        client.bind((host or self.host, port))
        client.connect((to or self.host, self.port))
        return client

    def answer(self, client: socket.socket) -> bytes | None:
        """One pass of the listener, and what it sent to this client."""
        self.listener.doRead()
        try:
            data: bytes = client.recv(65_535)
        except BlockingIOError:
            return None
        return data

    def ask(self, client: socket.socket, data: bytes) -> bytes | None:
        client.send(data)
        return self.answer(client)

    def close(self) -> None:
        self.listener.stop()
        for each in (self.socket, *self.clients):
            each.close()
        self.parts.fdset.close()

    @property
    def refused(self) -> list[str]:
        return [event.reason for event in self.parts.events if isinstance(event, Refused)]


@pytest.fixture(params=FAMILIES)
def host(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    with socket.socket(FAMILIES[name], socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((name, 0))
        except OSError:
            pytest.skip(f"no {name} on this machine")
    return name


@pytest.fixture
def mirror(host: str) -> Iterator[Mirror]:
    with contextlib.closing(Mirror(host)) as mirror:
        yield mirror


def request(size: int = 44, key: bytes | None = None) -> bytes:
    return Sender(ssid=9, key=key, dscp=10).request(time.time_ns(), size, UNSURE)


def option(client: socket.socket, v4: int, v6: int, value: int) -> None:
    level, name = (socket.IPPROTO_IPV6, v6) if client.family == socket.AF_INET6 else (socket.IPPROTO_IP, v4)
    client.setsockopt(level, name, value)


def test_the_stamps_are_those_of_the_passage(mirror: Mirror) -> None:
    client = mirror.client()
    before = time.time_ns()
    data = mirror.ask(client, request())
    after = time.time_ns()
    assert data is not None
    reply = Reply.decode(data)
    received, sent = from_ntp(reply.received, after), from_ntp(reply.stamp, after)
    assert before <= received <= sent <= after
    assert reply.error == mirror.reflector.clock.error


@pytest.mark.parametrize("ttl", [1, 64, 255])
def test_the_ttl_of_the_request_is_told(mirror: Mirror, ttl: int) -> None:
    client = mirror.client()
    option(client, socket.IP_TTL, socket.IPV6_UNICAST_HOPS, ttl)
    data = mirror.ask(client, request())
    assert data is not None
    assert Reply.decode(data).sender_ttl == ttl


@pytest.mark.parametrize(("tos", "asked"), [(0, False), (46 << 2 | 1, False), (46 << 2 | 3, True)])
def test_the_class_of_the_request_is_told_and_the_reply_has_the_one_that_is_asked_for(
    mirror: Mirror, tos: int, asked: bool
) -> None:
    client = mirror.client()
    option(client, socket.IP_TOS, socket.IPV6_TCLASS, tos)
    option(client, 13, 66, 1)  # IP_RECVTOS, IPV6_RECVTCLASS
    option(client, 12, 51, 1)  # IP_RECVTTL, IPV6_RECVHOPLIMIT
    sender = Sender(dscp=10)
    client.send(sender.request(time.time_ns(), 52 if asked else 44, UNSURE))
    mirror.listener.doRead()
    data, control, _, _ = client.recvmsg(100, 100)
    seen = sender.read(data, time.time_ns())
    assert isinstance(seen, Reflection)
    header = {kind: value[0] for _, kind, value in control}
    assert sorted(header.values()) == sorted([ANSWER_TTL, 10 << 2 if asked else tos & 0xFC])
    if asked:
        assert seen.class_of_service is not None
        assert (seen.class_of_service.dscp, seen.class_of_service.ecn) == (46, 3)


def test_a_sender_learns_its_address_and_port_and_the_one_it_reached(mirror: Mirror) -> None:
    client = mirror.client()
    sender = Sender()
    reply = mirror.ask(client, sender.request(time.time_ns(), full_size(), UNSURE))
    assert reply is not None
    seen = sender.read(reply, time.time_ns())
    assert isinstance(seen, Reflection)
    assert seen.location is not None
    source, destination = seen.location
    assert (source.host, source.port) == client.getsockname()[:2]
    assert (destination.host, destination.port) == client.getpeername()[:2]


def test_replies_are_as_long_as_requests(mirror: Mirror) -> None:
    client = mirror.client()
    for size in (44, 48, 1400, 60_000):
        data = mirror.ask(client, request(max(size, 44))[:size])
        assert data is not None
        assert len(data) == size
    assert mirror.parts.admission.totals.bytes_sent == mirror.parts.admission.totals.bytes_received


class TestShortRequests:
    """TWAMP-Light's may have 14 bytes, and are answered with 44: as often as does no harm to who did not ask."""

    @pytest.mark.parametrize("size", [14, 22, 41, 43])
    def test_they_get_a_whole_base_packet(self, mirror: Mirror, size: int) -> None:
        assert len(mirror.ask(mirror.client(), request()[:size]) or b"") == 44

    def test_but_only_so_many_a_second_to_one_client_which_the_log_says(self, mirror: Mirror) -> None:
        client, other = mirror.client(), mirror.client()
        answers = [mirror.ask(client, request()[:22]) for _ in range(2 * LONGER_REPLIES)]
        assert sum(answer is not None for answer in answers) == LONGER_REPLIES
        assert mirror.ask(other, request()[:22]) is None
        assert "longer replies" in mirror.refused[-1]
        assert mirror.ask(other, request()) is not None
        mirror.parts.reactor.advance(1)
        assert mirror.ask(other, request()[:22]) is not None

    def test_without_a_limit_where_that_is_asked_for(self, host: str) -> None:
        with contextlib.closing(Mirror(host, reflector_settings=ReflectorSettings(whole_base=True))) as mirror:
            client = mirror.client()
            assert all(mirror.ask(client, request()[:14]) for _ in range(2 * LONGER_REPLIES))


def test_the_next_reply_tells_when_the_last_one_really_left(host: str) -> None:
    with contextlib.closing(Mirror(host, reflector_settings=ReflectorSettings(stateful=True))) as mirror:
        client, sender = mirror.client(), Sender()
        seen = []
        for _ in range(3):
            data = mirror.ask(client, sender.request(time.time_ns(), 96, UNSURE))
            after = time.time_ns()
            assert data is not None
            reflection = sender.read(data, after)
            assert isinstance(reflection, Reflection)
            seen.append((reflection, after))
    (first, arrived), (second, _), (third, _) = seen
    assert first.follow_up == (0, None)
    assert second.follow_up is not None
    assert second.follow_up[0] == 0
    assert second.follow_up[1] is not None
    assert first.t3 < second.follow_up[1] < arrived
    assert third.follow_up is not None
    assert third.follow_up[0] == 1


def test_sessions_are_told_apart_by_their_addresses_and_their_number(host: str) -> None:
    with contextlib.closing(Mirror(host, reflector_settings=ReflectorSettings(stateful=True))) as mirror:
        one, other = mirror.client(), mirror.client()
        numbers = []
        for client, ssid in ((one, 1), (one, 1), (other, 1), (one, 2), (one, 1)):
            data = mirror.ask(client, Request(0, 0, 1, ssid).encode())
            assert data is not None
            numbers.append(Reply.decode(data).sequence)
    assert numbers == [0, 1, 0, 0, 2]


@pytest.mark.parametrize("asked", ["127.0.0.1", "127.9.9.9"])
def test_a_reply_comes_from_the_address_that_was_asked(asked: str) -> None:
    with contextlib.closing(Mirror("127.0.0.1", bind="0.0.0.0")) as mirror:
        assert mirror.ask(mirror.client(to=asked), request()) is not None


def test_a_broadcast_gets_no_reply() -> None:
    with contextlib.closing(Mirror("127.0.0.1", bind="0.0.0.0")) as mirror:
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        mirror.clients.append(client)
        client.settimeout(0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.sendto(request(), ("127.255.255.255", mirror.port))
        assert mirror.answer(client) is None
        assert mirror.refused == ["sent to a broadcast or multicast address"]


class TestAuthenticated:
    @pytest.fixture
    def mirror(self, host: str) -> Iterator[Mirror]:
        with contextlib.closing(Mirror(host, reflector_settings=ReflectorSettings(key=KEY.hex()))) as mirror:
            yield mirror

    def test_the_right_seal_is_answered_with_one(self, mirror: Mirror) -> None:
        data = mirror.ask(mirror.client(), request(112, KEY))
        assert data is not None
        Reply.decode(data, KEY)

    def test_a_wrong_one_is_dropped_and_counted(self, mirror: Mirror) -> None:
        client = mirror.client()
        assert mirror.ask(client, request(112, b"another")) is None
        assert mirror.ask(client, request(112)) is None
        totals = mirror.parts.admission.totals
        assert (totals.forged, totals.datagrams_refused, totals.datagrams_answered) == (2, 2, 0)
        assert mirror.refused == ["its HMAC is wrong (--auth-key-file)"]

    def test_replays_are_counted(self, mirror: Mirror) -> None:
        client, data = mirror.client(), request(112, KEY)
        for _ in range(3):
            assert mirror.ask(client, data) is not None
        assert mirror.parts.admission.totals.replayed == 2


class TestLimits:
    def test_what_is_no_request_is_told_and_counted(self, mirror: Mirror) -> None:
        client = mirror.client()
        assert mirror.ask(client, b"hello") is None
        reply = mirror.ask(client, request())
        assert reply is not None
        assert mirror.ask(client, reply) is None
        assert mirror.refused == ["too short for a STAMP packet", "it is itself the reply of a reflector"]
        assert mirror.parts.admission.totals.datagrams_refused == 2

    def test_a_source_above_its_rate(self, host: str) -> None:
        with contextlib.closing(Mirror(host, limits=Limits(rate=10))) as mirror:
            client = mirror.client()
            for _ in range(25):
                client.send(request())
            assert sum(mirror.answer(client) is not None for _ in range(25)) == 10
            mirror.parts.reactor.advance(1)
            assert mirror.ask(client, request()) is not None

    @pytest.mark.parametrize("words", [b"You sent: ", b"what do you mean? it is not in my book of words, sorry: "])
    def test_something_that_answers_in_its_own_words_falls_silent(self, mirror: Mirror, words: bytes) -> None:
        """A server in text mode, behind a router that rewrites the TTL, say: no reply is ever seen in what it sends."""
        client = mirror.client()
        reply = mirror.ask(client, request())
        answers = 0
        while reply is not None:
            answers += 1
            assert answers < 50
            reply = mirror.ask(client, (words + reply)[:44])
        assert mirror.refused == [LOOP]

    def test_senders_are_not_cut_whatever_their_padding(self, mirror: Mirror) -> None:
        client = mirror.client()
        sender = Sender(ssid=9, key=None, dscp=10)
        for _ in range(300):
            data = sender.request(time.time_ns(), 44, UNSURE)
            assert mirror.ask(client, data) is not None
            # RFC 5357 section 4.1.2: from octet 14 on, random octets.
            random = data[:14] + os.urandom(30)
            assert mirror.ask(client, random) is not None

    def test_services_that_answer_too_are_not_answered(self) -> None:
        with contextlib.closing(Mirror("127.0.0.1")) as mirror:
            assert mirror.ask(mirror.client("127.77.0.8", 7007), request()) is None
            assert mirror.refused == ["from port 7007, whose service answers too: they would never stop"]

    def test_watching_tells_of_each(self, host: str) -> None:
        with contextlib.closing(Mirror(host, log_received=True)) as mirror:
            client = mirror.client()
            mirror.ask(client, request())
            name = f"[{host}]" if ":" in host else host
            assert mirror.parts.events == [Received(None, "stamp", f"{name}:{client.getsockname()[1]}", 44)]


class TestTrouble:
    def test_a_client_that_is_gone_costs_nothing(self, mirror: Mirror) -> None:
        gone = mirror.client()
        gone.send(request())
        gone.close()
        mirror.listener.doRead()  # the reply finds nobody, and ICMP says so
        client = mirror.client()
        assert mirror.ask(client, request()) is not None

    def test_an_error_that_the_reactor_sees_is_one_more_reason_to_read(self, mirror: Mirror) -> None:
        client = mirror.client()
        client.send(request())
        # The mixin's self is typed as what it is mixed into.
        mirror.listener.readConnectionLost(Failure(ConnectionLost()))  # type: ignore[misc]
        assert len(client.recv(100)) == 44
        assert mirror.listener in mirror.parts.reactor.readers
        assert mirror.ask(client, request()) is not None

    def test_stamps_that_nobody_waits_for_any_more_do_not_keep_the_reactor_busy(self, mirror: Mirror) -> None:
        client = mirror.client()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mirror.listener._sender, "collect", lambda **_: None)
            mirror.ask(client, request())
        mirror.listener._sender._awaited.clear()
        poller = select.poll()
        poller.register(mirror.socket, 0)  # POLLERR comes unasked: the stamp is in the error queue
        assert poller.poll(5000)
        mirror.listener.readConnectionLost(Failure(ConnectionLost()))  # type: ignore[misc]
        with pytest.raises(BlockingIOError):
            mirror.socket.recvmsg(0, 100, MSG_ERRQUEUE)

    def test_stopping_answers_what_has_come(self, mirror: Mirror) -> None:
        client = mirror.client()
        client.send(request())
        mirror.listener.stop()
        assert len(client.recv(100)) == 44
        assert mirror.parts.reactor.readers == {mirror.parts.fdset}

    def test_a_send_that_fails_has_stamps_counted_anew(self, host: str) -> None:
        with contextlib.closing(Mirror(host, reflector_settings=ReflectorSettings(stateful=True))) as mirror:
            client, sender = mirror.client(), Sender()
            mirror.ask(client, sender.request(time.time_ns(), 96, UNSURE))
            # From port 0 nothing can come but to port 0 nothing can be sent.
            prepared = mirror.listener._answer(request(96), None, Headers(), (host, 1, 0, 0), now=0)
            assert not isinstance(prepared, str)
            prepared.wants_tx_timestamp = True
            with pytest.raises(OSError, match="Invalid argument"):
                mirror.listener._sender.send(prepared, (), (host, 0))
            for number in (1, 2):
                data = mirror.ask(client, sender.request(time.time_ns(), 96, UNSURE))
                assert data is not None
                reflection = sender.read(data, time.time_ns())
                assert isinstance(reflection, Reflection)
                assert reflection.follow_up is not None
                assert reflection.follow_up[0] == number - 1
                assert reflection.follow_up[1] is not None


class TestHeaders:
    def test_nothing_known(self) -> None:
        assert read_headers([]) == (None, Headers(ttl=0, tos=0, local=b"", to_many=False, back=()))

    def test_an_address_of_a_link_keeps_its_link(self) -> None:
        link_local, global_ = bytes.fromhex("fe80" + "00" * 13 + "01"), bytes.fromhex("2001" + "00" * 13 + "01")
        for address, index in ((link_local, 7), (global_, 0)):
            _, headers = read_headers([(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, address + struct.pack("=I", 7))])
            assert headers.back == ((socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, address + struct.pack("=I", index)),)
            assert headers.local == address

    def test_multicast(self) -> None:
        address = bytes.fromhex("ff02" + "00" * 13 + "01")
        assert read_headers([(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, address + bytes(4))])[1].to_many


def test_what_came_before_the_listener_is_answered_like_the_rest(host: str) -> None:
    """`probe self` sends as soon as the socket is bound."""
    with socket.socket(FAMILIES[host], socket.SOCK_DGRAM) as early:
        early.setblocking(False)
        early.bind((host, 0))
        prepare(early)
        with socket.socket(FAMILIES[host], socket.SOCK_DGRAM) as client:
            client.settimeout(0)
            client.sendto(request(), early.getsockname()[:2])
            parts = ServerParts()
            reflector = new_reflector(ReflectorSettings())
            listener = ReflectorListener(parts.reactor, BoundSocket("stamp", early), parts.admission, reflector)
            listener.doRead()
            assert Reply.decode(client.recv(100)).sender_ttl == 64
            listener.stop()
            parts.fdset.close()
