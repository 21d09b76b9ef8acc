"""Linux's numbers and calls that Python does not name. Constants and one-line wrappers: nothing is decided here.

Sources: include/uapi/asm-generic/socket.h, linux/net_tstamp.h, linux/errqueue.h, linux/in.h, linux/in6.h,
timerfd_create(2). Python names the timerfd calls from 3.13 on; before that the C library is asked.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LINUX = sys.platform == "linux"

# Socket options and the control messages of the same number, level SOL_SOCKET.
SO_TIMESTAMPING = 37
SO_RXQ_OVFL = 40

# What SO_TIMESTAMPING is asked for.
TX_SOFTWARE = 1 << 1
RX_SOFTWARE = 1 << 3
REPORT_SOFTWARE = 1 << 4
OPT_ID = 1 << 7
OPT_TSONLY = 1 << 11
OPT_ID_TCP = 1 << 16
"""Linux 6.2: count a stream's bytes from what was written, not from what was acknowledged."""

MSG_ERRQUEUE = 0x2000

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

# Where an entry of the error queue comes from (sock_extended_err.ee_origin).
ORIGIN_LOCAL = 1
ORIGIN_ICMP = 2
ORIGIN_ICMP6 = 3
ORIGIN_TIMESTAMPING = 4

TSTAMP_SND = 0
"""sock_extended_err.ee_info of the stamp taken as the packet is handed to the device."""


def timerfd() -> tuple[int, Callable[[int], None]] | None:
    """Make a timer descriptor that turns readable at an instant of CLOCK_MONOTONIC.

    Returns the descriptor (non-blocking, close-on-exec) and a call that sets the instant, in nanoseconds
    (0 disarms; an instant that is past fires at once); None where the system has no such thing.
    """
    if not LINUX:
        return None
    try:
        return _timerfd()
    except (OSError, AttributeError, ImportError):
        return None


if sys.version_info >= (3, 13):

    def _timerfd() -> tuple[int, Callable[[int], None]]:
        fd = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        settime, absolute = os.timerfd_settime_ns, os.TFD_TIMER_ABSTIME

        def set_instant(at: int) -> None:
            settime(fd, flags=absolute, initial=at)

        return fd, set_instant

else:

    def _timerfd() -> tuple[int, Callable[[int], None]]:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        nonblock_cloexec = os.O_NONBLOCK | os.O_CLOEXEC  # what TFD_NONBLOCK and TFD_CLOEXEC are defined as
        fd = libc.timerfd_create(time.CLOCK_MONOTONIC, nonblock_cloexec)
        if fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        settime = libc.timerfd_settime
        settime.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        # struct itimerspec: interval (seconds, nanoseconds), then the instant.
        spec = (ctypes.c_long * 4)()
        where = ctypes.addressof(spec)
        absolute = 1

        def set_instant(at: int) -> None:
            spec[2], spec[3] = divmod(at, 1_000_000_000)
            settime(fd, absolute, where, None)

        return fd, set_instant


def die_with_parent() -> None:
    """Have the system kill this process when its parent ends, however that comes (prctl(2)); only on Linux."""
    if LINUX:
        import ctypes
        import signal

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
