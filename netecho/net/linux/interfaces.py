"""Which address an interface has, and how large its packets may be: netdevice(7)."""

from __future__ import annotations

import fcntl
import socket
import struct

_SIOCGIFADDR, _SIOCGIFMTU = 0x8915, 0x8921
_NAME = struct.Struct("16s24x")
"""The name in a `struct ifreq`; the address follows it as a `struct sockaddr_in`, or the MTU as an int."""


def address_of(interface: str) -> str | None:
    """Return an interface's first IPv4 address; None where it has none."""
    answer = _asked(interface, _SIOCGIFADDR)
    return None if answer is None else socket.inet_ntoa(answer[20:24])


def mtu_of(interface: str) -> int | None:
    """Return the bytes that a packet on this interface may have; None where there is no such interface."""
    answer = _asked(interface, _SIOCGIFMTU)
    return None if answer is None else struct.unpack_from("@i", answer, 16)[0]


def _asked(interface: str, request: int) -> bytes | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as skt:
        try:
            return fcntl.ioctl(skt.fileno(), request, _NAME.pack(interface.encode()))
        except OSError:
            return None
