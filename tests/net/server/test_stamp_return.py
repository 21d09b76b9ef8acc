"""The reflector's socket while the way back is traced: TTLs of replies, and what the kernel's error queue tells."""

from __future__ import annotations

import contextlib
import ipaddress
import select
import socket
import time
from typing import TYPE_CHECKING

from netecho.net.linux import sockopts
from netecho.net.linux.cmsg import read_headers, request_headers
from netecho.net.server.settings import ReflectorSettings
from netecho.stamp.control import NO_COOKIE, Ask
from netecho.stamp.return_sender import FIRST, Returned, ReturnSender
from netecho.stamp.return_traces import IDLE
from netecho.units import SECOND
from tests.net.server.test_stamp import UNSURE, Mirror, host, mirror, request
from tests.net.server.test_stamp_control import Near as Later

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["host", "mirror"]  # fixtures

UNREACHABLE = {4: (3, 3), 6: (1, 4)}
"""Port unreachable (RFC 792, RFC 4443)."""


class Near:
    """One who traces the way back from a mirror."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.sender = ReturnSender(UNSURE.encode(), None, ssid=9)
        self.sent = 0
        self.socket = self._open(0)
        self.port: int = self.socket.getsockname()[1]

    def _open(self, port: int) -> socket.socket:
        made = self.mirror.client(port=port)
        request_headers(made)
        return made

    def _send(self, ttl: int) -> None:
        self.socket.send(self.sender.request(self.sent, time.time_ns(), ttl))
        self.sent += 1

    def ask(self, ttl: int = 0) -> tuple[Returned, int]:
        """Return the reply, and the TTL that it came with."""
        self._send(ttl)
        self.mirror.listener.doRead()
        data, control, _, _ = self.socket.recvmsg(2048, 512)
        returned = self.sender.read(data, time.time_ns())
        assert returned is not None
        return returned, read_headers(control)[1].ttl

    def learn(self) -> Near:
        self.ask()
        assert self.sender.cookie != NO_COOKIE
        return self

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Nothing listens on our port meanwhile: this host says so of each reply."""
        self.mirror.clients.remove(self.socket)
        self.socket.close()
        yield
        self.socket = self._open(self.port)

    def leave_with(self, ttl: int) -> None:
        """Ask, and be gone before there is a reply."""
        self._send(ttl)
        with self.away():
            self.mirror.listener.doRead()


def errors_are_queued(mirror: Mirror) -> bool:
    six = mirror.family == socket.AF_INET6
    level, option = (socket.IPPROTO_IPV6, sockopts.IPV6_RECVERR) if six else (socket.IPPROTO_IP, sockopts.IP_RECVERR)
    return bool(mirror.socket.getsockopt(level, option))


def test_a_reply_leaves_with_the_ttl_that_was_asked_for_and_the_next_with_the_usual(mirror: Mirror) -> None:
    near = Near(mirror)
    refused, usual = near.ask(7)
    assert (refused.known, refused.refused) == (True, True)
    assert usual != 7
    assert not errors_are_queued(mirror)
    granted, ttl = near.ask(7)
    assert (granted.refused, granted.ttl, ttl) == (False, 7, 7)
    assert near.ask(0)[1] == usual
    assert near.ask(64)[1] == 64


def test_what_the_kernel_says_of_a_reply_is_reported(mirror: Mirror) -> None:
    near = Near(mirror).learn()
    near.leave_with(5)
    returned, _ = near.ask()
    (report,) = returned.reports
    assert report.sequence == FIRST + 1
    assert (report.type, report.code) == UNREACHABLE[ipaddress.ip_address(mirror.host).version]
    assert report.host == mirror.host
    assert report.rtt > 0


def test_an_error_of_one_reply_is_in_the_way_of_no_other(mirror: Mirror) -> None:
    near = Near(mirror).learn()
    near.ask(5)
    other = mirror.client()
    for _ in range(20):
        near.leave_with(5)
        assert mirror.ask(other, request()) is not None
    assert mirror.parts.admission.totals_of("stamp").datagrams_answered == 2 + 20 + 20


def test_an_error_that_comes_just_before_a_later_reply_is_not_in_its_way(mirror: Mirror) -> None:
    later = Later(mirror).learn()
    assert later.ask(Ask(240, 2, SECOND)).number == 0
    Near(mirror).learn().ask(5)
    nobody = mirror.client()
    mirror.clients.remove(nobody)
    gone = nobody.getsockname()
    nobody.close()
    mirror.socket.sendto(b"", gone)
    mirror.parts.reactor.advance(1)
    assert [reply.number for reply in later.read()] == [1]


def test_errors_of_other_replies_are_read_and_are_no_reports(mirror: Mirror) -> None:
    near = Near(mirror).learn()
    near.ask(5)
    stranger = mirror.client()
    stranger.send(request())
    mirror.clients.remove(stranger)
    stranger.close()
    mirror.listener.doRead()
    assert near.ask()[0].reports == ()
    poll = select.poll()
    poll.register(mirror.socket, select.POLLIN)
    assert poll.poll(0) == []


def test_errors_are_queued_while_somebody_traces_and_no_longer(mirror: Mirror) -> None:
    near = Near(mirror).learn()
    near.ask(5)
    assert errors_are_queued(mirror)
    near.leave_with(5)
    mirror.parts.reactor.advance(IDLE / 1e9 + 1)
    assert mirror.ask(mirror.client(), request()) is not None
    assert not errors_are_queued(mirror)


def test_a_symmetrical_server_obeys_nobody(host: str) -> None:
    with contextlib.closing(Mirror(host, reflector_settings=ReflectorSettings(symmetrical=True))) as mirror:
        near = Near(mirror)
        for _ in range(2):
            returned, ttl = near.ask(7)
            assert not returned.known
            assert ttl != 7
        assert not errors_are_queued(mirror)
