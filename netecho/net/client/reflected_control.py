"""Asks a reflector for replies of another length, number and interval than its request (STAMP's TLV 12, RFC 10052).

So size and idleness are tried in one direction alone. A short reply to a long request tries the way there; a long reply
to a short request the way back; a second reply after a silence, whether what is on the way still knows the flow; a
train of replies, at which rate the way back loses or delays. What to ask for, and what it means, is the caller's:

    control = ReflectedControl(reactor, address)            # one socket; hundreds at once are fine
    try:
        there = await control.ask(1472, 0, timeout=SECOND)                            # way there, 1472 octets
        back = await control.ask(control.least, 1472, timeout=SECOND)                 # way back
        idle = await control.ask(control.least, 0, 2, 120 * SECOND, timeout=SECOND)   # silence of 120 s
        train = await control.ask(control.least, 1200, 500, 1_000_000, timeout=SECOND)
        idle.arrived(1)     # whether the second reply came
        train.lost          # the numbers of those that did not
    finally:
        control.close()

`address` is one of `resolve`'s. Times are nanoseconds, sizes octets of UDP payload. What is asked for may be too much
for the far end: `Asked.obedience` says so, and nothing was tried then. More than one reply, or one that is longer than
the request, is for a proved address alone: `ask` learns the cookie that proves it by itself, and again when it is old.
A reflector other than netecho's has no cookies; it decides by itself.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from netecho.net.client.control_socket import ControlSocket, Datagram, NetworkError
from netecho.net.client.job import IpOptions
from netecho.net.linux.wall_clock import clock_state
from netecho.stamp.control import NO_COOKIE, Ask, Obedience
from netecho.stamp.control_sender import ControlledReply, ControlSender, fits, least_request, reply_length
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.net.client.resolve import Address
    from netecho.net.reactor.interfaces import DelayedCall, ReactorIO

FRESH = 45 * SECOND
"""A cookie is used for so long; netecho's own hold for 60 s at least."""
TRIES = 3
"""Requests for a cookie, each of which may be lost."""
MOST_ERRORS = 64
"""Errors of the network kept for one request."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One reply."""

    number: int
    """Its place among the replies to the request, from 0."""
    after: int
    """From the request's leaving to the reply's arrival, by the kernel's timestamp where that can be believed."""
    length: int
    t3: int
    """When it left, by the reflector's clock; since 1970. Differences of two are good in any case."""
    ttl: int | None
    """Of the reply as it arrived here."""
    tos: int | None
    """Of the reply as it arrived here: 6 bits DSCP, 2 bits ECN."""
    request_ttl: int
    """Of the request as it arrived there; 0: not told."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one request."""

    length: int
    """Of each reply, as it must be if it is as asked for: not too short for its TLVs."""
    number: int
    """Of replies that were asked for."""
    obedience: Obedience | None
    """What the far end says to that; None: nothing came back."""
    replies: tuple[Arrived, ...]
    """In the order of arrival, none twice."""
    duplicates: int
    """Replies that came again."""
    errors: tuple[NetworkError, ...]
    """EMSGSIZE with the MTU where the request itself was too long for this host, ICMP messages."""

    @property
    def as_asked(self) -> bool:
        """Whether the far end undertook to send what was asked for."""
        return self.obedience is Obedience.AS_ASKED

    @property
    def lost(self) -> tuple[int, ...]:
        """The numbers of the replies that did not come, of those the far end undertook to send."""
        if not self.as_asked:
            return ()
        came = {reply.number for reply in self.replies}
        return tuple(number for number in range(self.number) if number not in came)

    def arrived(self, number: int) -> bool:
        """Tell whether the reply of this number came."""
        return any(reply.number == number for reply in self.replies)


class ReflectedControl:
    """One socket to one reflector, and its session. Raises `UnreachableError` where there can be none."""

    def __init__(
        self,
        reactor: ReactorIO,
        address: Address,
        ip_options: IpOptions | None = None,
        key: bytes | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Open the socket; `key` is that of authenticated mode."""
        self._reactor = reactor
        self._clock = clock
        self._key = key
        self._sender = ControlSender(ssid=random.randrange(1, 1 << 16), key=key)
        self._waiting: dict[int, _Wait] = {}
        self._learnt_at: int | None = None
        self._estimate = clock_state().estimate
        self.strays = 0
        """Datagrams that are no reply to what was asked here."""
        self._socket = ControlSocket(reactor, address, ip_options or IpOptions(), self._received, self._failed, clock)

    @property
    def least(self) -> int:
        """The smallest size of a request, and of a reply to one."""
        return least_request(self._key)

    @property
    def has_cookie(self) -> bool:
        """Whether the far end has said how this address is proved, and of late."""
        return self._learnt_at is not None and self._clock() - self._learnt_at < FRESH

    async def learn(self, timeout: int) -> Asked:
        """Ask for a cookie, up to three times; return what came of the last request. `has_cookie` says whether it did.

        `timeout`: how long each reply is waited for.
        """
        for _ in range(TRIES - 1):
            asked = await self._ask(self.least, Ask(0), timeout)
            if asked.obedience is not None or any(error.final for error in asked.errors):
                return asked
        return await self._ask(self.least, Ask(0), timeout)

    async def ask(
        self, request_size: int, reply_size: int, count: int = 1, interval: int = 0, *, timeout: int
    ) -> Asked:
        """Send one request of `request_size`, for `count` replies of `reply_size`, `interval` apart from each other.

        Returns when all have come; or `timeout` after the last of them was due and the latest came; or as soon as it
        is clear that there are none to wait for: the far end does not send what was asked for, nothing came within
        `timeout` of the request, or the network refused it. Raises ValueError for a size that no request can have
        (`control_sender.fits`).
        """
        if not fits(request_size, self._key):
            raise ValueError(f"a request has {self.least} octets, or {self.least + 4} and more")
        beyond = count > 1 or reply_length(reply_size, self._key) > request_size
        if beyond and self._key is None and not self.has_cookie:
            learnt = await self.learn(timeout)
            if learnt.obedience is None:
                return _nothing(reply_length(reply_size, self._key), count, learnt.errors)
        return await self._ask(request_size, Ask(reply_size, count, interval), timeout)

    def close(self) -> None:
        """Close the socket; what is waited for ends with what has come, and what is asked from now on is not sent."""
        self._socket.close()
        for wait in list(self._waiting.values()):
            self._end(wait)

    async def _ask(self, size: int, ask: Ask, timeout: int) -> Asked:
        if self._socket.fileno() < 0:
            return _nothing(reply_length(ask.length, self._key), ask.number, ())
        sequence = self._sender.sent & 0xFFFF_FFFF
        wait = self._waiting[sequence] = _Wait(sequence, ask, reply_length(ask.length, self._key))
        wall = time.time_ns()
        wait.sent_at, wait.sent_wall = self._clock(), wall
        error = self._socket.send(self._sender.request(wall, size, ask, self._estimate))
        if error is not None:
            wait.errors.append(error)
            self._end(wait)
        else:
            wait.call = self._reactor.callLater(timeout / SECOND, self._overdue, wait, timeout)
        return await wait.done

    def _overdue(self, wait: _Wait, timeout: int) -> None:
        """Give up, unless the far end has undertaken to send replies that are not due yet."""
        wait.call = None
        due = wait.sent_at + (wait.ask.number - 1) * wait.ask.interval
        left = max(due, wait.latest_at) + timeout - self._clock()
        if wait.obedience is Obedience.AS_ASKED and left > 0:
            wait.call = self._reactor.callLater(left / SECOND, self._overdue, wait, timeout)
        else:
            self._end(wait)

    def _end(self, wait: _Wait) -> None:
        self._waiting.pop(wait.sequence, None)
        if wait.call is not None:
            wait.call.cancel()
            wait.call = None
        if not wait.done.called:
            wait.done.callback(wait.asked())

    def _received(self, datagram: Datagram) -> None:
        reply = self._sender.read(datagram.data, datagram.rx_timestamp or time.time_ns())
        wait = None if isinstance(reply, str) else self._waiting.get(reply.sequence)
        if isinstance(reply, str) or wait is None:
            self.strays += 1
            return
        if reply.cookie != NO_COOKIE:
            self._learnt_at = datagram.now
        if wait.add(reply, datagram):
            self._end(wait)

    def _failed(self, error: NetworkError) -> None:
        for wait in list(self._waiting.values()):
            if len(wait.errors) < MOST_ERRORS:
                wait.errors.append(error)
            if error.final:
                self._end(wait)


def _nothing(length: int, number: int, errors: tuple[NetworkError, ...]) -> Asked:
    return Asked(length, number, None, (), 0, errors)


@dataclass(slots=True, eq=False)
class _Wait:
    """A request whose replies are waited for."""

    sequence: int
    ask: Ask
    length: int
    sent_at: int = 0
    sent_wall: int = 0
    latest_at: int = 0
    """When the latest reply came that had not come before."""
    obedience: Obedience | None = None
    replies: dict[int, Arrived] = field(default_factory=dict)
    """By what tells them apart: their number, or T3 where the reflector does not number them."""
    duplicates: int = 0
    errors: list[NetworkError] = field(default_factory=list)
    call: DelayedCall | None = None
    done: Deferred[Asked] = field(default_factory=Deferred)

    def add(self, reply: ControlledReply, datagram: Datagram) -> bool:
        """Take in a reply; return whether there are none to wait for any more."""
        known = reply.t3 if reply.number is None else reply.number
        number = len(self.replies) if reply.number is None else reply.number
        if known in self.replies or number >= max(self.ask.number, 1):
            self.duplicates += 1
            return False
        self.latest_at = datagram.now
        self.replies[known] = Arrived(
            number, self._after(datagram), reply.length, reply.t3, datagram.ttl, datagram.tos, reply.request_ttl
        )
        if self.obedience in (None, Obedience.AS_ASKED):
            self.obedience = reply.obedience
        return self.obedience is not Obedience.AS_ASKED or len(self.replies) >= self.ask.number

    def _after(self, datagram: Datagram) -> int:
        after = datagram.now - self.sent_at
        if datagram.rx_timestamp is None:
            return after
        stamped = datagram.rx_timestamp - self.sent_wall
        return stamped if 0 < stamped <= after else after  # else the clock was set meanwhile

    def asked(self) -> Asked:
        replies = tuple(self.replies.values())
        return Asked(self.length, self.ask.number, self.obedience, replies, self.duplicates, tuple(self.errors))
