"""What a handler is asked over HTTP and what it answers, and how an answer is written: in pieces.

Some pieces are made and written, as many as fit in a moment, then the reactor has its turn: so an answer of 10 MB
delays no send, and waits for a client that reads slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.web import http

    from netecho.net.reactor.interfaces import DelayedCall, ReactorTime

_PIECE = 16384
"""Characters that are made and written at once, mostly in 0.2 ms..."""
_MOMENT = 0.0005
"""...and the seconds after which a pass ends in any case."""


class Query(NamedTuple):
    """What a handler is asked."""

    arguments: Mapping[str, str]
    scrape_timeout: float | None = None
    """Seconds that Prometheus waits, as it says."""
    accept: str = ""
    """The formats that are asked for, as the header has them."""


class Reply(NamedTuple):
    """What a handler answers; its pieces are made as they are written, the reactor has its turn at an empty one."""

    pieces: Iterable[str | bytes]
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200


class Stream(Protocol):
    """An answer without an end."""

    content_type: str

    def begin(self, request: Any) -> None:
        """Write from now on, until the request's client is gone."""


Handler = Callable[[Query], Coroutine["Deferred[Any]", object, "Reply | Stream"]]


def plain(status: int, text: str) -> Reply:
    """Return a sentence as an answer."""
    return Reply((f"{text}\n",), status=status)


def encoded(text: str) -> bytes:
    """Return text as it is sent: lone surrogates, which are in no UTF-8, are escaped."""
    return text.encode("utf-8", "backslashreplace")


@implementer(IPushProducer)
class Pieces:
    """Writes an answer piece by piece, as fast as the client reads it."""

    def __init__(
        self, reactor: ReactorTime, request: http.Request, pieces: Iterator[str | bytes], clock: Callable[[], float]
    ) -> None:
        """Make one; `clock` gives seconds, which bound a pass."""
        self._reactor = reactor
        self._clock = clock
        self._request = request
        self._pieces = pieces
        self._paused = self._over = False
        self._call: DelayedCall | None = None

    def begin(self) -> None:
        """Write the first piece, and the others in the reactor's next passes."""
        self._request.registerProducer(self, True)
        self._request.notifyFinish().addErrback(lambda _: self.stopProducing())
        self._write()

    def pauseProducing(self) -> None:
        """Wait: the client has not read what was written."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Go on."""
        self._paused = False
        self._later()

    def stopProducing(self) -> None:
        """Stop: the client is gone, and what makes the pieces may give back what it holds."""
        self._over = True
        self._pieces = iter(())
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _later(self) -> None:
        if not (self._paused or self._over) and (self._call is None or not self._call.active()):
            self._call = self._reactor.callLater(0, self._write)

    def _write(self) -> None:
        made: list[bytes] = []
        length, until, is_all = 0, self._clock() + _MOMENT, True
        for piece in self._pieces:
            made.append(piece if isinstance(piece, bytes) else encoded(piece))
            length += len(piece)
            if not piece or length >= _PIECE or self._clock() > until:
                is_all = False
                break
        if length:
            self._request.write(b"".join(made))
        if not is_all:
            self._later()
        elif not self._over:
            self._over = True
            self._request.unregisterProducer()
            self._request.finish()
