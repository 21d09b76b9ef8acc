"""A server in a child process, forked before there is a reactor: it needs no second start of Python."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from netecho.errors import UnreachableError
from netecho.net.linux.parent_death import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.echo.events import ServerEvent


def fork(serve: Callable[[], None]) -> int:
    """Start the child that serves; return its process id. Where this process ends, the child does.

    The server's modules are imported in the child alone, while the parent imports those of the probe. Raises
    UnreachableError where the system starts no more processes.
    """
    if "twisted.internet.reactor" in sys.modules:
        raise AssertionError("a reactor cannot be shared by two processes")
    parent = os.getpid()
    try:
        child = os.fork()
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise UnreachableError(
            f"no process for a server of our own: {why}", "a limit of processes or of memory? ulimit -u, pids.max"
        ) from error
    if child:
        return child
    status = 1
    try:
        # What is typed is meant for the probe, which stops us at its end: Ctrl-C, and the one that asks for figures.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGQUIT, signal.SIG_IGN)
        # Before the imports, in which the parent may end by a signal: nobody would end the child then.
        die_with_parent()
        if os.getppid() != parent:  # it ended before the kernel was told
            return status
        quiet = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(quiet, fd)
        serve()
        status = 0
    finally:
        os._exit(status)


class NullLog:
    """The log of a server of which nobody is told."""

    def tell(self, event: ServerEvent) -> None:
        """Forget it."""

    def flush(self) -> None:
        """Do nothing."""
