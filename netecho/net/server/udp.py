"""The server's datagrams: each one back to where it came from, from the address it was sent to, or not at all.

`recvmsg` and not `recvfrom`, because the kernel is asked for two things beside the payload: the TTL it arrived with,
which is how the answer of another echo server is recognised (`echo.datagram`), and the local address it was sent to.
A socket that listens on every address must answer from that very one, else the client does not know the answer for
its own. And a datagram sent to a broadcast or multicast address was sent to many: answering it would have a whole
network answer whoever is named as its source.

One datagram at a time, for what looks into them; those that are only sent back have a faster way, `udp_mirror`.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from twisted.internet.abstract import FileDescriptor

from netecho.echo.events import Received
from netecho.echo.limits import client_of
from netecho.echo.loop_guard import ANSWER_TTL, TO_MANY, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.net.server.admission import Admission
    from netecho.net.server.sockets import BoundSocket

LARGEST = 65_535
_BATCH = 128
"""Datagrams taken in one pass; then the reactor's other descriptors have their turn."""

_ROOM = 2 * socket.CMSG_SPACE(32)
_IP_PKTINFO, _IP_RECVTTL, _IP_TTL = 8, 12, 2  # linux/in.h; Python 3.11 has no names for the first two
_BUFFERS = 4 * 1024 * 1024
"""Bytes asked of the kernel for each direction, so that a burst is not lost while Python is busy."""

Control = list[tuple[int, int, bytes]]


class DatagramListener(FileDescriptor):
    """Answers the datagrams of one bound socket with what `answer` makes of them; None: with nothing."""

    def __init__(
        self,
        reactor: Any,
        bound: BoundSocket,
        admission: Admission,
        answer: Callable[[memoryview], bytes | memoryview | None],
    ) -> None:
        super().__init__(reactor)
        prepare(bound.socket)
        self._socket = bound.socket
        self._admission = admission
        self._answer = answer
        self._port = bound.port or 0
        self._data = bytearray(LARGEST)
        self._view = memoryview(self._data)
        self.startReading()

    def fileno(self) -> int:
        """Give the reactor the socket."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Name the listener in Twisted's log."""
        return "udp"

    def doRead(self) -> None:
        """Answer what waits."""
        self._admission.rate.roll(self._admission.clock())
        for _ in range(_BATCH):
            try:
                size, control, _, peer = self._socket.recvmsg_into([self._data], _ROOM)
            except BlockingIOError:
                return
            except OSError:  # the network's news of an earlier answer (ICMP); it was taken by being told
                continue
            self._received(size, control, peer)

    def stop(self) -> None:
        """Answer what has already come, and no more; the socket is closed by whoever made it."""
        self.doRead()
        self.stopReading()

    def _received(self, size: int, control: Control, peer: Any) -> None:
        admission, totals = self._admission, self._admission.totals
        totals.datagrams += 1
        totals.bytes_received += size
        if admission.settings.tells_arrivals:
            admission.tell(Received(None, "udp", _named(peer), size))
        info, ttl, why = _read(control)
        why = why or refusal(peer[1], ttl, self._port)
        if why is None and not admission.rate.take(client_of(peer[0])):
            why = admission.above_rate
        if why is not None:
            totals.datagrams_refused += 1
            admission.turned_away("udp", peer[0], why)
            return
        answer = self._answer(self._view[:size])
        if answer is None:
            return
        try:
            totals.bytes_sent += self._socket.sendmsg([answer], info, 0, peer)
        except OSError:  # no room, or no way back: the network may lose it as well
            return
        totals.datagrams_answered += 1


def prepare(sock: socket.socket) -> None:
    """Ask the kernel for what the answers depend on, and mark them as answers."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, _BUFFERS)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ANSWER_TTL)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ANSWER_TTL)
        if sys.platform == "linux":
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)


def _read(control: Control) -> tuple[Control, int | None, str | None]:
    """Return what makes the answer leave from where the request went, the TTL, and why there is to be no answer."""
    info: Control = []
    ttl, why = None, None
    for level, kind, data in control:
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            local, index = struct.unpack_from("=16sI", data)
            if local[0] == 0xFF:
                why = TO_MANY
            # The way back is the routing table's choice, except from an address that means nothing without its link.
            info.append((level, kind, struct.pack("=16sI", local, index if local[0] == 0xFE else 0)))
        elif level == socket.IPPROTO_IPV6 and kind == socket.IPV6_HOPLIMIT:
            (ttl,) = struct.unpack_from("=i", data)
        elif level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
            local, destination = struct.unpack_from("=4x4s4s", data)
            if local != destination:
                why = TO_MANY
            info.append((level, kind, struct.pack("=I4s4s", 0, local, local)))
        elif level == socket.IPPROTO_IP and kind == _IP_TTL:
            (ttl,) = struct.unpack_from("=i", data)
    return info, ttl, why


def _named(peer: Any) -> str:
    host, port = peer[0], peer[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
