"""The Session-Reflector's socket: T2 is the kernel's rx timestamp; `reply_sender` has T3.

A datagram's control messages (rx timestamp, TTL, traffic class, local address) go to the `Reflector`, which decides
what is answered; the reply leaves from that address, with the DSCP that was requested.
"""

from __future__ import annotations

import os
import random
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from netecho.echo.events import Received
from netecho.echo.limits import RateLimit, client_of
from netecho.echo.loop_guard import LOOP, MARKED, NEVER_ANSWERED, TO_MANY
from netecho.echo.reply_budget import ReplyBudget
from netecho.net.linux.cmsg import Control, Headers, read_headers
from netecho.net.linux.wall_clock import clock_state
from netecho.net.reactor.error_queue import ErrorQueueAware
from netecho.net.server.further_replies import FurtherReplies
from netecho.net.server.peers import endpoint_of, host_of, packed, unmapped
from netecho.net.server.reply_sender import ReplySender
from netecho.net.server.socket_reader import SocketReader
from netecho.stamp.location import Endpoint, Location
from netecho.stamp.packet import PORT, format_of
from netecho.stamp.reply_control import ReplyControl
from netecho.stamp.session_reflector import Arrival, Clock, Reflector, Refusal, Rules
from netecho.target import UNPRIVILEGED_STAMP_PORT
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.net.linux.cmsg import ControlMessage
    from netecho.net.reactor.interfaces import ReactorDescriptors, ReactorTime
    from netecho.net.server.admission import Admission
    from netecho.net.server.settings import ReflectorSettings
    from netecho.net.server.shared_limits import SharedLimits
    from netecho.net.server.sockets import BoundSocket
    from netecho.net.sockaddr import SockAddr
    from netecho.stamp.prepared_reply import PreparedReply
    from netecho.stamp.reply_control import ReplyPlan

LARGEST = 65_535
LONGER_REPLIES = 64
"""Replies in a second to one client (one /64 network of IPv6) that may be longer than their requests. Somebody who
forges that client's address gains no more than 2 kB a second by it."""
_BATCH = 64
_SLICE = 2 * MILLISECOND
"""How many datagrams are answered in one go, and for how long; then the reactor's other descriptors have their turn."""
_ROOM = 256
_HEAD = 12
"""Octets of the sequence number and the time, with which a request begins (RFC 8762 section 4.2.1)."""

_REFUSED_PORTS = NEVER_ANSWERED - {PORT, UNPRIVILEGED_STAMP_PORT}
"""Routers send requests from port 862 too; a reflector's reply is recognised by its content."""
_WHY = {
    Refusal.SHORT: "too short for a STAMP packet",
    Refusal.FORGED: "its HMAC is wrong (--auth-key-file)",
    Refusal.REPLY: "it is itself the reply of a reflector",
    Refusal.UNWANTED: "it asked for no reply",
    Refusal.GROWTH: "under 44 bytes, and this client has had its longer replies of this second (--whole-base)",
}


def new_reflector(
    reflector_settings: ReflectorSettings, further: FurtherReplies | None = None, cookie_key: bytes | None = None
) -> Reflector:
    """Make what all the listeners of a server share; `cookie_key` is the same in all its workers."""
    key = None if reflector_settings.key is None else bytes.fromhex(reflector_settings.key)
    rules = Rules(stateful=reflector_settings.stateful, key=key, marked_ttls=MARKED)
    state = clock_state()
    control = None
    if further is not None and not reflector_settings.symmetrical:
        control = ReplyControl(cookie_key or os.urandom(32), further)
    return Reflector(rules, Clock(state.estimate, state.sync), control=control)


def new_further_replies(reactor: ReactorTime, clock: Callable[[], int], shared: SharedLimits | None) -> FurtherReplies:
    """Make what all the listeners of a process share; `shared`: what all its workers share."""
    budget = ReplyBudget(random.getrandbits(64)) if shared is None else shared.reply_budget()
    return FurtherReplies(reactor, budget, clock)


class ReflectorListener(ErrorQueueAware, SocketReader):
    """Answers the test packets received on one bound socket."""

    def __init__(
        self,
        reactor: ReactorDescriptors,
        bound: BoundSocket,
        admission: Admission,
        reflector: Reflector,
        further: FurtherReplies | None = None,
    ) -> None:
        super().__init__(reactor, bound)
        self._admission = admission
        self._reflector = reflector
        self._further = further
        self._totals = admission.totals_of("stamp")
        self._loop_guard = admission.loop_guard
        self._data = bytearray(LARGEST)
        self._view = memoryview(self._data)
        self._clock_due = 0
        reflector_settings = admission.settings.reflector_settings
        self._base = format_of(None).size
        self._growth = RateLimit(None if reflector_settings.whole_base else LONGER_REPLIES, random.getrandbits(64))
        if bound.port is not None:
            reflector.ports.add(bound.port)
        self._port = bound.port or 0
        self._sender = ReplySender(bound.socket, reflector)
        self.startReading()

    def doRead(self) -> None:
        """Answer the requests that wait."""
        clock = self._admission.clock
        now = clock()
        self._admission.roll(now)
        self._growth.roll(now)
        if now >= self._clock_due:
            state = clock_state()
            self._reflector.clock = Clock(state.estimate, state.sync)
            self._clock_due = now + SECOND
            self._sender.return_errors.roll(now)
        self._sender.collect()
        self._answer_those_waiting(now, clock)
        tally, totals = self._reflector.tally, self._totals
        totals.forged, totals.replayed = tally.refused[Refusal.FORGED], tally.replays

    def _answer_those_waiting(self, now: int, clock: Callable[[], int]) -> None:
        until = now + _SLICE
        receive, buffers, view = self._socket.recvmsg_into, [self._data], self._view
        for _ in range(_BATCH):
            try:
                size, control, _, peer = receive(buffers, _ROOM)
            except BlockingIOError:
                # Nothing to read: the event may be of the error queue.
                self._sender.collect_all()
                return
            except OSError:  # an ICMP error for an earlier reply; reading it has cleared it
                continue
            self._received(bytes(view[:size]), control, peer, now)
            now = clock()
            if now >= until:
                return

    def stop(self) -> None:
        """Answer what has been received, and no more; the server closes the socket."""
        self.doRead()
        if self._further is not None:
            self._further.stop()
        self.stopReading()

    def _received(self, data: bytes, control: Control, peer: SockAddr, now: int) -> None:
        admission, totals = self._admission, self._totals
        totals.datagrams += 1
        totals.bytes_received += len(data)
        if admission.settings.log_received:
            admission.emit(Received(None, "stamp", endpoint_of(peer), len(data)))
        rx_timestamp, headers = read_headers(control)
        answer = self._answer(data, rx_timestamp, headers, peer, now)
        if isinstance(answer, str):
            totals.datagrams_refused += 1
            admission.log_refusal("stamp", host_of(peer), answer)
            return
        try:
            send = self._sender.send if answer.decision is None else self._sender.send_decided
            totals.bytes_sent += send(answer, headers.back, peer)
        except OSError:  # no room, or no route back: UDP may lose a datagram
            return
        totals.datagrams_answered += 1
        decision = answer.decision
        if decision is not None:
            if decision.why is not None:
                admission.log_refusal("stamp", host_of(peer), decision.why)
            if decision.plan is not None and decision.plan.number > 1:
                self._send_later(answer, decision.plan, headers.back, peer)

    def _send_later(
        self, prepared: PreparedReply, plan: ReplyPlan, back: tuple[ControlMessage, ...], peer: SockAddr
    ) -> None:
        """Have the further replies sent, each with its own T3."""

        def send(number: int) -> bool:
            prepared.next(number)
            try:
                self._totals.bytes_sent += self._sender.send_decided(prepared, back, peer)
            except OSError:  # as any datagram may be lost; the next may find room, or a route
                return True
            return prepared.plan is not None and prepared.plan.number > 1

        if self._further is not None:
            self._further.schedule(client_of(peer[0]), plan, send)

    def _answer(
        self, data: bytes, rx_timestamp: int | None, headers: Headers, peer: SockAddr, now: int
    ) -> PreparedReply | str:
        """Return the reply, or why there is none."""
        host, port = peer[0], peer[1]
        if headers.to_many:
            return TO_MANY
        if port in _REFUSED_PORTS:
            return f"from port {port}, whose service answers too: they would never stop"
        client = client_of(host)
        if not self._admission.rate.take(client):
            return self._admission.above_rate
        if not self._loop_guard_permits(peer, data):
            return LOOP
        received = time.time_ns() if rx_timestamp is None else rx_timestamp
        local = headers.local
        may_grow = len(data) >= self._base or self._growth.take(client)
        location = _location(host, port, local, self._port)
        answer = self._reflector.take(
            Arrival(
                data, (host, port, local), port, received, now, headers.ttl, headers.tos, may_grow, location, client
            )
        )
        return _WHY[answer] if isinstance(answer, Refusal) else answer

    def _loop_guard_permits(self, peer: SockAddr, data: bytes) -> bool:
        """Return whether this may be a sender's packet, or else is one of few from there in a second.

        What the reflector's rules do not see is something that answers our replies with its own words. Its packets
        have other than zeroes where a request has nothing else, and unlike the padding of a TWAMP-Light sender they
        do not come behind a new number and a new time in each.
        """
        guard = self._loop_guard
        if guard is None or not self._reflector.is_odd(data) or not guard.is_busy(peer):
            return True
        head = data[:_HEAD]
        if not guard.permits(peer, head):
            return False
        guard.answered(peer, head)
        return True


@lru_cache(maxsize=256)
def _location(host: str, port: int, local: bytes, own_port: int) -> Location:
    return Location(Endpoint(packed(host), port), Endpoint(unmapped(local), own_port))
