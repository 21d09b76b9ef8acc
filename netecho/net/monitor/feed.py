"""Telling listeners how the targets are, a few targets at a time, and only while somebody listens.

Each target has its turn once in `ROUND` seconds, each second where they are few; a change of state is told at once.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from netecho.net.monitor.event_stream import Listener, Listeners, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.state import Change
    from netecho.net.reactor.interfaces import DelayedCall, ReactorTime
    from netecho.net.reactor.spare_time import SpareTime

ROUND = 4
"""Seconds, less than a slot: none is left out."""
FEW = 32
"""Targets that have their turn each second, however many there are."""


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
        spare: SpareTime,
        targets: Callable[[], Sequence[MonitoredTarget]],
        words: Words,
        dropped: Callable[[str], object],
    ) -> None:
        """Begin without a listener; `dropped` is told, in a sentence, why one was dropped."""
        self._reactor = reactor
        self._spare = spare
        self._targets = targets
        self._words = words
        self._call: DelayedCall | None = None
        self._place = 0
        """Where the next turn begins."""
        self._left: deque[MonitoredTarget] = deque()
        """Who has not been told of in this turn."""
        self.listeners = Listeners(reactor, spare, dropped)

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
        self._spare.call_off(self._tell)
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
        if self._left:
            return  # there was no time for all of them
        targets = self._targets()
        count = min(len(targets), max(FEW, -(-len(targets) // ROUND)))
        begin = self._place
        self._left.extend(targets[(begin + n) % len(targets)] for n in range(count))
        self._place = begin + count if begin + count < len(targets) else 0
        self._spare.later(self._tell)

    def _tell(self) -> None:
        if not len(self.listeners):
            self._left.clear()
        if self._left:
            self.listeners.publish(self._some("news", self._left, self._words.news))
            self._spare.later(self._tell)

    def _some(self, event: str, left: deque[MonitoredTarget], row: Callable[[MonitoredTarget], str]) -> str:
        """Return an event of as many of those that are left as there is time for, one at least."""
        rows = [row(left.popleft())]
        while left and not self._spare.is_over():
            rows.append(row(left.popleft()))
        return message(event, f'{{"targets":[{",".join(rows)}]}}')
