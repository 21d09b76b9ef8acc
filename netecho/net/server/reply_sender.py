"""The replies of a Session-Reflector: T3 as close to a reply's departure as possible.

T3 is in the packet, so it is written before the packet leaves: on an idle machine 10 to 20 µs before, most of them in
Python's `sendmsg` and the kernel's stack, and all of them would be counted as the network's. The kernel's tx timestamp
is on the socket's error queue, mostly before `sendmsg` has returned. It is read for some replies, and for those whose
sender asks for it (RFC 8972 section 4.7, Follow-Up Telemetry). T3 is then the clock's time plus half of the shortest
recent time from there to the tx timestamp: nearly always early, but by little. A late T3 would make the network look
faster than it is, on loopback faster than light.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from typing import TYPE_CHECKING

from netecho.echo.loop_guard import ANSWER_TTL
from netecho.net.linux import sockopts
from netecho.net.linux.cmsg import traffic_class
from netecho.net.linux.icmp_errors import hop_limit
from netecho.net.linux.path_mtu import room_of_device, sending_whole
from netecho.net.linux.timestamp_cmsg import parse_tx_timestamp
from netecho.net.linux.timestamping import PER_DRAIN, SPACE, TimestampIds, awake
from netecho.net.server.egress import Egress
from netecho.net.server.return_errors import LARGEST as LARGEST_QUOTE, ReturnErrors
from netecho.net.server.sockets import prepare_datagrams
from netecho.stamp.control import ALIGNMENT

if TYPE_CHECKING:
    from netecho.net.linux.cmsg import ControlMessage
    from netecho.net.sockaddr import SockAddr
    from netecho.stamp.prepared_reply import PreparedReply
    from netecho.stamp.session_reflector import Reflector

_AWAITED = 1024
"""Replies whose tx timestamp is waited for: some interfaces give none."""
_TRIES = 3
"""How often a reply is sent because of an error that is of one before."""
_LEAVING = (socket.SOL_SOCKET, sockopts.SO_TIMESTAMPING, struct.pack("@I", sockopts.TX_SOFTWARE))


class ReplySender:
    """Sends the replies of one socket, and learns when they left."""

    def __init__(self, sock: socket.socket, reflector: Reflector) -> None:
        self._socket = sock
        self._reflector = reflector
        self._counter = TimestampIds(stream=False)
        self._awaited: dict[int, tuple[PreparedReply, int]] = {}
        self._egress = Egress()
        self._leaving = prepare(sock)
        self.return_errors = ReturnErrors(sock, reflector)

    def collect_all(self) -> None:
        """Empty the error queue, where anything could be in it."""
        self.collect(everything=self._counter.last >= 0 or self.return_errors.heard)

    def send(self, prepared: PreparedReply, back: tuple[ControlMessage, ...], peer: SockAddr) -> int:
        """Send; return how many bytes."""
        control = back
        if prepared.dscp:
            control = (*control, traffic_class(self._socket.family, prepared.dscp))
        if prepared.ttl:
            family = socket.AF_INET if "." in peer[0] else self._socket.family
            control = (*control, hop_limit(family, prepared.ttl))
            self.return_errors.begin()
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
                if not tries_left or not self.return_errors.is_of_an_earlier(error):
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
        self.collect()

    def _count_anew(self) -> None:
        """Restart the kernel's numbering of tx timestamps: some releases count a send that failed, others do not."""
        self._awaited.clear()
        self._counter.restart()
        _stamp(self._socket, numbered=False)
        _stamp(self._socket)

    def collect(self, *, everything: bool = False) -> None:
        """Read tx timestamps, and record each with its reply."""
        if not self._awaited and not everything:
            return
        errors = self.return_errors
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

    def send_decided(self, prepared: PreparedReply, back: tuple[ControlMessage, ...], peer: SockAddr) -> int:
        """Send a reply to one who asked for another than one like the request.

        Where its length was asked for it leaves whole, past the path MTU that the kernel remembers. One that is longer
        than what the device can send becomes as long as that, and the only one (RFC 10052 section 3).
        """
        if prepared.plan is None:
            return self.send(prepared, back, peer)
        sock = self._socket
        with sending_whole(sock):
            try:
                return self.send(prepared, back, peer)
            except OSError as error:
                if error.errno != errno.EMSGSIZE:
                    raise
                room = room_of_device(sock, lambda: self.send(prepared, back, peer))
                if room is None or not prepared.reduce(room // ALIGNMENT * ALIGNMENT):
                    raise
                return self.send(prepared, back, peer)


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
