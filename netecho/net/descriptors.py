"""File descriptors: how many this process may have (`ulimit -n`), raised where that is allowed."""

from __future__ import annotations

import errno
import resource
import sys

from netecho.errors import UnreachableError

LEAST = 32
"""What a run needs beyond its connections: standard streams, a reactor, a log, a module that is imported."""

EXHAUSTED = (errno.EMFILE, errno.ENFILE)


def allow(wanted: int | None) -> int:
    """Raise the soft limit to `wanted` (None: all that is permitted), as far as that is; return what it is now."""
    soft, hard = (sys.maxsize if each == resource.RLIM_INFINITY else each for each in _limits())
    reached = hard if wanted is None else min(wanted, hard)
    if reached <= soft:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (reached, _limits()[1]))
    except (OSError, ValueError):
        return soft
    return reached


def require(count: int = LEAST) -> None:
    """Raise the soft limit to `count` where it is lower. Raises UnreachableError where that is not allowed."""
    allowed = allow(count)
    if allowed < count:
        raise too_few(f"this needs {count}")


def too_few(why: str = "all of them are in use") -> UnreachableError:
    """Return the error for a process that has no descriptor left."""
    soft, _ = _limits()
    return UnreachableError(
        f"too few file descriptors: this process may have {soft}, and {why}", "allow more of them: ulimit -n 1024"
    )


def _limits() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_NOFILE)
