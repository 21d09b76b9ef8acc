"""Real-time priority (sched(7), SCHED_FIFO) for what has to be on time beside a load on the same machine.

Seen on two cores behind 100 Mbit/s each way, other programs on both cores, six interleaved rounds: probes left 1.4 to
12.6 ms late at p99 beside load processes that are niced, 0.2 to 0.6 ms so. A nice value of -10, a slice of 0.1 ms
(sched_setattr(2)) and SCHED_BATCH for the load made no difference that could be seen.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def preferred() -> Iterator[None]:
    """Have this thread, and none that it starts, run before all that have no such priority, where that is permitted.

    It takes CAP_SYS_NICE or an RLIMIT_RTPRIO; without, or where another policy was chosen already, nothing changes.
    """
    if not hasattr(os, "sched_setscheduler") or os.sched_getscheduler(0) != os.SCHED_OTHER:
        yield
        return
    least = os.sched_param(os.sched_get_priority_min(os.SCHED_FIFO))
    try:
        # Children, which are to put the load on, begin without it.
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, least)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        _give_back()


def _give_back() -> None:
    none = os.sched_param(0)
    try:
        os.sched_setscheduler(0, os.SCHED_OTHER, none)
    except OSError:  # who has it by RLIMIT_RTPRIO may not take back what it is for children
        os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, none)
