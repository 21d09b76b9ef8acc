"""Control messages: what a packet says beside its payload (cmsg(3)), asked of the kernel and read in this one place.

For a datagram that is to be answered they say which of our addresses it was sent to (IP_PKTINFO, IPV6_PKTINFO), the
TTL or hop limit it arrived with, its traffic class, and when it arrived. `read_headers` reads those of one datagram.
Where a batch of them lies in memory as recvmmsg(2) left it, `V4_LAYOUT` and `V6_LAYOUT` say at which offset each field
is.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from functools import lru_cache
from typing import NamedTuple

from netecho.net.linux import sockopts
from netecho.units import SECOND

IP_PKTINFO = 8
"""linux/in.h; Python 3.11 has no name for it."""

MULTICAST, LINK_LOCAL = 0xFF, 0xFE
"""The first bytes of such IPv6 addresses (RFC 4291)."""

_header = struct.Struct("@Nii")  # struct cmsghdr: its length with this, level, type
_WORD = ctypes.sizeof(ctypes.c_size_t)
_timespec = struct.Struct("@ll").unpack_from
_int = struct.Struct("@i")
_UNKNOWN = bytes(4)

ControlMessage = tuple[int, int, bytes]
"""Level, type, data."""
Control = list[ControlMessage]
"""Control messages as `socket.recvmsg` returns them and `socket.sendmsg` takes them."""


def control_messages(control: bytes) -> Control:
    """Read a buffer of control messages."""
    found = []
    at = 0
    while at + _header.size <= len(control):
        length, level, kind = _header.unpack_from(control, at)
        if length < _header.size:
            break
        found.append((level, kind, control[at + _header.size : at + length]))
        at += -(-length // _WORD) * _WORD
    return found


def request_headers(sock: socket.socket, *, traffic_class: bool = False) -> None:
    """Ask for the local address and the TTL of each datagram, and for its traffic class where wanted.

    What the system does not give stays unknown: the datagrams come all the same.
    """
    if sock.family == socket.AF_INET6:
        sockopts.request(sock, socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, socket.IPV6_RECVHOPLIMIT)
        if traffic_class:
            sockopts.request(sock, socket.IPPROTO_IPV6, sockopts.IPV6_RECVTCLASS)
    elif sockopts.LINUX:
        sockopts.request(sock, socket.IPPROTO_IP, IP_PKTINFO, sockopts.IP_RECVTTL)
        if traffic_class:
            sockopts.request(sock, socket.IPPROTO_IP, sockopts.IP_RECVTOS)


def traffic_class(family: int, dscp: int) -> ControlMessage:
    """Return the control message that has a datagram leave with this DSCP."""
    v6 = family == socket.AF_INET6
    level, kind = (socket.IPPROTO_IPV6, sockopts.IPV6_TCLASS) if v6 else (socket.IPPROTO_IP, sockopts.IP_TOS)
    return level, kind, _int.pack(dscp << 2)


class Headers(NamedTuple):
    """What the control messages of one datagram say, except when it arrived."""

    ttl: int = 0
    """0: not known."""
    tos: int = 0
    local: bytes = b""
    """The local address that it was sent to, packed; empty: not known."""
    to_many: bool = False
    """Whether it was sent to a broadcast or multicast address."""
    back: tuple[ControlMessage, ...] = ()
    """What makes the answer leave from the address that the request was sent to."""


def read_headers(control: Control) -> tuple[int | None, Headers]:
    """Read when a datagram arrived, by the kernel's clock (nanoseconds since 1970; None: not known), and the rest.

    The kernel writes the timestamp before all that IP says. What IP says is the same in all that a sender sends, and
    is read once: each time anew it was 2 of the 9 µs that a STAMP reply took in Python.
    """
    if not control or control[0][0] != socket.SOL_SOCKET:
        return None, _headers(*control)
    (_, kind, data), *rest = control
    rx_timestamp = None
    if kind == sockopts.SO_TIMESTAMPING:
        seconds, nanoseconds = _timespec(data)
        rx_timestamp = (seconds * SECOND + nanoseconds) or None
    return rx_timestamp, _headers(*rest)


@lru_cache(maxsize=1024)
def _headers(*control: ControlMessage) -> Headers:
    headers = Headers()
    for level, kind, data in control:
        if level == socket.IPPROTO_IP:
            headers = _with_v4(headers, kind, data)
        elif level == socket.IPPROTO_IPV6:
            headers = _with_v6(headers, kind, data)
    return headers


def _with_v4(headers: Headers, kind: int, data: bytes) -> Headers:
    if kind == sockopts.IP_TTL:
        return headers._replace(ttl=_int.unpack_from(data)[0])
    if kind == sockopts.IP_TOS:
        return headers._replace(tos=data[0])
    if kind != IP_PKTINFO:
        return headers
    local, destination = data[4:8], data[8:12]
    if local == _UNKNOWN:
        # It was queued before IP_PKTINFO was asked for: the kernel still knows the destination, but not what kind of
        # address that is. Sent from there, an answer leaves only where the address is one of this machine's own: any
        # other source, broadcast and multicast among them, is EINVAL to the kernel.
        local = destination
    back = (socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + local + local)
    return headers._replace(local=local, to_many=local != destination, back=(back,))


def _with_v6(headers: Headers, kind: int, data: bytes) -> Headers:
    if kind == sockopts.IPV6_HOPLIMIT:
        return headers._replace(ttl=_int.unpack_from(data)[0])
    if kind == sockopts.IPV6_TCLASS:
        return headers._replace(tos=_int.unpack_from(data)[0])
    if kind != socket.IPV6_PKTINFO:
        return headers
    local = data[:16]
    # The way back is the routing table's choice, except from an address that means nothing without its link.
    back = (socket.IPPROTO_IPV6, kind, data if data[0] == LINK_LOCAL else local + bytes(4))
    return headers._replace(local=local, to_many=data[0] == MULTICAST, back=(back,))


class Layout(NamedTuple):
    """Offsets into one datagram's control messages, as Linux lays them after `request_headers` without class.

    The kernel writes them in the order of its code: the packet info, then the TTL; each after a header of 16 bytes
    and padded to 8.
    """

    interface: int
    """The index of the interface, 32 bits."""
    local: int
    """IPv4: the local address, 32 bits. IPv6 has but the destination."""
    destination: int
    """The address in the packet: IPv4 32 bits, IPv6 16 bytes."""
    ttl: int
    """32 bits."""
    info: int
    """Bytes of the packet info alone, which an answer leaves with."""


V4_LAYOUT = Layout(interface=16, local=20, destination=24, ttl=48, info=28)
V6_LAYOUT = Layout(interface=32, local=16, destination=16, ttl=56, info=36)
