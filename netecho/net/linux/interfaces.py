"""Which address an interface has: SIOCGIFADDR, netdevice(7)."""

from __future__ import annotations

import fcntl
import socket
import struct

_SIOCGIFADDR = 0x8915
_NAME = struct.Struct("16s24x")
"""The name in a `struct ifreq`; the address follows it as a `struct sockaddr_in`."""


def address_of(interface: str) -> str | None:
    """Return an interface's first IPv4 address; None where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as skt:
        try:
            answer = fcntl.ioctl(skt.fileno(), _SIOCGIFADDR, _NAME.pack(interface.encode()))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])
