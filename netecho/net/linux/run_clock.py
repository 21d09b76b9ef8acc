"""The clock of a run: it goes on while the machine sleeps, and nobody sets it.

CLOCK_MONOTONIC stands still while a laptop sleeps: an hour of sleep in a run would be no time at all, and the time of
day of all that comes later wrong by it. CLOCK_BOOTTIME goes on, so that sleep looks like any other time in which this
process did not run. It takes some 50 ns more to read.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from netecho.net.linux import portable
from netecho.net.linux.sockopts import LINUX

if TYPE_CHECKING:
    from collections.abc import Callable

if LINUX and not portable.REQUESTED:
    ID = time.CLOCK_BOOTTIME
    """Its number, for timers that follow it."""
    now: Callable[[], int] = partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME)
    """Return the time in nanoseconds."""
else:
    ID = -1
    now = time.monotonic_ns
