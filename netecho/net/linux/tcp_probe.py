"""A segment of an established connection that carries nothing and changes nothing, sent when it is asked for.

Linux sends one to learn whether the peer is still there: its sequence number is one that was acknowledged already, so
that the peer answers with an ACK, and neither end's state changes. Keepalives are such, but leave by a timer of whole
seconds and end the connection after so many without an answer. One leaves at once where TCP_REPAIR is taken off again
(tcp_send_window_probe), which is not counted and takes CAP_NET_ADMIN. Its answers are seen on a raw socket.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from typing import NamedTuple

from netecho.net.linux import sockopts
from netecho.net.linux.timestamp_cmsg import parse_rx_timestamp

_TCP_REPAIR, _ON, _OFF = 19, 1, 0
_SO_ATTACH_FILTER = 26
_ACK_ALONE, _FLAGS = 0x10, 0x3F
_LARGEST, _SPACE = 256, 128
_RX = sockopts.RX_SOFTWARE | sockopts.REPORT_SOFTWARE

# linux/filter.h: where a raw socket over IPv4 begins with the IP header, one over IPv6 begins with TCP's.
_LOAD_HEADER_LENGTH = (0xB1, 0, 0, 0)  # X = 4 * (byte 0 & 15)
_LOAD_SOURCE_PORT = (0x48, 0, 0, 0)  # A = the 16 bits at X
_LOAD_SOURCE_PORT6 = (0x28, 0, 0, 0)  # A = the 16 bits at 0
_KEEP, _DROP = (0x06, 0, 0, 0xFFFF_FFFF), (0x06, 0, 0, 0)
_instruction = struct.Struct("@HBBI")


class Ack(NamedTuple):
    """A segment from the peer that acknowledges and says nothing else."""

    address: str
    port: int
    """The local one."""
    rx_timestamp: int | None


def permitted() -> bool:
    """Return whether this process may have connections send a segment when it wants, and see what answers."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _ON)
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP).close()
    except OSError:
        return False
    return True


def set_ttl(sock: socket.socket, ttl: int) -> None:
    """Have the packets of a connection leave with this TTL."""
    six = sock.family == socket.AF_INET6
    level, option = (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) if six else (socket.IPPROTO_IP, socket.IP_TTL)
    sock.setsockopt(level, option, ttl)


def default_ttl(sock: socket.socket) -> None:
    """Have them leave with the system's own TTL again."""
    set_ttl(sock, -1)


def send_probe(sock: socket.socket) -> None:
    """Send such a segment now. Raises OSError where the connection is over."""
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _ON)
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, _OFF)


def raw_tcp(family: socket.AddressFamily, port: int) -> socket.socket:
    """Return a socket that sees what is received from that port of any host. Raises OSError."""
    sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
    try:
        sock.setblocking(False)
        # Without a filter every segment for this host would come.
        load = [_LOAD_SOURCE_PORT6] if family == socket.AF_INET6 else [_LOAD_HEADER_LENGTH, _LOAD_SOURCE_PORT]
        program = b"".join(_instruction.pack(*each) for each in (*load, (0x15, 0, 1, port), _KEEP, _DROP))
        memory = ctypes.create_string_buffer(program)
        length = len(program) // _instruction.size
        attached = struct.pack("@HP", length, ctypes.addressof(memory))
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, sockopts.SO_TIMESTAMPING, _RX)
    except BaseException:
        sock.close()
        raise
    return sock


def read_segment(sock: socket.socket) -> Ack | None:
    """Take the next segment, and return what it acknowledges; None: it is no ACK alone. Raises OSError."""
    data, ancillary, flags, address = sock.recvmsg(_LARGEST, _SPACE)
    if sock.family == socket.AF_INET:
        data = data[4 * (data[0] & 15) :]
    if len(data) < 20 or flags & socket.MSG_TRUNC:
        return None
    header = 4 * (data[12] >> 4)
    if len(data) > header or data[13] & _FLAGS != _ACK_ALONE:
        return None
    return Ack(address[0].partition("%")[0], int.from_bytes(data[2:4]), parse_rx_timestamp(ancillary))
