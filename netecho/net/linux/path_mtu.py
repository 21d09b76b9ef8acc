"""Datagrams that leave whole or not at all, past the path MTU that the kernel remembers (ip(7), ipv6(7)).

By default Linux cuts a datagram to the path MTU it knows by ICMP. What is to find out which length gets through must
not be cut, and must not be held back by an ICMP message that may be forged: IP_PMTUDISC_PROBE sets DF and looks at the
device's MTU alone, and does not fragment what is longer.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netecho.net.linux import sockopts
from netecho.net.linux.timestamp_cmsg import ORIGIN_LOCAL, parse_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER = 10, 23
_PROBE = 3
_UDP_HEADER = 8
_IP_HEADER = {socket.AF_INET: 20, socket.AF_INET6: 40}
_SPACE = 256
_MOST = 64
"""Entries of the error queue that are looked at: tx timestamps may be before the one that is looked for."""


def send_whole(sock: socket.socket) -> None:
    """Have all that a socket sends leave whole or fail with EMSGSIZE; on a system that cannot, nothing changes."""
    if sockopts.LINUX:
        with contextlib.suppress(OSError):
            sock.setsockopt(*_option(sock), _PROBE)


@contextmanager
def sending_whole(sock: socket.socket) -> Iterator[None]:
    """Have what is sent meanwhile leave whole or fail with EMSGSIZE, and what is sent afterwards as before."""
    if not sockopts.LINUX:
        yield
        return
    before = sock.getsockopt(*_option(sock))
    send_whole(sock)
    try:
        yield
    finally:
        sock.setsockopt(*_option(sock), before)


def room_of_device(sock: socket.socket, send: Callable[[], object]) -> int | None:
    """Return how long a datagram may be, given a `send` that fails with EMSGSIZE; None: the system does not say."""
    six = sock.family == socket.AF_INET6
    level, option = (socket.IPPROTO_IPV6, sockopts.IPV6_RECVERR) if six else (socket.IPPROTO_IP, sockopts.IP_RECVERR)
    try:
        sock.setsockopt(level, option, 1)
        with contextlib.suppress(OSError):
            send()
        for _ in range(_MOST):
            _, control, _, _ = sock.recvmsg(0, _SPACE, sockopts.MSG_ERRQUEUE)
            found = parse_error(control)
            if found is not None and found.origin == ORIGIN_LOCAL and found.errno == errno.EMSGSIZE:
                return found.info - _IP_HEADER[sock.family] - _UDP_HEADER
    except OSError:  # EAGAIN: there is no such entry
        return None
    finally:
        with contextlib.suppress(OSError):
            sock.setsockopt(level, option, 0)
    return None


def _option(sock: socket.socket) -> tuple[int, int]:
    six = sock.family == socket.AF_INET6
    return (socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER) if six else (socket.IPPROTO_IP, _IP_MTU_DISCOVER)
