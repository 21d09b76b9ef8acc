"""Work that is too long for one event, done in turns: a slice of time in each pass of the reactor.

One read may need more work than an event may take: a segment of newlines in text mode needs thousands of answers. The
connection does a bounded part at once and queues the rest. So a client with little work is answered in the pass in
which its bytes are read, however much others have queued, and datagrams, timers and signals wait no longer than the
slice.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from twisted.python import log

from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.net.reactor.interfaces import ReactorTime

SLICE = 2 * MILLISECOND
"""How long the turns of one pass of the reactor may take together; the last of them may end later."""


class Turns:
    """A queue of calls, each of which does a bounded part of its work and queues again for the rest."""

    def __init__(self, reactor: ReactorTime, clock: Callable[[], int]) -> None:
        self._reactor = reactor
        self._clock = clock
        self._queue: deque[Callable[[], None]] = deque()
        self._is_scheduled = False

    def add(self, turn: Callable[[], None]) -> None:
        """Call `turn` in one of the next passes, after those that queue already."""
        self._queue.append(turn)
        self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._reactor.callLater(0, self._run)

    def _run(self) -> None:
        self._is_scheduled = False
        until = self._clock() + SLICE
        while self._queue:
            try:
                self._queue.popleft()()
            except Exception:  # noqa: BLE001 - as the reactor does: a bug costs the one connection
                log.err()
            if self._clock() >= until:
                break
        if self._queue:
            self._schedule()
