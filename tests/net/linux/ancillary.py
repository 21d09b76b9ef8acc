"""Control messages as the kernel lays them out in memory, and a socket's error queue that holds them."""

from __future__ import annotations

import socket
import struct
from collections import deque
from typing import TYPE_CHECKING

from netecho.net.linux import sockopts, timestamping
from netecho.net.linux.recvmsg import Entries
from netecho.net.linux.sockopts import MSG_ERRQUEUE, SO_TIMESTAMPING

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = struct.Struct("@Nii")
WORD = struct.calcsize("@N")


def laid_out(messages: Iterable[tuple[int, int, bytes]]) -> bytes:
    """(level, type, data) of each, one after the other, each padded to a whole word (CMSG_NXTHDR)."""
    return b"".join(
        HEADER.pack(HEADER.size + len(data), level, kind) + data + bytes(-len(data) % WORD)
        for level, kind, data in messages
    )


SEEN = 1_795_412_345_678_901_234  # 2026-11-23
Control = tuple[int, int, bytes]
Entry = list[Control] | OSError


def stamp(wall: int = SEEN) -> Control:
    """SCM_TIMESTAMPING: three timespecs, of which the first is the software stamp."""
    return socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("@6l", *divmod(wall, 10**9), 0, 0, 0, 0)


def extended(
    *,
    id32: int = 0,
    errno: int = 42,
    origin: int = sockopts.ORIGIN_TIMESTAMPING,
    type_: int = 0,
    code: int = 0,
    info: int = 0,
) -> Control:
    """IP_RECVERR: a sock_extended_err, then the address of who complained."""
    return (
        socket.IPPROTO_IP,
        sockopts.IP_RECVERR,
        struct.pack("@IBBBBII", errno, origin, type_, code, 0, info, id32) + bytes(16),
    )


def left(id32: int, wall: int = SEEN) -> Entry:
    """An entry of the error queue that is a send's stamp."""
    return [stamp(wall), extended(id32=id32)]


class ScriptedQueue(Entries):
    """An error queue that holds what it is given, laid out in memory as the kernel does."""

    def __init__(self, *entries: Entry) -> None:
        super().__init__(timestamping.PER_DRAIN, timestamping.SPACE)
        self.entries = deque(entries)
        self.asked = 0

    def receive(self, _fd: int, flags: int) -> int:
        assert flags == MSG_ERRQUEUE
        self.asked += 1
        came = 0
        while self.entries and came < timestamping.PER_DRAIN:
            entry = self.entries.popleft()
            if isinstance(entry, OSError):
                raise entry
            control = laid_out(entry)
            self.lengths[came] = len(control)
            self.control[came * self.space : came * self.space + len(control)] = control
            came += 1
        return came
