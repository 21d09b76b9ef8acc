"""How many datagrams the system dropped at a socket: its receive buffer had no room for them.

SO_MEMINFO tells it at any time. The control message SO_RXQ_OVFL has the same count, but comes with the next datagram
that is received: what is dropped after the last one would not be known.
"""

from __future__ import annotations

import socket
import struct

from netecho.net.linux import portable
from netecho.net.linux.sockopts import LINUX, SO_MEMINFO

# Nine unsigned ints: SK_MEMINFO_RMEM_ALLOC to SK_MEMINFO_DROPS (linux/sock_diag.h).
_MEMINFO = struct.Struct("@9I")


def dropped(sock: socket.socket) -> int | None:
    """Return how many datagrams this socket had no room for since it was opened; None where that is not known."""
    if not LINUX or portable.REQUESTED:
        return None
    try:
        told = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO.size)
        return int(_MEMINFO.unpack(told)[-1])
    except (OSError, struct.error):  # closed, or a system without it
        return None
