"""The state of the wall clock: whether it is synchronised and its error (adjtimex(2)), and when it was set.

NTP daemons set these in the kernel; without one the kernel reports an unsynchronised clock and an error of 16 seconds.
"""

from __future__ import annotations

import ctypes
import struct
import time
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from netecho.net.linux.sockopts import LINUX
from netecho.units import MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.stamp.times import ErrorEstimate
    from netecho.stamp.tlv import SyncSource

UNKNOWN = 16_000_000_000
"""What the kernel assumes as the error of an unsynchronised clock (NTP_PHASE_LIMIT), nanoseconds."""

_STA_UNSYNC = 0x0040
_TIME_ERROR = 5
# struct timex: modes, offset, freq, maxerror, esterror, status; the rest, which is not read, fits in 256 bytes.
_TIMEX = struct.Struct("@Illlli")
_SIZE = 256


class ClockState(NamedTuple):
    """The state of the wall clock."""

    synchronised: bool
    error: int
    """As estimated by the daemon that keeps the clock, nanoseconds."""

    @property
    def estimate(self) -> ErrorEstimate:
        """The same in the form it has in packets."""
        from netecho.stamp.times import ErrorEstimate  # asked for by STAMP alone: the other transports need not load it

        return ErrorEstimate.of(self.error, synchronised=self.synchronised)

    @property
    def sync(self) -> SyncSource:
        """What the clock follows. The kernel does not say; in nearly all cases it is NTP."""
        from netecho.stamp.tlv import SyncSource

        return SyncSource.NTP if self.synchronised else SyncSource.FREE_RUNNING


def clock_state() -> ClockState:
    """Ask the system. Where it cannot be asked the clock counts as not synchronised."""
    ask = _adjtimex()
    if ask is None:
        return ClockState(False, UNKNOWN)
    answer = ctypes.create_string_buffer(_SIZE)
    state = ask(answer)
    _, _, _, _, error, status = _TIMEX.unpack_from(answer)
    if state < 0:
        return ClockState(False, UNKNOWN)
    return ClockState(state != _TIME_ERROR and not status & _STA_UNSYNC, error * MICROSECOND)


@cache
def _adjtimex() -> Callable[[ctypes.Array[ctypes.c_char]], int] | None:
    if not LINUX:
        return None
    try:
        found: Callable[[ctypes.Array[ctypes.c_char]], int] = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    return found


class ClockWatch:
    """Tells when the wall clock was set: kernel timestamps from before and after that cannot be compared.

    The clocks are arguments for the tests: wall clock and CLOCK_MONOTONIC, ns.
    """

    __slots__ = ("_monotonic", "_offset", "_wall")

    TOLERANCE = 2_000
    """The largest difference between two readings that is no step, ns."""
    READINGS = 5

    def __init__(
        self, wall: Callable[[], int] = time.time_ns, monotonic: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._offset = self._best_offset()

    def stepped(self) -> bool:
        """Return whether the clock was set since the last call. Takes about 0.2 µs."""
        if abs(self._wall() - self._monotonic() - self._offset) <= self.TOLERANCE:
            return False
        # Mostly the program was delayed between the two readings; the best of several is not.
        before = self._offset
        self._offset = self._best_offset()
        return abs(self._offset - before) > self.TOLERANCE

    def _best_offset(self) -> int:
        """Return wall clock minus monotonic clock, by the quickest of several readings."""
        best = None
        offset = 0
        for _ in range(self.READINGS):
            start = self._monotonic()
            wall = self._wall()
            end = self._monotonic()
            if best is None or end - start < best:
                best = end - start
                offset = wall - (start + end) // 2
        return offset
