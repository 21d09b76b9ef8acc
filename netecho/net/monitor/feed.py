"""Telling listeners how the targets are, a few targets at a time, and only while somebody listens.

Each target has its turn once in `ROUND` seconds, each second where they are few; a change of state is told at once.
"""

from __future__ import annotations

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
SLICE = 8
"""Targets of one event, and of one pass of the reactor: about a millisecond."""


class Words(Protocol):
    """What the events say; each is a line of JSON."""

    def began(self) -> str:
        """Return what a listener is told first."""

    def whole(self, targets: Sequence[MonitoredTarget]) -> str:
        """Return all that is told of some targets."""

    def news(self, targets: Sequence[MonitoredTarget]) -> str:
        """Return what is new of some targets."""

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
    ) -> None:
        """Begin without a listener; `dropped` is told, in a sentence, why one was dropped."""
        self._reactor = reactor
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
        targets = tuple(self._targets())
        for place in range(0, len(targets), SLICE):
            yield message("targets", self._words.whole(targets[place : place + SLICE]))
        yield message("all", "{}")

    def _turn(self) -> None:
        """Begin the turn of this second."""
        self._call = None
        if not len(self.listeners):
            return
        self._call = self._reactor.callLater(1, self._turn)
        targets = self._targets()
        count = min(len(targets), max(FEW, -(-len(targets) // ROUND)))
        begin = self._place if self._place < len(targets) else 0
        chosen = [targets[(begin + n) % len(targets)] for n in range(count)]
        self._place = begin + count if begin + count < len(targets) else 0
        self._tell(chosen)

    def _tell(self, chosen: Sequence[MonitoredTarget]) -> None:
        if chosen and len(self.listeners):
            self.listeners.publish(message("news", self._words.news(chosen[:SLICE])))
            self._reactor.callLater(0, self._tell, chosen[SLICE:])
