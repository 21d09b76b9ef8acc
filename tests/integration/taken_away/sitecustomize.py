"""The same system without what fast paths are made of: run by Python as it starts, if PYTHONPATH names the folder."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import socket
from typing import Any

_usual = ctypes.CDLL.__getattr__

for module, names in ((select, ("epoll", "EPOLL")), (os, ("timerfd_",)), (socket, ("TCP_INFO", "IP_RECV", "MSG_ERRQ"))):
    for name in [each for each in dir(module) if each.startswith(names)]:
        delattr(module, name)

MISSING = ("recvmmsg", "sendmmsg", "timerfd_create", "timerfd_settime", "adjtimex")
# SO_TIMESTAMPING; IP_PKTINFO, IP_RECVERR, IP_RECVTTL, IP_RECVTOS; IPV6_RECVERR, _HOPLIMIT, _TCLASS
REFUSED = {(1, 37), (0, 8), (0, 11), (0, 12), (0, 13), (41, 25), (41, 51), (41, 66)}


def _of_a_library(library: ctypes.CDLL, name: str) -> Any:
    if name in MISSING:
        raise AttributeError(name)
    return _usual(library, name)


class _Socket(socket.socket):
    def setsockopt(self, level: int, option: int, *value: Any) -> None:
        if (level, option) in REFUSED:
            raise OSError(errno.ENOPROTOOPT, "Protocol not available")
        return super().setsockopt(level, option, *value)


for owner, attribute, instead in (
    (ctypes.CDLL, "__getattr__", _of_a_library),
    (socket, "socket", _Socket),
    (socket, "SocketType", _Socket),
):
    setattr(owner, attribute, instead)
