"""The event loop that a caller runs on: asyncio's, or Twisted's reactor. Both are used as they are found.

A coroutine finds out when it is first run: a task of asyncio is current, or a reactor is running. Nothing is
installed, started or stopped, and no signal or logger is touched.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from netecho.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from twisted.internet.defer import Deferred

    from netecho.net.reactor.interfaces import Reactor

T = TypeVar("T")


class World:
    """A reactor to measure on, and how a coroutine of the caller waits for a Deferred there."""

    def __init__(self, reactor: Reactor, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.reactor = reactor
        self._loop = loop

    def wait(self, deferred: Deferred[T]) -> Awaitable[T]:
        """Return what the caller awaits; cancelling it cancels the Deferred."""
        return deferred if self._loop is None else deferred.asFuture(self._loop)


def world() -> World:
    """Return the world of the coroutine that calls. Raises UsageError where no event loop runs."""
    loop = _loop_of_task()
    if loop is not None:
        return World(_over(loop), loop)
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    # A reactor that is installed and does not run yet is about to: `task.react` begins with its main function.
    if reactor is None or (reactor.running and not _in_its_thread()):
        raise UsageError(
            "netecho was awaited where no event loop runs",
            "await it in a task of asyncio or in the thread of Twisted's reactor; elsewhere: netecho.probe_sync(...)",
        )
    return World(reactor)


def runs_here() -> bool:
    """Tell whether an event loop, asyncio's or Twisted's, runs in this thread: it would stand still while one waits."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        reactor: Any = sys.modules.get("twisted.internet.reactor")
        return reactor is not None and bool(reactor.running) and _in_its_thread()
    return True


def _in_its_thread() -> bool:
    from twisted.python.threadable import isInIOThread

    return bool(isInIOThread())


def _loop_of_task() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop() if asyncio.current_task() is not None else None
    except RuntimeError:
        return None


def _over(loop: asyncio.AbstractEventLoop) -> Reactor:
    from netecho.net.reactor.asyncio_loop import LoopReactor

    try:
        loop.remove_reader(-1)
    except NotImplementedError:
        raise UsageError(
            f"netecho cannot measure on {type(loop).__name__}, which watches no descriptors",
            "run the program on asyncio's SelectorEventLoop",
        ) from None
    except (ValueError, OSError):
        pass  # there is no such descriptor, but it would have been looked for
    return LoopReactor(loop)
