"""ICMP errors as the kernel hands them over: in the error queue of a UDP socket, to anybody; on a raw socket, to root.

The error queue has the router's address, the error's type, and the quoted packet from its UDP payload on (ip(7)):
the kernel has matched addresses and ports. A raw socket (raw(7), CAP_NET_RAW) has the whole message, with the headers
of the packet as it arrived at the router, and is the only way for TCP.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import NamedTuple

from netecho.net.linux import sockopts
from netecho.net.linux.sockopts import MSG_ERRQUEUE
from netecho.net.linux.timestamp_cmsg import (
    ORIGIN_ICMP,
    ORIGIN_ICMP6,
    QueuedError,
    parse_error,
    parse_rx_timestamp,
    parse_tx_timestamp,
)

_IPV6_FLOWINFO_SEND = 33
_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1
_RX = sockopts.RX_SOFTWARE | sockopts.REPORT_SOFTWARE
_ERRORS, _ERRORS6 = (3, 11, 12), (1, 2, 3, 4)
_LARGEST, _SPACE = 2048, 512


class TxTimestamp(NamedTuple):
    """When a datagram left."""

    id32: int
    """The system's number of it."""
    wall: int


class QuotedError(NamedTuple):
    """An ICMP error from the error queue."""

    error: QueuedError
    payload: bytes
    """What is quoted from the UDP payload on, extensions included."""
    rx_timestamp: int | None
    tos: int | None
    """The traffic class of the quoted packet, which the kernel tells of IPv6 alone."""


class RawError(NamedTuple):
    """An ICMP message from a raw socket."""

    address: str
    message: bytes
    """From its type on."""
    rx_timestamp: int | None


def request_errors(sock: socket.socket) -> None:
    """Have the ICMP errors of a connected UDP socket's packets queued."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, sockopts.IPV6_RECVERR, 1)
        # What is quoted then comes with its traffic class. The flow label stays as it is: the socket is connected.
        sockopts.request(sock, socket.IPPROTO_IPV6, _IPV6_FLOWINFO_SEND)
    else:
        sock.setsockopt(socket.IPPROTO_IP, sockopts.IP_RECVERR, 1)


def hear_errors(sock: socket.socket, *, wanted: bool = True) -> None:
    """Have the ICMP errors of a socket's packets queued, be it connected or not; or no longer.

    A socket of IPv6 may have peers of IPv4 (`::ffff:192.0.2.1`).
    """
    options = [(socket.IPPROTO_IP, sockopts.IP_RECVERR)]
    if sock.family == socket.AF_INET6:
        options += [(socket.IPPROTO_IPV6, option) for option in (sockopts.IPV6_RECVERR, _IPV6_FLOWINFO_SEND)]
    for level, option in options:
        with contextlib.suppress(OSError):
            sock.setsockopt(level, option, int(wanted))


def read_error_queue(sock: socket.socket) -> TxTimestamp | QuotedError | None:
    """Take the next entry of a socket's error queue; None: it is empty."""
    while True:
        try:
            data, ancillary, _, address = sock.recvmsg(_LARGEST, _SPACE, MSG_ERRQUEUE)
        except OSError:
            return None
        left = parse_tx_timestamp(ancillary)
        if left is not None:
            return TxTimestamp(*left)
        error = parse_error(ancillary)
        if error is not None and error.origin in (ORIGIN_ICMP, ORIGIN_ICMP6):
            tos = address[2] >> 20 & 0xFF if address and len(address) == 4 else None
            return QuotedError(error, data, parse_rx_timestamp(ancillary), tos)


def raw_socket(family: socket.AddressFamily) -> socket.socket | None:
    """Return a socket that gets every ICMP error for this host; None where the privilege is lacking."""
    six = family == socket.AF_INET6
    protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    try:
        sock = socket.socket(family, socket.SOCK_RAW, protocol)
    except OSError:
        return None
    sock.setblocking(False)
    wanted = sum(1 << each for each in (_ERRORS6 if six else _ERRORS))
    if six:
        words = [~(wanted >> 32 * n) & 0xFFFF_FFFF for n in range(8)]
        sock.setsockopt(protocol, _ICMP6_FILTER, struct.pack("@8I", *words))
    else:
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("@I", ~wanted & 0xFFFF_FFFF))
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, sockopts.SO_TIMESTAMPING, _RX)
    return sock


def read_raw(sock: socket.socket) -> RawError | None:
    """Take the next ICMP message; None: there is none. Raises OSError."""
    try:
        data, ancillary, _, address = sock.recvmsg(_LARGEST, _SPACE)
    except BlockingIOError:
        return None
    if sock.family == socket.AF_INET:
        data = data[4 * (data[0] & 15) :] if data else data
    return RawError(address[0].partition("%")[0], data, parse_rx_timestamp(ancillary))


def hop_limit(family: int, ttl: int) -> tuple[int, int, bytes]:
    """Return the control message that has a datagram leave with this TTL."""
    six = family == socket.AF_INET6
    level, kind = (socket.IPPROTO_IPV6, sockopts.IPV6_HOPLIMIT) if six else (socket.IPPROTO_IP, sockopts.IP_TTL)
    return level, kind, ttl.to_bytes(4, sys.byteorder)
