"""What a handler is asked over HTTP and what it answers, and how an answer is written: in pieces.

Some pieces are made and written, as many as fit in a moment of spare time: so an answer of 10 MB delays no send, and
waits for a client that reads slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.web import http

    from netecho.net.reactor.spare_time import SpareTime

_PIECE = 16384
"""Characters that are made and written at once, if there is time for as many."""


class Query(NamedTuple):
    """What a handler is asked."""

    arguments: Mapping[str, str]
    scrape_timeout: float | None = None
    """Seconds that Prometheus waits, as it says."""
    accept: str = ""
    """The formats that are asked for, as the header has them."""


class Reply(NamedTuple):
    """What a handler answers; its pieces are made as they are written, others may have their turn at an empty one."""

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

    def __init__(self, spare: SpareTime, request: http.Request, pieces: Iterator[str | bytes]) -> None:
        self._spare = spare
        self._request = request
        self._pieces = pieces
        self._paused = self._over = False

    def begin(self) -> None:
        """Write the first pieces, and the others when there is time."""
        self._request.registerProducer(self, True)
        self._request.notifyFinish().addErrback(lambda _: self.stopProducing())
        self._spare.at_once(self._write)

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
        self._spare.call_off(self._write)

    def _later(self) -> None:
        if not (self._paused or self._over):
            self._spare.later(self._write)

    def _write(self) -> None:
        made: list[bytes] = []
        length, is_all = 0, True
        for piece in self._pieces:
            made.append(piece if isinstance(piece, bytes) else encoded(piece))
            length += len(piece)
            if length >= _PIECE or self._spare.is_over():
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
