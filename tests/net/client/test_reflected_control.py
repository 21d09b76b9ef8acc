"""Replies of another length, number and interval as they are asked for, from our reflector and from others."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import select
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from twisted.internet.defer import Deferred

from netecho.errors import UnreachableError
from netecho.measure.loss_reason import LossReason
from netecho.net.client.reflected_control import FRESH, TRIES, Asked, ReflectedControl
from netecho.net.client.resolve import Address
from netecho.net.server.settings import ReflectorSettings
from netecho.stamp.control import Ask, Obedience, Proof
from netecho.stamp.control_sender import least_request
from netecho.stamp.packet import Reply, Request
from netecho.stamp.reply_control import LONGEST
from netecho.stamp.tlv import Tlv, Type, decode, encode
from tests.net.server.serving import StillReactor
from tests.net.server.test_stamp import KEY, Mirror, host

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

__all__ = ["host"]  # a fixture

SECOND = 1_000_000_000
LEAST = least_request()
PATIENCE = 30


def descriptors() -> int:
    gc.collect()  # what earlier tests left in circles closes its sockets now, not in the middle of this one
    return len(list(Path("/proc/self/fd").iterdir()))


class Near:
    """A control, the reactor that it is on, and what comes of what it asks."""

    def __init__(self, address: Address, reactor: StillReactor | None = None, key: bytes | None = None) -> None:
        self.reactor = reactor or StillReactor()
        self.control = ReflectedControl(self.reactor, address, key=key, clock=self.now)
        self.socket = self.control._socket
        self.sources: list[Any] = [self.socket]
        """What is read when there is something to read."""

    def now(self) -> int:
        return round(self.reactor.seconds() * 1e9)

    def start(self, asking: Coroutine[Deferred[Any], Any, Asked]) -> list[Asked]:
        came: list[Asked] = []
        Deferred.fromCoroutine(asking).addCallback(came.append)
        return came

    def until(self, condition: Callable[[], object]) -> None:
        """Read what comes until something is true."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it did not become true"
            for each in select.select(self.sources, [], [], 0.1)[0]:
                each.doRead()

    def heard(self, number: int) -> None:
        """Read until a request under way has so many replies."""
        self.until(lambda: any(len(wait.replies) == number for wait in self.control._waiting.values()))


class Pair(Near):
    """A control and a reflector of ours, on one reactor."""

    def __init__(self, host: str, key: bytes | None = None, **settings: Any) -> None:
        reflector_settings = ReflectorSettings(key=None if key is None else key.hex(), **settings)
        self.mirror = Mirror(host, reflector_settings=reflector_settings)
        address = Address(self.mirror.family, self.mirror.socket.getsockname())
        super().__init__(address, self.mirror.parts.reactor, key)
        self.sources.append(self.mirror.listener)

    def ask(self, *how: int) -> Asked:
        came = self.start(self.control.ask(*how, timeout=SECOND))
        self.until(lambda: came)
        (asked,) = came
        return asked

    def close(self) -> None:
        self.control.close()
        self.mirror.close()


@pytest.fixture
def pair(host: str) -> Iterator[Pair]:
    with contextlib.closing(Pair(host)) as pair:
        yield pair


def test_a_short_reply_to_a_long_request_takes_one_packet_each(pair: Pair) -> None:
    asked = pair.ask(1400, 0)
    assert (asked.as_asked, [reply.length for reply in asked.replies]) == (True, [LEAST])
    assert pair.mirror.parts.admission.totals.datagrams == 1


def test_a_long_reply_to_a_short_request_comes_after_a_cookie(pair: Pair) -> None:
    asked = pair.ask(LEAST, 1400)
    assert (asked.as_asked, asked.length, [reply.length for reply in asked.replies]) == (True, 1400, [1400])
    assert pair.mirror.parts.admission.totals.datagrams == 2
    pair.ask(LEAST, 1400)
    assert pair.mirror.parts.admission.totals.datagrams == 3


def test_authenticated_mode_needs_no_cookie(host: str) -> None:
    with contextlib.closing(Pair(host, KEY)) as pair:
        asked = pair.ask(pair.control.least, 1400)
        assert (asked.as_asked, [reply.length for reply in asked.replies]) == (True, [1400])
        assert pair.mirror.parts.admission.totals.datagrams == 1


def test_a_cookie_that_is_old_is_learnt_anew(pair: Pair) -> None:
    pair.ask(LEAST, 1400)
    pair.reactor.advance(FRESH / SECOND)
    assert not pair.control.has_cookie
    for _ in range(4):  # by then the one from before is not known there
        pair.reactor.advance(60)
        assert pair.ask(LEAST, 1400).as_asked


def test_a_second_reply_comes_after_a_silence(pair: Pair) -> None:
    came = pair.start(pair.control.ask(LEAST, 0, 2, 600 * SECOND, timeout=SECOND))
    pair.heard(1)
    pair.reactor.advance(599.5)
    assert pair.mirror.further.pending == 1
    pair.reactor.advance(0.5)
    pair.until(lambda: came)
    (asked,) = came
    assert [reply.number for reply in asked.replies] == [0, 1]
    assert asked.lost == ()


def test_one_that_does_not_come_is_waited_for_and_named(pair: Pair) -> None:
    came = pair.start(pair.control.ask(LEAST, 0, 3, 10 * SECOND, timeout=SECOND))
    pair.heard(1)
    pair.mirror.further.stop()
    pair.reactor.advance(20)
    assert came == []
    pair.reactor.advance(1)
    (asked,) = came
    assert (asked.lost, asked.arrived(0), asked.arrived(1)) == ((1, 2), True, False)


def test_a_train_that_is_late_is_waited_for_while_it_comes(peer: Peer) -> None:
    came = peer.start(peer.control._ask(LEAST, Ask(0, 3), SECOND))
    (request,) = peer.requests()
    control, _ = (tlv._replace(flags=0) for tlv in decode(request[44:]))
    for number in range(3):
        assert came == []
        peer.answer(reply_to(request, control, Tlv(0, Type.PROOF, Proof(bytes(range(16)), 0, number).encode())))
        peer.reactor.advance(0.9)
    assert [asked.lost for asked in came] == [()]


def test_a_train_comes_whole_and_in_order(pair: Pair) -> None:
    came = pair.start(pair.control.ask(LEAST, 600, 100, SECOND // 1000, timeout=SECOND))
    pair.heard(1)
    for _ in range(100):
        pair.reactor.advance(0.001)
    pair.until(lambda: came)
    (asked,) = came
    assert [reply.number for reply in asked.replies] == list(range(100))
    assert {reply.length for reply in asked.replies} == {600}


def test_what_the_far_end_does_not_send_is_said_at_once(pair: Pair) -> None:
    asked = pair.ask(LEAST, LONGEST + 4)
    assert (asked.obedience, asked.lost, [reply.length for reply in asked.replies]) == (
        Obedience.NOT_AS_ASKED,
        (),
        [LEAST],
    )


def test_a_server_that_is_told_not_to_is_said_at_once(host: str) -> None:
    with contextlib.closing(Pair(host, symmetrical=True)) as pair:
        assert pair.ask(1400, 0).obedience is Obedience.UNKNOWN


def test_the_reply_says_what_became_of_both_packets(pair: Pair) -> None:
    (reply,) = pair.ask(1400, 0).replies
    assert (reply.ttl, reply.tos, reply.request_ttl) == (96, 0, 64)
    assert abs(reply.t3 - time.time_ns()) < 3600 * SECOND


def test_hundreds_at_once_share_nothing_and_leave_nothing(host: str) -> None:
    before = descriptors()
    with contextlib.closing(Pair(host)) as pair:
        address = Address(pair.mirror.family, pair.mirror.socket.getsockname())
        idle = set(pair.reactor.readers)
        flows = [Near(address, pair.reactor) for _ in range(300)]
        pair.sources += [flow.socket for flow in flows]
        came = [flow.start(flow.control.ask(LEAST, 0, 2, 60 * SECOND, timeout=SECOND)) for flow in flows]
        pair.until(lambda: pair.mirror.further.pending == 300)
        for flow in flows:
            flow.heard(1)
        pair.reactor.pump([59.9, 0.1, *[0.001] * 20])
        pair.until(lambda: all(came))
        assert [asked.lost for each in came for asked in each] == [()] * 300
        for flow in flows:
            flow.control.close()
        assert pair.reactor.readers == idle
        pair.sources.clear()
    assert descriptors() == before


class Peer(Near):
    """A control, and a socket that answers what a test likes."""

    def __init__(self) -> None:
        self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far.bind(("127.0.0.1", 0))
        self.far.settimeout(0)
        super().__init__(Address(socket.AF_INET, self.far.getsockname()))

    def requests(self) -> list[bytes]:
        found: list[bytes] = []
        while select.select([self.far], [], [], 0 if found else PATIENCE)[0]:
            data, self.back = self.far.recvfrom(65_535)
            found.append(data)
        return found

    def answer(self, *replies: bytes) -> None:
        for data in replies:
            self.far.sendto(data, self.back)
            self.until(lambda: not self.control._waiting or select.select([self.socket], [], [], 0)[0])
            self.socket.doRead()

    def close(self) -> None:
        self.control.close()
        self.far.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    with contextlib.closing(Peer()) as peer:
        yield peer


def reply_to(request: bytes, *tlvs: Tlv, t3: int = 1 << 40) -> bytes:
    asked = Request.decode(request)
    return Reply(
        asked.sequence, t3, 0x8F80, asked.ssid, 1 << 40, asked.sequence, asked.stamp, asked.error, 64
    ).encode() + encode(tlvs)


def test_nothing_that_comes_back_is_waited_for_no_longer_than_the_timeout(peer: Peer) -> None:
    came = peer.start(peer.control.ask(1400, 0, timeout=SECOND))
    peer.reactor.advance(0.9)
    assert came == []
    peer.reactor.advance(0.1)
    (asked,) = came
    assert (asked.obedience, asked.replies, asked.errors) == (None, (), ())


def test_a_cookie_is_asked_for_three_times(peer: Peer) -> None:
    came = peer.start(peer.control.ask(LEAST, 1400, timeout=SECOND))
    for _ in range(TRIES):
        assert [len(data) for data in peer.requests()] == [LEAST]
        peer.reactor.advance(1)
    assert [asked.obedience for asked in came] == [None]


def test_a_reflector_that_knows_no_tlv_12_is_told_from_one_that_does(peer: Peer) -> None:
    came = peer.start(peer.control.ask(1400, 0, timeout=SECOND))
    (request,) = peer.requests()
    peer.answer(reply_to(request) + request[44:])
    assert [asked.obedience for asked in came] == [Obedience.UNKNOWN]


def test_replies_of_another_reflector_are_told_apart_by_when_they_left(peer: Peer) -> None:
    came = peer.start(peer.control.ask(1400, 0, timeout=SECOND))
    (request,) = peer.requests()
    control = decode(request[44:])[0]._replace(flags=0)
    unknown = decode(request[44:])[1]
    peer.answer(reply_to(request, control, unknown))
    assert [asked.as_asked for asked in came] == [True]
    came = peer.start(peer.control._ask(LEAST, Ask(0, 3, SECOND), SECOND))
    (request,) = peer.requests()
    control = decode(request[44:])[0]._replace(flags=0)
    for t3 in (1, 2, 2, 3):
        peer.answer(reply_to(request, control, unknown, t3=t3 << 40))
    (asked,) = came
    assert ([reply.number for reply in asked.replies], asked.duplicates) == ([0, 1, 2], 1)


def test_a_reply_that_comes_again_is_a_duplicate(peer: Peer) -> None:
    came = peer.start(peer.control._ask(LEAST, Ask(0, 2, SECOND), SECOND))
    (request,) = peer.requests()
    control, _ = (tlv._replace(flags=0) for tlv in decode(request[44:]))
    first, second, other = (
        reply_to(request, control, Tlv(0, Type.PROOF, Proof(bytes(range(16)), 0, number).encode()))
        for number in (0, 1, 7)
    )
    peer.answer(first, first, other, second)
    (asked,) = came
    assert ([reply.number for reply in asked.replies], asked.duplicates) == ([0, 1], 2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=300), max_size=8), st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=9))))
def test_hostile_replies_do_no_harm(peer: Peer, noise: list[bytes], patches: list[tuple[int, bytes]]) -> None:
    came = peer.start(peer.control.ask(1400, 0, timeout=SECOND))
    request = peer.requests()[-1]
    mutated = bytearray(reply_to(request) + request[44:])
    for at, patch in patches:
        mutated[at : at + len(patch)] = patch
    for data in (*noise, bytes(mutated)):
        peer.far.sendto(data, peer.back)
        peer.socket.doRead()
    peer.reactor.advance(1)
    (asked,) = came
    assert len(asked.replies) <= 1


def test_a_port_that_nobody_listens_on_is_said_at_once(peer: Peer) -> None:
    peer.far.close()
    came = peer.start(peer.control.ask(1400, 0, timeout=SECOND))
    peer.until(lambda: came)
    (asked,) = came
    assert [error.loss.reason for error in asked.errors] == [LossReason.REFUSED]
    # The error of the one before is not taken for the next one's.
    came = peer.start(peer.control.ask(1400, 0, timeout=SECOND))
    peer.until(lambda: came)
    assert [len(asked.errors) for asked in came] == [1]


def test_a_request_that_is_too_long_for_this_host_is_said_with_the_mtu(peer: Peer) -> None:
    came = peer.start(peer.control.ask(65_520, 0, timeout=SECOND))
    (asked,) = came
    (error,) = asked.errors
    assert (error.loss.reason, error.local) == (LossReason.TOO_LARGE, True)


def test_a_size_that_no_request_can_have_is_an_error(peer: Peer) -> None:
    failed: list[str] = []
    Deferred.fromCoroutine(peer.control.ask(60, 0, timeout=SECOND)).addErrback(
        lambda failure: failed.append(str(failure.value))
    )
    assert failed == [f"a request has {LEAST} octets, or {LEAST + 4} and more"]


def test_closing_ends_what_is_waited_for(peer: Peer) -> None:
    came = peer.start(peer.control.ask(1400, 0, timeout=SECOND))
    peer.control.close()
    assert [asked.obedience for asked in came] == [None]
    assert peer.reactor.getDelayedCalls() == []
    assert peer.reactor.readers == set()


def test_a_socket_that_cannot_be_had_is_an_error_that_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    before = None
    for _ in range(2):  # the first one may make what all share
        with pytest.raises(UnreachableError):
            ReflectedControl(StillReactor(), Address(socket.AF_INET, ("255.255.255.255", 862)))
        assert before in {None, descriptors()}
        before = descriptors()

    def none_left(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("netecho.net.client.control_socket.open_socket", none_left)
    with pytest.raises(UnreachableError, match="too many open files"):
        ReflectedControl(StillReactor(), Address(socket.AF_INET, ("127.0.0.1", 862)))
