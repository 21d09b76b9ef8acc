"""Server-sent events (the WHATWG's HTML standard, section 9.2) to a few listeners, none of which holds up a send.

What is published is gathered and written when there is time, once for all. A listener that does not read has
what is published kept for it, up to a bound of bytes and of time; then it is dropped, and told why as the last event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from netecho.net.monitor.replies import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from netecho.net.monitor.web import Request
    from netecho.net.reactor.interfaces import DelayedCall, ReactorTime
    from netecho.net.reactor.spare_time import SpareTime

MOST = 16
"""Listeners at once, of the connections that there may be."""
MOST_WAITING = 512 << 10
"""Characters that wait for one listener."""
PATIENCE = 20.0
"""Seconds that one may go without reading while something waits for it."""
_GRACE = 5.0
"""Seconds in which one that was dropped may read what is left."""


def message(event: str, data: str) -> str:
    """Return an event as it is sent; `data` is one line."""
    return f"event: {event}\ndata: {data}\n\n"


class Listeners:
    """Those who listen, and what is published to them."""

    def __init__(self, reactor: ReactorTime, spare: SpareTime, dropped: Callable[[str], object]) -> None:
        """Begin without one; `dropped` is told, in a sentence, why one was dropped."""
        self.reactor = reactor
        self.spare = spare
        self.dropped = dropped
        self._every: set[Listener] = set()
        self._published: list[str] = []

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._every)

    @property
    def are_full(self) -> bool:
        """Whether there may be no more of them."""
        return len(self._every) >= MOST

    def add(self, listener: Listener) -> None:
        """Tell this one from now on."""
        self._every.add(listener)

    def remove(self, listener: Listener) -> None:
        """Tell it no more."""
        self._every.discard(listener)

    def publish(self, text: str) -> None:
        """Tell all of them: whole events, with their ends."""
        if not self._every:
            return
        self._published.append(text)
        self.spare.later(self._flush)

    def _flush(self) -> None:
        text = "".join(self._published)
        self._published.clear()
        for listener in tuple(self._every):
            listener.tell(text)


@implementer(IPushProducer)
class Listener:
    """One of them, from its first event on; a `replies.Stream`."""

    content_type = "text/event-stream; charset=utf-8"
    _request: Request

    def __init__(self, listeners: Listeners, first: Iterable[str]) -> None:
        """Make one that is told `first` what there is: whole events, made as they are read."""
        self._listeners = listeners
        self._first: Iterator[str] = iter(first)
        self._waiting: list[str] = []
        self._length = 0
        self._paused = self._over = False
        self._patience: DelayedCall | None = None

    def begin(self, request: Request) -> None:
        """Tell it."""
        self._request = request
        request.channel.stay()
        request.registerProducer(self, True)
        request.notifyFinish().addErrback(lambda _: self.stopProducing())
        self._listeners.add(self)
        self._go_on()

    def tell(self, text: str) -> None:
        """Write events, or keep them until it has read those before."""
        if self._over:
            return
        if not self._paused:
            self._request.write(encoded(text))
            return
        self._waiting.append(text)
        self._length += len(text)
        if self._length > MOST_WAITING:
            self._drop(f"{MOST_WAITING >> 10} KiB of events were waiting for it")
        elif self._patience is None:
            self._patience = self._listeners.reactor.callLater(PATIENCE, self._run_out)

    def pauseProducing(self) -> None:
        """Wait: it has not read what was written."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Go on, with what waited first."""
        self._paused = False
        _call_off(self._patience)
        self._patience = None
        waiting, self._waiting, self._length = "".join(self._waiting), [], 0
        if waiting and not self._over:
            self._request.write(encoded(waiting))
        self._go_on()

    def stopProducing(self) -> None:
        """Stop: it is gone."""
        self._over = True
        self._listeners.remove(self)
        self._waiting.clear()
        self._listeners.spare.call_off(self._go_on)
        _call_off(self._patience)

    def _go_on(self) -> None:
        """Write an event of what it is told first, and the others when there is time."""
        if self._paused or self._over:
            return
        event = next(self._first, None)
        if event is not None:
            self._request.write(encoded(event))
            self._listeners.spare.later(self._go_on)

    def _run_out(self) -> None:
        self._drop(f"nothing was read for {PATIENCE:g} s")

    def _drop(self, why: str) -> None:
        self.stopProducing()
        self._listeners.dropped(f"a listener to /api/v1/events was dropped: {why}")
        channel = self._request.channel
        self._request.write(encoded(message("dropped", f'{{"reason": "{why}"}}')))
        self._request.unregisterProducer()
        self._request.finish()
        channel.end_within(_GRACE)


def _call_off(call: DelayedCall | None) -> None:
    if call is not None and call.active():
        call.cancel()
