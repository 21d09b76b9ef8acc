"""A load process that the system does not start."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, cast

from netecho.net.load.orders import Order
from netecho.net.load.processes import Child

if TYPE_CHECKING:
    from netecho.net.reactor.interfaces import Reactor


class Full:
    """A reactor on a system that has no room for a process."""

    def spawnProcess(self, *_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), "python")


def test_one_that_cannot_be_started_is_over_and_says_why() -> None:
    order = Order(kind="upload", address="127.0.0.1", port=1, host="far", path="/up")
    child = Child(cast("Reactor", Full()), order)
    over: list[Any] = []
    child.begun.addCallback(over.append)
    child.stop().addCallback(over.append)
    assert over == [None, None]
    assert child.transfer().ended == "its process failed: resource temporarily unavailable"
    assert child.transfer().readings == ()
