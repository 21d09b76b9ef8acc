"""The server's datagrams: each one back to where it came from, from the address it was sent to, or not at all.

`recvmsg` and not `recvfrom`, because the kernel is asked for two things beside the payload: the TTL it arrived with,
which is how the answer of another echo server is recognised, and the local address it was sent to. A socket that
listens on every address must answer from that very one, else the client does not know the answer for its own. And
a datagram sent to a broadcast or multicast address has no such one: answering it would have a whole network answer.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

from twisted.internet.abstract import FileDescriptor

from netecho.echo.datagram import ANSWER_TTL, refusal
from netecho.echo.events import Received
from netecho.echo.limits import client_of

if TYPE_CHECKING:
    from netecho.net.listening import Bound
    from netecho.net.reception import Reception

LARGEST = 65_535
_BATCH = 128
"""Datagrams taken in one pass; then the reactor's other descriptors have their turn."""

_ROOM = socket.CMSG_SPACE(32) * 2
_IP_PKTINFO, _IP_RECVTTL = 8, 12  # linux/in.h; Python 3.11 has no names for them
_BUFFERS = 4 * 1024 * 1024
"""Asked of the kernel for each direction, so that a burst is not lost while Python is busy; it gives what it may."""


class DatagramListener(FileDescriptor):
    """Answers the datagrams of one bound socket."""

    def __init__(self, reactor: Any, bound: Bound, reception: Reception) -> None:
        super().__init__(reactor)
        self._socket = bound.socket
        self._reception = reception
        self._port = bound.port or 0
        self._data = bytearray(LARGEST)
        self._view = memoryview(self._data)
        prepare(bound.socket)
        self.startReading()

    def fileno(self) -> int:
        """Give the reactor the socket."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Name the listener in Twisted's log."""
        return "udp"

    def doRead(self) -> None:
        """Answer what waits."""
        totals, reception, sock = self._reception.totals, self._reception, self._socket
        reception.rate.roll(reception.clock())
        buffers = [self._data]
        for _ in range(_BATCH):
            try:
                size, control, _, peer = sock.recvmsg_into(buffers, _ROOM)
            except BlockingIOError:
                return
            except OSError:  # the network's news of an earlier answer (ICMP); it was taken by being told
                continue
            totals.datagrams += 1
            totals.bytes_received += size
            answer_from = self._answer_from(control, peer)
            if answer_from is None:
                totals.datagrams_refused += 1
                continue
            if reception.service.watch:
                reception.tell(Received(None, "udp", named(peer), size))
            try:
                totals.bytes_sent += sock.sendmsg([self._view[:size]], answer_from, 0, peer)
            except OSError:  # no room, or no way back: the network may lose it as well
                continue
            totals.datagrams_answered += 1

    def stop(self) -> None:
        """Answer what has already come, and no more; the socket is closed by whoever made it."""
        self.doRead()
        self.stopReading()

    def _answer_from(self, control: list[tuple[int, int, bytes]], peer: Any) -> list[tuple[int, int, bytes]] | None:
        """Return what makes the answer leave from where the request went, or None: it gets no answer."""
        ttl, info, why = None, None, None
        for level, kind, data in control:
            if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
                index, local, header = struct.unpack_from("=I4s4s", data)
                if local != header:
                    why = "sent to a broadcast or multicast address"
                info = (level, kind, struct.pack("=I4s4s", 0, local, local))
            elif level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
                local, index = struct.unpack_from("=16sI", data)
                if local[0] == 0xFF:
                    why = "sent to a broadcast or multicast address"
                link_local = local[0] == 0xFE and local[1] & 0xC0 == 0x80
                info = (level, kind, struct.pack("=16sI", local, index if link_local else 0))
            else:
                (ttl,) = struct.unpack_from("=i", data)
        why = why or refusal(peer[1], ttl, self._port)
        if why is None and not self._reception.rate.allows(hash(client_of(peer[0]))):
            why = f"more than {self._reception.rate.rate} in a second (--max-rate)"
        if why is None:
            return [] if info is None else [info]
        self._reception.turned_away("udp", peer[0], why)
        return None


def prepare(sock: socket.socket) -> None:
    """Ask the kernel for what the answers depend on, and mark them as answers."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, _BUFFERS)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ANSWER_TTL)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ANSWER_TTL)


def named(peer: Any) -> str:
    """Write a peer's address with its port."""
    host, port = peer[0], peer[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
