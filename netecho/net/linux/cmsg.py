"""Control messages: what a packet says beside its payload (cmsg(3)), read and written in this one place."""

from __future__ import annotations

import ctypes
import socket
import struct

from netecho.net.linux import sockopts
from netecho.units import SECOND

_header = struct.Struct("@Nii")  # struct cmsghdr: its length with this, level, type

_WORD = ctypes.sizeof(ctypes.c_size_t)


def control_messages(control: bytes) -> list[tuple[int, int, bytes]]:
    """Read a buffer of control messages: (level, type, data) of each."""
    found = []
    at = 0
    while at + _header.size <= len(control):
        length, level, kind = _header.unpack_from(control, at)
        if length < _header.size:
            break
        found.append((level, kind, control[at + _header.size : at + length]))
        at += -(-length // _WORD) * _WORD
    return found


# linux/in.h and linux/in6.h; Python 3.11 has no names for the former.
_IP_PKTINFO = 8

_timespec = struct.Struct("@ll").unpack_from

_int = struct.Struct("@i")

Control = list[tuple[int, int, bytes]]


class Headers:
    """What the control messages of one datagram say."""

    __slots__ = ("back", "local", "rx_timestamp", "to_many", "tos", "ttl")

    def __init__(self, control: Control) -> None:
        self.rx_timestamp: int | None = None
        self.ttl = 0
        self.tos = 0
        self.local = b""
        self.to_many = False
        self.back: Control = []
        """What makes the reply leave from where the request went."""
        for level, kind, data in control:
            if level == socket.SOL_SOCKET:
                if kind == sockopts.SO_TIMESTAMPING:
                    seconds, nanoseconds = _timespec(data)
                    self.rx_timestamp = (seconds * SECOND + nanoseconds) or None
            elif level == socket.IPPROTO_IP:
                self._v4(kind, data)
            elif level == socket.IPPROTO_IPV6:
                self._v6(kind, data)

    def _v4(self, kind: int, data: bytes) -> None:
        if kind == sockopts.IP_TTL:
            (self.ttl,) = _int.unpack_from(data)
        elif kind == sockopts.IP_TOS:
            self.tos = data[0]
        elif kind == _IP_PKTINFO:
            self.local, destination = data[4:8], data[8:12]
            self.to_many = self.local != destination
            self.back = [(socket.IPPROTO_IP, _IP_PKTINFO, bytes(4) + self.local + self.local)]

    def _v6(self, kind: int, data: bytes) -> None:
        if kind == sockopts.IPV6_HOPLIMIT:
            (self.ttl,) = _int.unpack_from(data)
        elif kind == sockopts.IPV6_TCLASS:
            (self.tos,) = _int.unpack_from(data)
        elif kind == socket.IPV6_PKTINFO:
            self.local = data[:16]
            self.to_many = data[0] == 0xFF
            # The way back is the routing table's choice, except from an address that means nothing without its link.
            self.back = [(socket.IPPROTO_IPV6, kind, data if data[0] == 0xFE else self.local + bytes(4))]
