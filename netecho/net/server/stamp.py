"""The Session-Reflector's socket: T2 is the kernel's rx timestamp, T3 as close to the reply's departure as possible.

A datagram's control messages (rx timestamp, TTL, traffic class, local address) go to the `Reflector`, which decides
what is answered; the reply leaves from that address, with the DSCP that was requested.

T3 is in the packet, so it is written before the packet leaves: on an idle machine 10 to 20 µs before, most of them in
Python's `sendmsg` and the kernel's stack, and all of them would be counted as the network's. The kernel's tx timestamp
is on the socket's error queue, mostly before `sendmsg` has returned. It is read for some replies, and for those whose
sender asks for it (RFC 8972 section 4.7, Follow-Up Telemetry). T3 is then the clock's time plus half of the shortest
recent time from there to the tx timestamp: nearly always early, but by little. A late T3 would make the network look
faster than it is, on loopback faster than light.
"""

from __future__ import annotations

import errno
import os
import random
import socket
import struct
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from netecho.echo.events import Received
from netecho.echo.limits import RateLimit, client_of
from netecho.echo.loop_guard import ANSWER_TTL, LOOP, MARKED, NEVER_ANSWERED, TO_MANY
from netecho.echo.reply_budget import ReplyBudget
from netecho.net.linux import sockopts
from netecho.net.linux.cmsg import Control, Headers, read_headers, traffic_class
from netecho.net.linux.icmp_errors import hop_limit
from netecho.net.linux.path_mtu import room_of_device, sending_whole
from netecho.net.linux.timestamp_cmsg import parse_tx_timestamp
from netecho.net.linux.timestamping import PER_DRAIN, SPACE, TimestampIds, awake
from netecho.net.linux.wall_clock import clock_state
from netecho.net.reactor.error_queue import ErrorQueueAware
from netecho.net.server.egress import Egress
from netecho.net.server.further_replies import FurtherReplies
from netecho.net.server.peers import endpoint_of, host_of, packed, unmapped
from netecho.net.server.return_errors import LARGEST as LARGEST_QUOTE, ReturnErrors
from netecho.net.server.socket_reader import SocketReader
from netecho.net.server.sockets import prepare_datagrams
from netecho.stamp.control import ALIGNMENT
from netecho.stamp.location import Endpoint, Location
from netecho.stamp.packet import PORT, format_of
from netecho.stamp.reply_control import ReplyControl
from netecho.stamp.session_reflector import Arrival, Clock, Reflector, Refusal, Rules
from netecho.target import UNPRIVILEGED_STAMP_PORT
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.net.reactor.interfaces import ReactorDescriptors, ReactorTime
    from netecho.net.server.admission import Admission
    from netecho.net.server.settings import ReflectorSettings
    from netecho.net.server.shared_limits import SharedLimits
    from netecho.net.server.sockets import BoundSocket
    from netecho.stamp.prepared_reply import PreparedReply
    from netecho.stamp.reply_control import ReplyPlan

    Back = tuple[tuple[int, int, bytes], ...]
    """Control messages with which a reply leaves from where its request was sent to."""
    Sockaddr = tuple[str, int] | tuple[str, int, int, int]
    """Of IPv4, of IPv6: host, port, flow information, scope."""

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
_AWAITED = 1024
"""Replies whose tx timestamp is waited for: some interfaces give none."""

_TRIES = 3
"""How often a reply is sent because of an error that is of one before."""
_LEAVING = (socket.SOL_SOCKET, sockopts.SO_TIMESTAMPING, struct.pack("@I", sockopts.TX_SOFTWARE))
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
        self._counter = TimestampIds(stream=False)
        self._awaited: dict[int, tuple[PreparedReply, int]] = {}
        self._egress = Egress()
        self._clock_due = 0
        reflector_settings = admission.settings.reflector_settings
        self._base = format_of(None).size
        self._growth = RateLimit(None if reflector_settings.whole_base else LONGER_REPLIES, random.getrandbits(64))
        if bound.port is not None:
            reflector.ports.add(bound.port)
        self._port = bound.port or 0
        self._leaving = prepare(bound.socket)
        self._return_errors = ReturnErrors(bound.socket, reflector)
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
            self._return_errors.roll(now)
        self._collect()
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
                self._collect(everything=self._counter.last >= 0 or self._return_errors.heard)
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

    def _received(self, data: bytes, control: Control, peer: Sockaddr, now: int) -> None:
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
            send = self._send if answer.decision is None else self._send_decided
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

    def _send_later(self, prepared: PreparedReply, plan: ReplyPlan, back: Back, peer: Sockaddr) -> None:
        """Have the further replies sent, each with its own T3."""

        def send(number: int) -> bool:
            prepared.next(number)
            try:
                self._totals.bytes_sent += self._send_decided(prepared, back, peer)
            except OSError:  # as any datagram may be lost; the next may find room, or a route
                return True
            return prepared.plan is not None and prepared.plan.number > 1

        if self._further is not None:
            self._further.schedule(client_of(peer[0]), plan, send)

    def _answer(
        self, data: bytes, rx_timestamp: int | None, headers: Headers, peer: Sockaddr, now: int
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

    def _loop_guard_permits(self, peer: Sockaddr, data: bytes) -> bool:
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

    def _send_decided(self, prepared: PreparedReply, back: Back, peer: Sockaddr) -> int:
        """Send a reply to one who asked for another than one like the request.

        Where its length was asked for it leaves whole, past the path MTU that the kernel remembers. One that is longer
        than what the device can send becomes as long as that, and the only one (RFC 10052 section 3).
        """
        if prepared.plan is None:
            return self._send(prepared, back, peer)
        sock = self._socket
        with sending_whole(sock):
            try:
                return self._send(prepared, back, peer)
            except OSError as error:
                if error.errno != errno.EMSGSIZE:
                    raise
                room = room_of_device(sock, lambda: self._send(prepared, back, peer))
                if room is None or not prepared.reduce(room // ALIGNMENT * ALIGNMENT):
                    raise
                return self._send(prepared, back, peer)

    def _send(self, prepared: PreparedReply, back: Back, peer: Sockaddr) -> int:
        """Send; return how many bytes."""
        control = back
        if prepared.dscp:
            control = (*control, traffic_class(self._socket.family, prepared.dscp))
        if prepared.ttl:
            family = socket.AF_INET if "." in peer[0] else self._socket.family
            control = (*control, hop_limit(family, prepared.ttl))
            self._return_errors.begin()
        egress = self._egress
        asked = self._leaving and (egress.asks or prepared.wants_tx_timestamp)
        if asked:
            control = (*control, _LEAVING)
        tries_left = _TRIES
        while True:
            now = time.time_ns()
            leaves = now + egress.least
            try:
                data = prepared.timestamped(leaves)
                sent = self._socket.sendmsg([data], control, 0, peer)
                break
            except OSError as error:
                if asked:
                    self._count_anew()  # one that fails takes its number with it
                tries_left -= 1
                if not tries_left or not self._return_errors.is_of_an_earlier(error):
                    raise
        if prepared.stepped is not None:
            head = bytes(data[: self._reflector.head_length])
            self._reflector.return_traces.sent(prepared.stepped, head, leaves)
        if asked:
            self._await(prepared, now)
        return sent

    def _await(self, prepared: PreparedReply, now: int) -> None:
        """Expect the tx timestamp of what was just sent; mostly it is there already."""
        self._awaited[self._counter.sent(1)] = (prepared, now)
        if len(self._awaited) > _AWAITED:
            del self._awaited[next(iter(self._awaited))]
        self._collect()

    def _count_anew(self) -> None:
        """Restart the kernel's numbering of tx timestamps: some releases count a send that failed, others do not."""
        self._awaited.clear()
        self._counter.restart()
        _stamp(self._socket, numbered=False)
        _stamp(self._socket)

    def _collect(self, *, everything: bool = False) -> None:
        """Read tx timestamps, and record each with its reply."""
        if not self._awaited and not everything:
            return
        errors = self._return_errors
        room = LARGEST_QUOTE if errors.heard else 0
        for _ in range(PER_DRAIN):
            try:
                data, control, _, peer = self._socket.recvmsg(room, SPACE, sockopts.MSG_ERRQUEUE)
            except OSError:  # EAGAIN: empty
                return
            left = parse_tx_timestamp(control)
            if left is None and errors.heard:
                errors.take(data, control, peer)
            number = None if left is None else self._counter.whole(left[0])
            awaited = None if number is None else self._awaited.pop(number, None)
            if left is not None and awaited is not None:
                prepared, read_at = awaited
                prepared.transmitted(left[1])
                self._egress.record(left[1] - read_at)
            if not self._awaited and not everything:
                return


@lru_cache(maxsize=256)
def _location(host: str, port: int, local: bytes, own_port: int) -> Location:
    return Location(Endpoint(packed(host), port), Endpoint(unmapped(local), own_port))


def prepare(sock: socket.socket) -> bool:
    """Ask the kernel for all that replies depend on; return whether it has their tx timestamps."""
    prepare_datagrams(sock, ANSWER_TTL, traffic_class=True)
    if not awake():
        return False
    _stamp(sock)
    return True


def _stamp(sock: socket.socket, *, numbered: bool = True) -> None:
    # TX_SOFTWARE is requested by packet, where it matters: each tx timestamp costs a system call.
    asked = sockopts.RX_SOFTWARE | sockopts.REPORT_SOFTWARE | sockopts.OPT_TSONLY | (sockopts.OPT_ID if numbered else 0)
    sock.setsockopt(socket.SOL_SOCKET, sockopts.SO_TIMESTAMPING, asked)
