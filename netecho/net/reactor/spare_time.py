"""Work that may wait, done between the sends of a run: answers over HTTP, a page's figures, the states of targets.

Steps take turns. One is taken where no send is due before it can be over, so that what else a process does makes no
send late; where sends leave no room for that, one in `PATIENCE` all the same. After each the reactor has its turn.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from netecho.net.reactor.timer import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.net.reactor.timer import Timer

MOMENT = 200_000
"""Nanoseconds that a step may take: it asks `is_over` after each thing that it does."""
ROOM = 300_000
"""Nanoseconds that it is given, for the last of these things ends when it ends."""
PATIENCE = 2_000_000
"""Nanoseconds that it waits for them at most."""


class SpareTime:
    """The time between the sends of a timer."""

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._steps: deque[Callable[[], None]] = deque()
        self._pacer = Pacer(timer, self._turn)
        self._since = 0
        """From when on the first step has waited."""
        self._until = 0
        """When the moment of this step is over."""

    def later(self, step: Callable[[], None]) -> None:
        """Take a step when there is time, once; the same one is not added again while it waits."""
        if step in self._steps:
            return
        self._steps.append(step)
        if len(self._steps) == 1:
            self._wait()

    def at_once(self, step: Callable[[], None]) -> None:
        """Take a step now: somebody waits for its beginning."""
        self._until = self._timer.clock() + MOMENT
        step()

    def is_over(self) -> bool:
        """Tell whether a step has had its time."""
        return self._timer.clock() >= self._until

    def call_off(self, step: Callable[[], None]) -> None:
        """Do not take a step that waits, if it does."""
        if step in self._steps:
            self._steps.remove(step)
            if not self._steps:
                self._pacer.arm(None)

    def _wait(self) -> None:
        self._since = self._timer.clock()
        self._pacer.arm(self._since)

    def _turn(self) -> None:
        now, due = self._timer.clock(), self._timer.due()
        if due is not None and due < now + ROOM and now < self._since + PATIENCE:
            self._pacer.arm(max(due, now) + 1)  # behind what is due, and before the next
            return
        step = self._steps.popleft()
        try:
            self.at_once(step)
        finally:
            if self._steps:
                self._wait()
