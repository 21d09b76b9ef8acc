"""Twisted's asyncio reactor over an event loop that somebody else runs.

An object over the running loop is all that transports need: it is neither installed as the process's reactor nor
started or stopped, it takes no signal, and when nothing is being measured it has no descriptor and no timer of its
own. So a program may have its own loop, or another Twisted reactor, beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.asyncioreactor import AsyncioSelectorReactor

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop


class LoopReactor(AsyncioSelectorReactor):
    """A reactor for one run on `loop`."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        super().__init__(loop)

    def installWaker(self) -> None:
        """Do without: `callFromThread` wakes the loop itself, and a waker would hold two descriptors for ever."""
