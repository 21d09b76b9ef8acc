"""Signals that come before a server has a reactor to handle them.

Until the reactor's own handlers are there, SIGINT and SIGTERM unwind what was begun, so that the file of a Unix socket
is removed, and the server ends as it does later: with exit code 0. SIGHUP and SIGUSR1 wait, blocked, until there is a
certificate that can be read again and something to count. By default they would kill the process.

The first two do so by an exception, which an import that it interrupts may swallow; so they are remembered as well.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator


_WAITING = frozenset({signal.SIGHUP, signal.SIGUSR1})


class _Requests:
    """The signals received before there was a reactor."""

    stop = False


class _StopRequested(BaseException):
    """SIGINT or SIGTERM. Not an Exception, so that no `except Exception` catches it."""


@contextmanager
def stop_early() -> Iterator[None]:
    """Leave the block, and go on behind it, when SIGINT or SIGTERM comes and nobody has installed other handlers."""

    def stop(*_: object) -> NoReturn:
        _Requests.stop = True
        raise _StopRequested

    _Requests.stop = False
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITING)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        yield
    except _StopRequested:
        return


def stop_was_requested() -> bool:
    """Return whether SIGINT or SIGTERM was received within `stop_early`, and its exception was swallowed."""
    return _Requests.stop


def release_waiting() -> None:
    """Have SIGHUP and SIGUSR1 delivered from now on, those that wait at once; install their handlers before."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITING)
