"""Telling listeners how the targets are, a few targets at a time, and only while somebody listens.

Each target has its turn once in `ROUND` seconds, each second where they are few; a change of state is told at once.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from netecho.net.monitor.event_stream import Listener, Listeners, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.state import Change
    from netecho.net.reactor.interfaces import DelayedCall, ReactorTime

ROUND = 4
"""Seconds, less than a slot: none is left out."""
FEW = 32
"""Targets that have their turn each second, however many there are."""
_MOMENT = 0.0003
"""Seconds of one pass of the reactor in which targets are told of, in one event: a few of them."""


class Words(Protocol):
    """What the events say; each is a line of JSON."""

    def began(self) -> str:
        """Return what a listener is told first."""

    def whole(self, target: MonitoredTarget) -> str:
        """Return all that is told of a target."""

    def news(self, target: MonitoredTarget) -> str:
        """Return what is new of a target."""

    def changed(self, target: MonitoredTarget, change: Change) -> str:
        """Return a change of state."""

    def changes(self) -> str:
        """Return the latest changes of state."""


class Feed:
    """Tells whoever listens."""

    def __init__(
        self,
        reactor: ReactorTime,
        targets: Callable[[], Sequence[MonitoredTarget]],
        words: Words,
        dropped: Callable[[str], object],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Begin without a listener; `dropped` is told, in a sentence, why one was dropped; `clock` bounds a pass."""
        self._reactor = reactor
        self._clock = clock
        self._targets = targets
        self._words = words
        self._call: DelayedCall | None = None
        self._place = 0
        """Where the next turn begins."""
        self.listeners = Listeners(reactor, dropped)

    def listener(self) -> Listener:
        """Return a new listener, which is told of all targets first."""
        if self._call is None:
            self._call = self._reactor.callLater(1, self._turn)
        return Listener(self.listeners, self._first())

    def changed(self, target: MonitoredTarget, change: Change) -> None:
        """Tell of a change of state."""
        if len(self.listeners):
            self.listeners.publish(message("state", self._words.changed(target, change)))

    def reconfigured(self) -> None:
        """Tell that there are other targets now: whoever shows them asks for all of them again."""
        self.listeners.publish(message("reloaded", "{}"))

    def stop(self) -> None:
        """Tell nothing more."""
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _first(self) -> Iterator[str]:
        yield "retry: 2000\n\n" + message("start", self._words.began())
        yield message("changes", self._words.changes())
        left = deque(self._targets())
        while left:
            yield self._some("targets", left, self._words.whole)
        yield message("all", "{}")

    def _turn(self) -> None:
        """Begin the turn of this second."""
        self._call = None
        if not len(self.listeners):
            return
        self._call = self._reactor.callLater(1, self._turn)
        targets = self._targets()
        count = min(len(targets), max(FEW, -(-len(targets) // ROUND)))
        begin = self._place
        chosen = [targets[(begin + n) % len(targets)] for n in range(count)]
        self._place = begin + count if begin + count < len(targets) else 0
        self._tell(deque(chosen))

    def _tell(self, left: deque[MonitoredTarget]) -> None:
        if left and len(self.listeners):
            self.listeners.publish(self._some("news", left, self._words.news))
            self._reactor.callLater(0, self._tell, left)

    def _some(self, event: str, left: deque[MonitoredTarget], row: Callable[[MonitoredTarget], str]) -> str:
        """Return an event of as many of those that are left as there is time for, one at least."""
        until, rows = self._clock() + _MOMENT, [row(left.popleft())]
        while left and self._clock() < until:
            rows.append(row(left.popleft()))
        return message(event, f'{{"targets":[{",".join(rows)}]}}')
