"""Linux's numbers of socket options that Python does not name, and the way to ask for what a system may not have.

Sources: include/uapi/asm-generic/socket.h, linux/net_tstamp.h, linux/errqueue.h, linux/in.h, linux/in6.h.
"""

from __future__ import annotations

import contextlib
import fcntl
import sys
import termios
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

LINUX = sys.platform == "linux"

# Socket options and the control messages of the same number, level SOL_SOCKET.
SO_TIMESTAMPING = 37
SO_MEMINFO = 55
"""Linux 4.12: what a socket's buffers hold, and how many packets it dropped."""

# What SO_TIMESTAMPING is asked for.
TX_SOFTWARE = 1 << 1
RX_SOFTWARE = 1 << 3
REPORT_SOFTWARE = 1 << 4
OPT_ID = 1 << 7
OPT_TSONLY = 1 << 11
OPT_ID_TCP = 1 << 16
"""Linux 6.2: count a stream's bytes from what was written, not from what was acknowledged."""

MSG_ERRQUEUE = 0x2000

IPPROTO_TCP, TCP_CONGESTION = 6, 13

# Control messages: (level, type).
IP_TOS = 1
IP_TTL = 2
IP_RECVERR = 11
IP_RECVTTL = 12
IP_RECVTOS = 13
IPV6_RECVERR = 25
IPV6_RECVHOPLIMIT = 51
IPV6_HOPLIMIT = 52
IPV6_RECVTCLASS = 66
IPV6_TCLASS = 67

ORIGIN_TIMESTAMPING = 4
"""Where an entry of the error queue comes from, if it is a timestamp (sock_extended_err.ee_origin)."""

TSTAMP_SND = 0
"""sock_extended_err.ee_info of the timestamp taken as the packet is handed to the device."""


def request(sock: socket.socket, level: int, *options: int) -> None:
    """Ask for each of these options; what the system does not have stays unknown."""
    for option in options:
        with contextlib.suppress(OSError):
            sock.setsockopt(level, option, 1)


def prefer_loss_based(sock: socket.socket) -> None:
    """Have a TCP connection send until packets are dropped, as most do: CUBIC, or Reno where that is not allowed.

    Where the system's own choice is one that keeps queues short (BBR), load would not find how long they can become.
    """
    for name in (b"cubic", b"reno"):
        with contextlib.suppress(OSError):
            sock.setsockopt(IPPROTO_TCP, TCP_CONGESTION, name)
            return


def unread(sock: socket.socket) -> int:
    """Return how many bytes of a stream wait to be read (FIONREAD, tcp(7), unix(7))."""
    return int.from_bytes(fcntl.ioctl(sock, termios.FIONREAD, bytes(4)), sys.byteorder)


def unacknowledged(sock: socket.socket) -> int:
    """Return how many bytes of a TCP connection the peer has not acknowledged yet (SIOCOUTQ, tcp(7))."""
    return int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
