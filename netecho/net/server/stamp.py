"""The Session-Reflector's socket: T2 as the kernel stamped the request, T3 as near to the reply's leaving as can be.

What a datagram's control messages say (when it came, its TTL and traffic class, to which of our addresses) goes to
the `Reflector`, which decides; the reply leaves from that address, in the class that was asked for.

T3 is in the packet, so it is written before the packet leaves: on an idle machine some 10 to 20 µs before, most of
them in Python's `sendmsg` and the kernel's stack, and all of them would be counted as the network's. But when replies
have left, the kernel can tell, by the socket's error queue and mostly before `sendmsg` has returned. It is asked for
some of them, and for those whose sender wants to know (RFC 8972's Follow-Up Telemetry). T3 is then the clock's time
plus half of the shortest time that it lately took from there: nearly always early, but by little. A late one would
make the network look faster than it is, on loopback faster than nothing.
"""

from __future__ import annotations

import random
import socket
import struct
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from netecho.echo.events import Received
from netecho.echo.limits import RateLimit, client_of
from netecho.echo.loop_guard import ANSWER_TTL, MARKED, NEVER_ANSWERED, TO_MANY
from netecho.net.linux import sockopts
from netecho.net.linux.cmsg import Control, Headers, traffic_class
from netecho.net.linux.timestamping import PER_DRAIN, SPACE, TimestampIds, awake, parse_tx_timestamp
from netecho.net.linux.wall_clock import clock_state
from netecho.net.reactor.error_queue import ErrorQueueAware
from netecho.net.server.peers import endpoint_of, host_of
from netecho.net.server.socket_reader import SocketReader
from netecho.net.server.sockets import prepare_datagrams
from netecho.stamp.packet import PORT, form_of
from netecho.stamp.session_reflector import Arrival, Clock, Prepared, Reflector, Refusal, Rules
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from netecho.net.server.admission import Admission
    from netecho.net.server.settings import ReflectorSettings
    from netecho.net.server.sockets import BoundSocket


LARGEST = 65_535
LONGER_REPLIES = 64
"""Replies in a second to one client (one /64 network of IPv6) that may be longer than their requests. Somebody who
forges that client's address gains no more than 2 kB a second by it."""
_BATCH = 64
"""Datagrams answered in one go; then the reactor's other descriptors have their turn."""
_ROOM = 256
_AWAITED = 1024
"""Replies whose leaving is waited for; an interface that stamps none must not have us keep them all."""
_LEARNT = 31
"""Replies that the time to leaving is learnt from."""
_FEWEST = 8
"""Before so many have been seen nothing is added: the first replies, with cold caches, take several times as long."""
_ASKED = 8
"""The kernel is asked for one of so many replies."""

_LEAVING = (socket.SOL_SOCKET, sockopts.SO_TIMESTAMPING, struct.pack("@I", sockopts.TX_SOFTWARE))
_REFUSED_PORTS = NEVER_ANSWERED - {PORT}
"""Routers send from the well-known port too; a reflector's reply is known by what it carries."""
_WHY = {
    Refusal.SHORT: "too short for a STAMP packet",
    Refusal.FORGED: "its seal is wrong (--auth-key-file)",
    Refusal.REPLY: "it is itself the reply of a reflector",
    Refusal.GROWTH: "under 44 bytes, and this client has had its longer replies of this second (--whole-base)",
}


def new_reflector(reflector_settings: ReflectorSettings) -> Reflector:
    """Make what all the listeners of a server share."""
    key = None if reflector_settings.key is None else bytes.fromhex(reflector_settings.key)
    rules = Rules(stateful=reflector_settings.stateful, key=key, marked_ttls=MARKED)
    state = clock_state()
    return Reflector(rules, Clock(state.estimate, state.sync))


class Egress:
    """How long replies take at the least from reading the clock to leaving, nanoseconds."""

    __slots__ = ("_seen", "_unasked", "least")

    def __init__(self) -> None:
        self.least = 0
        self._seen: deque[int] = deque(maxlen=_LEARNT)
        self._unasked = 0

    @property
    def asks(self) -> bool:
        """Whether it is time to learn from a reply: from all of the first, then from some."""
        self._unasked += 1
        return self._unasked >= _ASKED or len(self._seen) < _LEARNT

    def learn(self, took: int) -> None:
        """Take in one reply's time."""
        self._unasked = 0
        # A queue at the interface is the network's, and a clock that was set meanwhile says nothing.
        self._seen.append(min(max(took, 0), MILLISECOND))
        if len(self._seen) >= _FEWEST:
            self.least = min(self._seen) // 2


class ReflectorListener(ErrorQueueAware, SocketReader):
    """Answers the test packets that come to one bound socket."""

    def __init__(self, reactor: Any, bound: BoundSocket, admission: Admission, reflector: Reflector) -> None:
        super().__init__(reactor, bound)
        self._admission = admission
        self._reflector = reflector
        self._totals = admission.totals_of("stamp")
        self._data = bytearray(LARGEST)
        self._view = memoryview(self._data)
        self._counter = TimestampIds(stream=False)
        self._awaited: dict[int, tuple[Prepared, int]] = {}
        self._egress = Egress()
        self._clock_due = 0
        reflector_settings = admission.settings.reflector_settings
        self._base = form_of(None).size
        self._growth = RateLimit(None if reflector_settings.whole_base else LONGER_REPLIES, random.getrandbits(64))
        if bound.port is not None:
            reflector.ports.add(bound.port)
        self._leaving = prepare(bound.socket)
        self.startReading()

    def doRead(self) -> None:
        """Answer what waits."""
        now = self._admission.clock()
        self._admission.rate.roll(now)
        self._growth.roll(now)
        if now >= self._clock_due:
            state = clock_state()
            self._reflector.clock.estimate, self._reflector.clock.sync = state.estimate, state.sync
            self._clock_due = now + SECOND
        self._collect()
        for _ in range(_BATCH):
            try:
                size, control, _, peer = self._socket.recvmsg_into([self._data], _ROOM)
            except BlockingIOError:
                # Nothing to read: what the reactor woke us for may lie in the error queue.
                self._collect(everything=self._counter.last >= 0)
                return
            except OSError:  # the network's news of an earlier reply (ICMP); it was taken by being told
                continue
            self._received(bytes(self._view[:size]), Headers(control), peer)

    def stop(self) -> None:
        """Answer what has already come, and no more; the socket is closed by whoever made it."""
        self.doRead()
        self.stopReading()

    def _received(self, data: bytes, headers: Headers, peer: Any) -> None:
        admission, totals = self._admission, self._totals
        totals.datagrams += 1
        totals.bytes_received += len(data)
        if admission.settings.log_received:
            admission.emit(Received(None, "stamp", endpoint_of(peer), len(data)))
        answer = self._answer(data, headers, peer)
        if isinstance(answer, str):
            totals.datagrams_refused += 1
            admission.log_refusal("stamp", host_of(peer), answer)
            return
        try:
            totals.bytes_sent += self._send(answer, headers.back, peer)
        except OSError:  # no room, or no way back: the network may lose it as well
            return
        totals.datagrams_answered += 1

    def _answer(self, data: bytes, headers: Headers, peer: Any) -> Prepared | str:
        """Return the reply, or why there is none."""
        host, port = peer[0], peer[1]
        if headers.to_many:
            return TO_MANY
        if port in _REFUSED_PORTS:
            return f"from port {port}, whose service answers too: they would never stop"
        if not self._admission.rate.take(client_of(host)):
            return self._admission.above_rate
        received = time.time_ns() if headers.rx_timestamp is None else headers.rx_timestamp
        source = (host, port, headers.local)
        now = self._admission.clock()
        may_grow = len(data) >= self._base or self._growth.take(client_of(host))
        answer = self._reflector.take(Arrival(data, source, port, received, now, headers.ttl, headers.tos, may_grow))
        tally, totals = self._reflector.tally, self._totals
        totals.forged, totals.replayed = tally.refused[Refusal.FORGED], tally.replays
        return _WHY[answer] if isinstance(answer, Refusal) else answer

    def _send(self, prepared: Prepared, control: Control, peer: Any) -> int:
        if prepared.dscp:
            control.append(traffic_class(self._socket.family, prepared.dscp))
        egress = self._egress
        asked = self._leaving and (egress.asks or prepared.wants_left)
        if asked:
            control.append(_LEAVING)
        now = time.time_ns()
        try:
            sent = self._socket.sendmsg([prepared.stamped(now + egress.least)], control, 0, peer)
        except OSError:
            if asked:
                self._count_anew()
            raise
        if asked:
            self._awaited[self._counter.sent(1)] = (prepared, now)
            if len(self._awaited) > _AWAITED:
                del self._awaited[next(iter(self._awaited))]
            self._collect()
        return sent

    def _count_anew(self) -> None:
        """Have the system number stamps from 0 again: some releases have counted a send that failed, others not."""
        self._awaited.clear()
        self._counter.restart()
        _stamp(self._socket, numbered=False)
        _stamp(self._socket)

    def _collect(self, *, everything: bool = False) -> None:
        """Give the replies that have left the stamps of their leaving."""
        if not self._awaited and not everything:
            return
        for _ in range(PER_DRAIN):
            try:
                _, control, _, _ = self._socket.recvmsg(0, SPACE, sockopts.MSG_ERRQUEUE)
            except OSError:  # EAGAIN: empty
                return
            left = parse_tx_timestamp(control)
            number = None if left is None else self._counter.whole(left[0])
            awaited = None if number is None else self._awaited.pop(number, None)
            if left is not None and awaited is not None:
                prepared, read_at = awaited
                prepared.left(left[1])
                self._egress.learn(left[1] - read_at)
            if not self._awaited and not everything:
                return


def prepare(sock: socket.socket) -> bool:
    """Ask the kernel for all that replies depend on; return whether it can tell when they leave."""
    prepare_datagrams(sock, ANSWER_TTL, traffic_class=True)
    if not awake():
        return False
    _stamp(sock)
    return True


def _stamp(sock: socket.socket, *, numbered: bool = True) -> None:
    # TX_SOFTWARE is asked for with each packet where it matters: its stamps cost a system call each.
    asked = sockopts.RX_SOFTWARE | sockopts.REPORT_SOFTWARE | sockopts.OPT_TSONLY | (sockopts.OPT_ID if numbered else 0)
    sock.setsockopt(socket.SOL_SOCKET, sockopts.SO_TIMESTAMPING, asked)
