"""How many file descriptors this process may have, which many connections take more of than the default 1,024."""

from __future__ import annotations

import contextlib
import sys

OTHERS = 64
"""Descriptors that are not a connection's: the reactor's, files, what libraries open."""


def make_room(wanted: int) -> None:
    """Raise the soft limit to hold `wanted` more descriptors, as far as the hard limit allows.

    Where that is not enough, opening the one too many fails later, with a sentence that says how to raise the limit.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHERS
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
