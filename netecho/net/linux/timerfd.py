"""timerfd_create(2): a timer descriptor that turns readable at an instant of the run's clock."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from netecho.net.linux import portable, run_clock, sockopts
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable


def timerfd() -> tuple[int, Callable[[int], None]] | None:
    """Make a timer descriptor that turns readable at an instant of the run's clock.

    Returns the descriptor (non-blocking, close-on-exec) and a call that sets the instant, in nanoseconds
    (0 disarms; an instant that is past fires at once); None where the system has no such thing.
    """
    if not sockopts.LINUX or portable.REQUESTED:
        return None
    try:
        return _timerfd()
    except (OSError, AttributeError, ImportError):
        return None


if sys.version_info >= (3, 13):

    def _timerfd() -> tuple[int, Callable[[int], None]]:
        fd = os.timerfd_create(run_clock.ID, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        settime, absolute = os.timerfd_settime_ns, os.TFD_TIMER_ABSTIME

        def set_instant(at: int) -> None:
            settime(fd, flags=absolute, initial=at)

        return fd, set_instant

else:

    def _timerfd() -> tuple[int, Callable[[int], None]]:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        nonblock_cloexec = os.O_NONBLOCK | os.O_CLOEXEC  # what TFD_NONBLOCK and TFD_CLOEXEC are defined as
        fd = libc.timerfd_create(run_clock.ID, nonblock_cloexec)
        if fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        settime = libc.timerfd_settime
        settime.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        # struct itimerspec: interval (seconds, nanoseconds), then the instant.
        spec = (ctypes.c_long * 4)()
        where = ctypes.addressof(spec)
        absolute = 1

        def set_instant(at: int) -> None:
            spec[2], spec[3] = divmod(at, SECOND)
            settime(fd, absolute, where, None)

        return fd, set_instant
