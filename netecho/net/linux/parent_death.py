"""The end of a process with its parent, however that ends (prctl(2), PR_SET_PDEATHSIG); only Linux has it."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent has ended; elsewhere than on Linux, do nothing.

    A parent that ended before this call goes unnoticed: who has a pipe from it reads its end there.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
