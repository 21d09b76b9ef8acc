"""Peers' addresses as text: as in a target, with the zone of a link-local address."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from netecho.target import format_endpoint

if TYPE_CHECKING:
    from netecho.net.sockaddr import SockAddr

_MAPPED = bytes(10) + b"\xff\xff"


def host_of(sockaddr: SockAddr) -> str:
    """Return the IP literal of a socket address: `192.0.2.1`, `fe80::1%eth0`."""
    host = str(sockaddr[0])
    scope = sockaddr[3] if len(sockaddr) > 3 else 0
    if not scope or "%" in host:
        return host
    try:
        return f"{host}%{socket.if_indextoname(scope)}"
    except OSError:  # the interface is gone
        return f"{host}%{scope}"


def endpoint_of(sockaddr: SockAddr) -> str:
    """Return the IP literal with the port: `192.0.2.1:4000`, `[fe80::1%eth0]:4000`."""
    return format_endpoint(host_of(sockaddr), sockaddr[1])


def packed(host: str) -> bytes:
    """Return the octets of an IP literal: of IPv4 also where it is written as one of IPv6 (`::ffff:192.0.2.1`)."""
    six = ":" in host
    return unmapped(socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, host.partition("%")[0]))


def unmapped(address: bytes) -> bytes:
    """Return the octets of an address, without what makes one of IPv6 of one of IPv4 (RFC 4291 section 2.5.5.2)."""
    return address.removeprefix(_MAPPED) if len(address) == 16 else address


def names_of(sock: socket.socket, sockaddr: SockAddr) -> tuple[str, str]:
    """Return the client that a stream's peer counts as for the limits, and its name (Unix sockets: its process)."""
    if sock.family == socket.AF_UNIX:
        if not hasattr(socket, "SO_PEERCRED"):
            return "local", "local"
        pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return f"uid {uid}", f"uid {uid} pid {pid}"
    return str(sockaddr[0]), endpoint_of(sockaddr)
