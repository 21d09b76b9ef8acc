"""The HTTP side of a monitor: Twisted's own server, with bounds.

What a client may take: a place among `MOST`, until its answer is written or `LONGEST` is over, whatever it sends or
does not read; 16 KiB of headers; no body. Listeners to events have bounds of their own (`event_stream`).

Without a token only requests that name this machine by an address or as localhost are answered: a page in a browser
that has its own name point here (DNS rebinding) is not, and neither is one of another origin that asks behind its
reader's back. With one, everything but `WebSettings.public` needs it.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import connectionDone
from twisted.web import http

from netecho.errors import UnreachableError
from netecho.net.monitor.replies import Pieces, Query, Reply, plain
from netecho.net.reactor.interfaces import for_twisted
from netecho.target import format_endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twisted.python.failure import Failure

    from netecho.net.monitor.replies import Handler, Stream
    from netecho.net.reactor.interfaces import DelayedCall, ReactorTime
    from netecho.net.reactor.spare_time import SpareTime
    from netecho.net.server.tls import ServerTls

MOST = 64
"""Connections at once; one more is closed when it is accepted."""
LONGEST = 60.0
"""Seconds from the beginning of a connection, or from the end of an answer, to the end of the next one."""
_LONGEST_PATH = 2048
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
            " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    ),
)
"""Of every answer: nothing is run, shown or asked for that is not ours, and no other page has it in a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """What is served, and to whom."""

    routes: Mapping[str, Handler]
    """By path."""
    token: str | None = None
    """None: nobody is asked for one, and the host that is asked for must be this machine."""
    public: frozenset[str] = frozenset()
    """Paths that need no token: what they answer tells nothing of the targets."""
    tls: ServerTls | None = None


class Web(http.HTTPFactory):
    """Accepts connections, as long as there are not too many."""

    noisy = False

    def __init__(self, reactor: ReactorTime, spare: SpareTime, settings: WebSettings) -> None:
        super().__init__(reactor=for_twisted(reactor))
        self.time = reactor
        self.spare = spare
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
        scheme = "http" if self.settings.tls is None else "https"
        self.url = f"{scheme}://{format_endpoint(host, self.port)}/"

    def stop(self) -> None:
        """Accept no more, and close what is open."""
        if self._port is not None:
            self._port.stopListening()
        for channel in tuple(self.open):
            channel.abort()

    def buildProtocol(self, addr: Any) -> Any:
        """Return what serves a connection; None closes it."""
        del addr
        if len(self.open) >= MOST:
            return None
        channel = Channel()
        channel.factory = self
        channel.timeOut = None  # the time for an answer is bounded, silence included
        tls = self.settings.tls
        return channel if tls is None else tls.wrap(channel)

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
        self.stay()
        super().connectionLost(reason)

    def abort(self) -> None:
        """Close at once, whatever waits to be written."""
        if self.transport is not None:
            self.transport.abortConnection()

    def stay(self) -> None:
        """Let the connection be there for as long as the answer under way goes on: whoever writes it bounds it."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    def end_within(self, seconds: float) -> None:
        """Close when what waits is written, or after so long."""
        self._limit(seconds)
        self.transport.loseConnection()

    def _limit(self, seconds: float = LONGEST) -> None:
        self.stay()
        self._deadline = self.factory.time.callLater(seconds, self.abort)


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
        if settings.token is None:
            if not is_local_name(self.getRequestHostname().decode("latin-1")):
                return plain(403, "ask for this machine by an address or as localhost")
            if self._is_of_another_page():
                return plain(403, "this is not for pages of other sites")
        elif self._path not in settings.public and not self._has(settings.token):
            self.setHeader("WWW-Authenticate", 'Bearer realm="netecho"')
            return plain(401, "this needs the bearer token")
        if self.method not in (b"GET", b"HEAD"):
            self.setHeader("Allow", "GET, HEAD")
            return plain(405, "GET and HEAD are what there is")
        if len(self.uri) > _LONGEST_PATH:
            return plain(414, "the address is too long")
        if self._path not in settings.routes:
            return plain(404, "there are: " + " ".join(settings.routes))
        return None

    def _is_of_another_page(self) -> bool:
        """Tell whether a browser asks for a page of another site, and not to show this one (Fetch Metadata)."""
        site, mode = self.getHeader("sec-fetch-site"), self.getHeader("sec-fetch-mode")
        return site not in (None, "none", "same-origin") and (mode != "navigate" or self._path != "/")

    def _has(self, token: str) -> bool:
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
        accept = self.getHeader("accept") or ""
        return Query(arguments, timeout if 0 < timeout < LONGEST else None, accept)

    def _send(self, reply: Reply | Stream) -> None:
        if self._disconnected or self.finished:
            return
        for name, value in (("Content-Type", reply.content_type), *_HEADERS):
            self.setHeader(name, value)
        if isinstance(reply, Reply):
            self.setResponseCode(reply.status)
        if self.method == b"HEAD":
            self.finish()
        elif isinstance(reply, Reply):
            Pieces(self.channel.factory.spare, self, iter(reply.pieces)).begin()
        else:
            reply.begin(self)

    def _failed(self, failure: Failure) -> None:
        if self._disconnected or self.finished:
            return  # it was called off with its connection
        self._send(plain(500, "this is a bug in netecho"))
        failure.raiseException()


def is_local_name(host: str) -> bool:
    """Tell whether a host that is asked for cannot be a name that somebody else points here."""
    if host.lower() in ("localhost", ""):
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
