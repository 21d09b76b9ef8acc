"""The HTTP side of a monitor: Twisted's own server, with bounds, and answers that are made in pieces.

A piece is made when the one before it was written and the reactor had its turn, so that an answer of 10 MB delays no
send, and waits for a client that reads slowly. What a client may take: a place among `MOST`, until its answer is
written or `LONGEST` is over, whatever it sends or does not read; 16 KiB of headers; no body.

On loopback only requests that name this machine by an address or as localhost are answered: a page in a browser that
has its own name point here (DNS rebinding) is not. Everywhere else a bearer token is asked for instead.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.web import http
from zope.interface import implementer

from netecho.errors import UnreachableError
from netecho.net.reactor.interfaces import for_twisted
from netecho.target import format_endpoint

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from netecho.net.reactor.interfaces import DelayedCall, ReactorTime

MOST = 64
"""Connections at once; one more is closed when it is accepted."""
LONGEST = 60.0
"""Seconds from the beginning of a connection, or from the end of an answer, to the end of the next one."""
_PIECE = 16384
"""Characters that are made and written at once: about 0.2 ms."""
_LONGEST_PATH = 2048


class Query(NamedTuple):
    """What a handler is asked."""

    arguments: Mapping[str, str]
    scrape_timeout: float | None = None
    """Seconds that Prometheus waits, as it says."""


class Reply(NamedTuple):
    """What a handler answers; its pieces are made as they are written."""

    pieces: Iterable[str]
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200


Handler = Callable[[Query], Coroutine["Deferred[Any]", object, Reply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """What is served, and to whom."""

    routes: Mapping[str, Handler]
    """By path."""
    token: str | None = None
    """None: nobody is asked for one, and the host that is asked for must be this machine."""


class Web(http.HTTPFactory):
    """Accepts connections, as long as there are not too many."""

    noisy = False

    def __init__(self, reactor: ReactorTime, settings: WebSettings) -> None:
        super().__init__(reactor=for_twisted(reactor))
        self.time = reactor
        self.settings = settings
        self.open: set[Channel] = set()
        self.port = 0
        """Where it listens, once it does."""
        self.url = ""
        self._port: Any = None

    def listen(self, reactor: Any, host: str, port: int) -> None:
        """Listen. Raises UnreachableError where the address cannot be had."""
        try:
            self._port = reactor.listenTCP(port, self, interface=host)
        except CannotListenError as error:
            where = format_endpoint(host, port)
            raise UnreachableError(
                f"--listen {where} cannot be had: {error.socketError.strerror}", "another port: --listen 127.0.0.1:0"
            ) from None
        self.port = self._port.getHost().port
        self.url = f"http://{format_endpoint(host, self.port)}/"

    def stop(self) -> None:
        """Accept no more, and close what is open."""
        if self._port is not None:
            self._port.stopListening()
        for channel in tuple(self.open):
            channel.abort()

    def buildProtocol(self, addr: Any) -> Channel | None:  # type: ignore[override]  # Twisted has a proxy there
        """Return what serves a connection; None closes it."""
        del addr
        if len(self.open) >= MOST:
            return None
        channel = Channel()
        channel.factory = self
        channel.timeOut = None  # the time for an answer is bounded, silence included
        return channel

    def log(self, request: http.Request) -> None:
        """Do nothing: there is no log of requests."""

    def _updateLogDateTime(self) -> None:
        """Do nothing: Twisted would wake the process each second for it."""


class Channel(http.HTTPChannel):
    """One connection."""

    factory: Web
    transport: Any
    refused = False
    _deadline: DelayedCall | None = None

    def __init__(self) -> None:
        super().__init__()
        self.requestFactory = Request

    def connectionMade(self) -> None:
        """Begin, and limit the time."""
        super().connectionMade()
        self.factory.open.add(self)
        self._limit()

    def dataReceived(self, data: bytes) -> None:
        """Take in what the client sends; nothing more once it was refused."""
        if not self.refused:
            super().dataReceived(data)

    def requestDone(self, request: Any) -> None:
        """Go on with the next request, which has its own time."""
        self._limit()
        super().requestDone(request)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Give the place back."""
        self.factory.open.discard(self)
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        super().connectionLost(reason)

    def abort(self) -> None:
        """Close at once, whatever waits to be written."""
        if self.transport is not None:
            self.transport.abortConnection()

    def _limit(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = self.factory.time.callLater(LONGEST, self.abort)


class Request(http.Request):
    """One request."""

    channel: Channel

    def gotLength(self, length: int | None) -> None:
        """Refuse a body before it is read: nothing here takes one."""
        super().gotLength(0)
        if length != 0:
            self.channel.refused = True
            self.channel.transport.write(b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n\r\n")
            self.channel.transport.loseConnection()

    def handleContentChunk(self, data: bytes) -> None:
        """Drop what comes of a body all the same."""

    def process(self) -> None:
        """Answer."""
        if self.channel.refused:
            return
        refusal = self._refusal()
        if refusal is not None:
            self._send(refusal)
            return
        handler = self.channel.factory.settings.routes[self._path]
        answer = Deferred.fromCoroutine(handler(self._query()))
        gone = self.notifyFinish()
        gone.addErrback(lambda _: answer.cancel())
        answer.addCallbacks(self._send, self._failed)

    @property
    def _path(self) -> str:
        return str(self.path.decode("latin-1"))

    def _refusal(self) -> Reply | None:
        """Return what a request is told that is not answered."""
        settings = self.channel.factory.settings
        if not self._is_allowed(settings.token):
            if settings.token is None:
                return _plain(403, "ask for this machine by an address or as localhost")
            self.setHeader("WWW-Authenticate", 'Bearer realm="netecho"')
            return _plain(401, "this needs the bearer token")
        if self.method not in (b"GET", b"HEAD"):
            self.setHeader("Allow", "GET, HEAD")
            return _plain(405, "GET and HEAD are what there is")
        if len(self.uri) > _LONGEST_PATH:
            return _plain(414, "the address is too long")
        if self._path not in settings.routes:
            return _plain(404, "there are: " + " ".join(settings.routes))
        return None

    def _is_allowed(self, token: str | None) -> bool:
        if token is None:
            return is_local_name(self.getRequestHostname().decode("latin-1"))
        scheme, _, given = (self.getHeader("authorization") or "").partition(" ")
        same = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode())
        return scheme.lower() == "bearer" and same

    def _query(self) -> Query:
        raw = self.uri.partition(b"?")[2].decode("latin-1")
        try:
            timeout = float(self.getHeader("x-prometheus-scrape-timeout-seconds") or "nan")
        except ValueError:
            timeout = 0.0
        arguments = dict(parse_qsl(raw, keep_blank_values=True, max_num_fields=32)) if raw.count("&") < 32 else {}
        return Query(arguments, timeout if 0 < timeout < LONGEST else None)

    def _send(self, reply: Reply) -> None:
        if self._disconnected or self.finished:
            return
        self.setResponseCode(reply.status)
        for name, value in (
            ("Content-Type", reply.content_type),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ):
            self.setHeader(name, value)
        if self.method == b"HEAD":
            self.finish()
        else:
            Pieces(self.channel.factory.time, self, iter(reply.pieces)).begin()

    def _failed(self, failure: Failure) -> None:
        if self._disconnected or self.finished:
            return  # it was called off with its connection
        self._send(_plain(500, "this is a bug in netecho"))
        failure.raiseException()


@implementer(IPushProducer)
class Pieces:
    """Writes an answer piece by piece, as fast as the client reads it."""

    def __init__(self, reactor: ReactorTime, request: http.Request, pieces: Iterator[str]) -> None:
        self._reactor = reactor
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
        """Stop: the client is gone."""
        self._over = True
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _later(self) -> None:
        if not (self._paused or self._over) and (self._call is None or not self._call.active()):
            self._call = self._reactor.callLater(0, self._write)

    def _write(self) -> None:
        made: list[str] = []
        length = 0
        for piece in self._pieces:
            made.append(piece)
            length += len(piece)
            if length >= _PIECE:
                break
        self._request.write("".join(made).encode("utf-8", "backslashreplace"))
        if length >= _PIECE:
            self._later()
        elif not self._over:
            self._over = True
            self._request.unregisterProducer()
            self._request.finish()


def is_local_name(host: str) -> bool:
    """Tell whether a host that is asked for cannot be a name that somebody else points here."""
    if host.lower() in ("localhost", ""):
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _plain(status: int, text: str) -> Reply:
    return Reply((f"{text}\n",), status=status)
