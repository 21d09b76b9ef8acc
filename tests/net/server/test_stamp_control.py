"""What the reflector's socket sends to those who ask for other replies than one like their request."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

import pytest

from netecho.echo.limits import Limits
from netecho.net.linux.path_mtu import sending_whole
from netecho.net.server.settings import ReflectorSettings
from netecho.net.server.shared_limits import SharedLimits
from netecho.net.server.stamp import new_further_replies, new_reflector
from netecho.stamp.control import NO_COOKIE, Ask, Obedience
from netecho.stamp.control_sender import ControlledReply, ControlSender, least_request
from netecho.stamp.location import Endpoint
from netecho.stamp.reply_control import NOT_PROVED, TOO_LONG, ReplyPlan
from netecho.stamp.times import ErrorEstimate
from tests.net.server.serving import StillReactor
from tests.net.server.test_stamp import KEY, Mirror, host, mirror

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["host", "mirror"]  # fixtures

SECOND = 1_000_000_000
UNSURE = ErrorEstimate.of(SECOND, synchronised=False)


class Near:
    """A client of a mirror, which asks and reads."""

    def __init__(self, mirror: Mirror, key: bytes | None = None) -> None:
        self.mirror = mirror
        self.socket = mirror.client()
        self.sender = ControlSender(ssid=9, key=key)
        self.key = key

    def ask(self, ask: Ask, size: int = 200) -> ControlledReply:
        self.socket.send(self.sender.request(time.time_ns(), size, ask, UNSURE))
        self.mirror.listener.doRead()
        (reply,) = self.read()
        return reply

    def learn(self) -> Near:
        self.ask(Ask(0), least_request(self.key))
        assert self.sender.cookie != NO_COOKIE
        return self

    def read(self) -> list[ControlledReply]:
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                reply = self.sender.read(self.socket.recv(65_535), time.time_ns())
                assert isinstance(reply, ControlledReply), reply
                found.append(reply)
        return found


def test_a_long_reply_needs_a_cookie(mirror: Mirror) -> None:
    near = Near(mirror)
    refused = near.ask(Ask(1400))
    assert (refused.length, refused.obedience) == (200, Obedience.NOT_AS_ASKED)
    assert mirror.refused == [NOT_PROVED]
    granted = near.ask(Ask(1400))  # the refusal brought one
    assert (granted.length, granted.obedience, granted.number) == (1400, Obedience.AS_ASKED, 0)


def test_a_short_reply_needs_none(mirror: Mirror) -> None:
    reply = Near(mirror).ask(Ask(100), size=1400)
    assert (reply.length, reply.obedience) == (100, Obedience.AS_ASKED)
    assert mirror.refused == []


def test_what_is_refused_is_said_to_the_operator(mirror: Mirror) -> None:
    reply = Near(mirror).learn().ask(Ask(60_000))
    assert (reply.length, reply.obedience) == (200, Obedience.NOT_AS_ASKED)
    assert mirror.refused == [TOO_LONG]
    assert mirror.parts.admission.totals.datagrams_refused == 0


@pytest.mark.parametrize("key", [None, KEY])
def test_further_replies_leave_when_they_are_due(host: str, key: bytes | None) -> None:
    settings = ReflectorSettings(stateful=True, key=None if key is None else key.hex())
    with contextlib.closing(Mirror(host, reflector_settings=settings)) as mirror:
        near = Near(mirror, key).learn()
        first = near.ask(Ask(240, 3, 60 * SECOND))
        seen = [(first.number, first.length)]
        for _ in range(3):
            mirror.parts.reactor.advance(59)
            assert near.read() == []
            mirror.parts.reactor.advance(1)
            seen += [(reply.number, reply.length) for reply in near.read()]
        assert seen == [(0, 240), (1, 240), (2, 240)]
        assert mirror.further.pending == 0
        assert mirror.parts.admission.totals.bytes_sent == least_request(key) + 3 * 240


def test_none_leave_after_the_end(host: str) -> None:
    mirror = Mirror(host)
    near = Near(mirror).learn()
    near.ask(Ask(240, 2, 60 * SECOND))
    near.socket.setblocking(False)
    mirror.listener.stop()
    mirror.parts.reactor.advance(61)
    assert near.read() == []
    mirror.close()


def test_a_symmetrical_server_answers_as_if_it_knew_nothing_of_it(host: str) -> None:
    with contextlib.closing(Mirror(host, reflector_settings=ReflectorSettings(symmetrical=True))) as mirror:
        reply = Near(mirror).ask(Ask(100), size=1400)
        assert (reply.length, reply.obedience, reply.cookie) == (1400, Obedience.UNKNOWN, NO_COOKIE)


def test_ordinary_replies_are_sent_as_before(mirror: Mirror) -> None:
    v6 = mirror.family == socket.AF_INET6
    option = (socket.IPPROTO_IPV6, 23) if v6 else (socket.IPPROTO_IP, 10)
    before = mirror.socket.getsockopt(*option)
    with sending_whole(mirror.socket):
        assert mirror.socket.getsockopt(*option) != before
    Near(mirror).learn().ask(Ask(1400))
    assert mirror.socket.getsockopt(*option) == before


@pytest.fixture
def shared() -> Iterator[SharedLimits]:
    limits = SharedLimits(Limits(), 2, bytes(range(16)))
    yield limits
    limits.close()


def test_a_cookie_of_one_worker_is_known_at_another_and_the_budget_is_one(shared: SharedLimits) -> None:
    source, other = Endpoint(bytes([192, 0, 2, 1]), 4000), SharedLimits(Limits(), 2, shared.salt, shared.descriptor)
    made = []
    for limits in (shared, other):
        further = new_further_replies(StillReactor(), lambda: 0, limits)
        made.append((new_reflector(ReflectorSettings(), further, limits.cookie_key).control, further))
    (one, first), (two, second) = made
    assert one is not None
    assert two is not None
    assert two.proves(source, one.cookie(source, 0), 0)
    assert first.take("a", ReplyPlan(8192, 200, SECOND), 0) is None
    assert second.take("a", ReplyPlan(8192, 200, SECOND), 0) is not None
