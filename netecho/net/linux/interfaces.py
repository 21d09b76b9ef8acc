"""Which address an interface has, and how large its packets may be: netdevice(7), proc(5)."""

from __future__ import annotations

import fcntl
import socket
import struct
from contextlib import suppress
from pathlib import Path

_SIX = 16
"""Bytes of an IPv6 address."""
_FIELDS = 6
"""Of a line of /proc/net/if_inet6: the address, four numbers, the name."""
_SIOCGIFADDR, _SIOCGIFMTU = 0x8915, 0x8921
_NAME = struct.Struct("16s24x")
"""The name in a `struct ifreq`; the address follows it as a `struct sockaddr_in`, or the MTU as an int."""


def address_of(interface: str) -> str | None:
    """Return an interface's first IPv4 address; None where it has none."""
    answer = _asked(interface, _SIOCGIFADDR)
    return None if answer is None else socket.inet_ntoa(answer[20:24])


def six_of(text: str) -> dict[str, str]:
    """Return the interface of each IPv6 address, from /proc/net/if_inet6; what it cannot read is left out."""
    found = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == _FIELDS and len(fields[0]) == 2 * _SIX:
            found[socket.inet_ntop(socket.AF_INET6, bytes.fromhex(fields[0]))] = fields[-1]
    return found


def interface_with(address: str) -> str | None:
    """Return the interface that has this address; None where none has, or it is not its first of IPv4."""
    with suppress(OSError, ValueError):
        if ":" in address:
            return six_of(Path("/proc/net/if_inet6").read_text("ascii")).get(address.partition("%")[0])
        for _, name in socket.if_nameindex():
            if address_of(name) == address:
                return name
    return None


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
