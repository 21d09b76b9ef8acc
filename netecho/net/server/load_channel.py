"""HTTP/1.1 on one connection of an `nq://` or `nqs://` address, by Twisted's web server, for load and for probes of it.

The resources are those of draft-ietf-ippm-responsiveness: `/.well-known/nq` says where the others are, one of which is
small, one large, and one takes what is uploaded. Load begins only for who may have it and has some of its budget left.
A download is sent from one buffer, as the kernel takes it; of an upload nothing is kept. A connection without a
transfer has some seconds to ask for something, and a transfer a minute: a client that is slow, or neither reads nor
writes, holds its place no longer than that.
"""

from __future__ import annotations

import hmac
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import connectionDone
from twisted.web.http import HTTPChannel, Request
from zope.interface import implementer

from netecho.net.server.echo_protocol import LINGER, reason_of
from netecho.net.server.peers import endpoint_of
from netecho.units import SECOND
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

    from netecho.echo.load_budget import LoadBudget
    from netecho.net.reactor.eager import EagerConnection
    from netecho.net.reactor.interfaces import DelayedCall
    from netecho.net.server.admission import Admission
    from netecho.net.server.settings import LoadSettings

CONFIGURATION = b"/.well-known/nq"
SMALL, LARGE, UPLOAD = b"/nq/small", b"/nq/large", b"/nq/upload"

LARGE_SIZE = 8 << 30
"""Bytes of the large resource: of more than a connection gets through in its time."""
TRANSFER = 60 * SECOND
"""The longest that a transfer may take, nanoseconds."""
ASKING = 10 * SECOND
"""The longest that a connection may be without one."""

CHUNK = 262_144
_TURN = 8
"""Chunks sent in one turn, however fast the client reads; then the other connections have theirs."""
# A page of any origin may measure: there is nothing here to steal, and what load costs is the token's and the budget's.
_CROSS_ORIGIN = {"access-control-allow-origin": "*", "timing-allow-origin": "*"}
_PREFLIGHT = {
    "access-control-allow-methods": "GET, HEAD, POST, PUT",
    "access-control-allow-headers": "authorization, content-type",
    "access-control-max-age": "86400",
}
_CONTENT = b"netecho " * (CHUNK // 8)
_HOST = re.compile(rb"[A-Za-z0-9.:%_\[\]-]{1,261}")


class _Discarded:
    """Where the body of a request goes: it is counted, and nothing of it kept."""

    def __init__(self, received: Callable[[int], None]) -> None:
        self._received = received

    def write(self, data: bytes) -> None:
        """Count."""
        self._received(len(data))

    def close(self) -> None:
        """Do nothing."""


class LoadRequest(Request):
    """A request, which its channel answers."""

    channel: LoadChannel

    def gotLength(self, length: int | None) -> None:
        """Look at the headers, which are all here, before a body is."""
        self.content = _Discarded(self.channel.uploaded)  # a file of which two calls are used
        if length != 0:
            self.channel.upload_begins(self)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Answer; the body, whatever it was, has no arguments in it."""
        self.method, self.uri, self.clientproto = command, path, version
        self.path = path.partition(b"?")[0]
        self.channel.answer(self)

    def reply(self, code: int, content: bytes, kind: bytes = b"text/plain; charset=utf-8", **headers: str) -> None:
        """Answer with all of it."""
        self.setResponseCode(code, HTTPStatus(code).phrase.encode())
        self.setHeader(b"content-type", kind)
        self.setHeader(b"content-length", b"%d" % len(content))
        for name, value in headers.items():
            self.setHeader(name.replace("_", "-"), value)
        self._common()
        self.write(b"" if self.method == b"HEAD" else content)
        self.finish()

    def begin_large(self) -> None:
        """Answer with the headers of the large resource."""
        self.setHeader(b"content-type", b"application/octet-stream")
        self.setHeader(b"content-length", b"%d" % LARGE_SIZE)
        self._common()
        self.write(b"")
        if self.method == b"HEAD":
            self.finish()

    def _common(self) -> None:
        self.setHeader(b"server", b"netecho/" + __version__.encode())
        # No cache, and no compression on the way: what is measured must have come from here, as long as it is.
        self.setHeader(b"cache-control", b"no-store, no-transform")
        for name, value in _CROSS_ORIGIN.items():
            self.setHeader(name, value)


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class LoadChannel(HTTPChannel):
    """One client's connection: a `ClientConnection` of admission."""

    number = 0
    since = 0
    progress_seen = 0
    progress_at = 0
    linger_until: int | None = None
    transport: Any
    wire: EagerConnection
    """The connection that carries the bytes, beneath TLS if there is TLS."""
    requestFactory = LoadRequest
    timeOut = None  # ours is another: see `ASKING`
    factory = None
    site = None

    def __init__(
        self,
        admission: Admission,
        budget: LoadBudget,
        settings: LoadSettings,
        call_later: Callable[..., DelayedCall],
        transport_name: str,
        peer: str,
        client: str,
        *,
        secure: bool = False,
    ) -> None:
        super().__init__()
        self.established = not secure
        self._secure = secure
        self._call_later = call_later
        self.transport_name = transport_name
        self.peer = peer
        self.client = client
        self.echoes = 0
        """Requests that were answered."""
        self._admission = admission
        self._budget = budget
        self._token = settings.token
        self._reason: str | None = None
        self._deadline: DelayedCall | None = None
        self._next: DelayedCall | None = None
        self._transferring = False
        self._refused = False
        self._download: LoadRequest | None = None
        self._left = 0

    @property
    def received(self) -> int:
        """Bytes that were received, headers and all."""
        return self.wire.received

    @property
    def sent(self) -> int:
        """Bytes that were sent, headers and all."""
        return self.wire.sent

    @property
    def progress(self) -> int:
        """Bytes on the wire, both ways."""
        return self.wire.received + self.wire.sent

    @property
    def has_unsent(self) -> bool:
        """Whether bytes wait to be sent, or will."""
        return self.wire.waiting or self._download is not None

    def getPeer(self) -> object:
        """Return nothing: who the client is, admission knows."""
        return None

    def getHost(self) -> object:
        """Return nothing, likewise."""
        return None

    def isSecure(self) -> bool:
        """Return whether there is TLS."""
        return self._secure

    def connectionMade(self) -> None:
        """Count the connection, and wait for a request."""
        self._admission.opened(self)
        super().connectionMade()
        self._end_in(ASKING, "asked for nothing")

    def handshakeCompleted(self) -> None:
        """Note that TLS is set up (IHandshakeListener)."""
        self.established = True
        self._admission.established()

    def dataReceived(self, data: bytes) -> None:
        """Read on, unless it was refused: then what still comes is dropped."""
        if not self._refused:
            super().dataReceived(data)

    def readConnectionLost(self) -> None:
        """End with the client."""
        self.close("closed")

    def writeConnectionLost(self) -> None:
        """Give the client time to read what was sent last: our FIN is sent."""
        self.linger_until = self._admission.clock() + LINGER

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count the end of the connection."""
        for call in (self._deadline, self._next):
            if call is not None and call.active():
                call.cancel()
        self._transfer_ends()
        super().connectionLost(reason)
        ended = self.established and self.wire.ended  # TLS takes a FIN without an alert before it for an attack
        self._admission.closed(self, self._reason or ("closed" if ended else reason_of(reason)))

    def close(self, reason: str) -> None:
        """Close it once the buffered bytes are sent."""
        self._reason = self._reason or reason
        self._stop_download()
        self._refused = True
        self.loseConnection()  # that of HTTPChannel: TLS does not end as long as a producer is registered
        self.wire.resumeProducing()  # not read since bytes waited: the client answers the end of TLS

    def abort(self, reason: str) -> None:
        """Abort it now."""
        self._reason = self._reason or reason
        self._stop_download()
        self.transport.abortConnection()

    def upload_begins(self, request: LoadRequest) -> None:
        """Decide, before the first byte of a body, whether it may come."""
        refusal = self._refusal(request)
        if refusal is not None:
            request.requestHeaders.removeHeader(b"expect")
            self._refuse_midway(*refusal)

    def uploaded(self, number: int) -> None:
        """Count what was uploaded, and end it where the budget does."""
        if not self._refused and self._budget.take(self.client, number) < number:
            self._refuse_midway(429, "the budget of bytes is spent (--load-bytes)")

    def answer(self, request: LoadRequest) -> None:
        """Answer a request of which everything has come."""
        if self._refused:
            return
        self.echoes += 1
        if self._transferring:  # an upload, all of which has come
            self._transfer_ends()
            self._end_in(ASKING, "asked for nothing")
        path, method = request.path, request.method
        if method == b"OPTIONS":  # a browser asks before it sends a token from a page of another origin
            request.reply(200, b"", b"text/plain", **_PREFLIGHT)
        elif path == UPLOAD and method in (b"POST", b"PUT"):
            request.reply(200, b"")
        elif path == UPLOAD or method not in (b"GET", b"HEAD"):
            request.reply(405, b"", allow="POST, PUT" if path == UPLOAD else "GET, HEAD")
        elif path == CONFIGURATION:
            request.reply(200, self._configuration(request), b"application/json")
        elif path == SMALL:
            request.reply(200, b"n")
        elif path == LARGE:
            self._answer_large(request)
        else:
            request.reply(404, b"netecho: see /.well-known/nq\n")

    def _configuration(self, request: LoadRequest) -> bytes:
        named = request.getHeader(b"host") or b""
        host = named.decode() if _HOST.fullmatch(named) else endpoint_of(self.wire.socket.getsockname())
        root = f"{'https' if self._secure else 'http'}://{host}"
        urls = {
            "small_download_url": f"{root}{SMALL.decode()}",
            "large_download_url": f"{root}{LARGE.decode()}",
            "upload_url": f"{root}{UPLOAD.decode()}",
        }
        return json.dumps({"version": 1, "urls": urls}).encode() + b"\n"

    def _answer_large(self, request: LoadRequest) -> None:
        if request.method == b"HEAD":
            request.begin_large()
            return
        refusal = self._refusal(request)
        if refusal is not None:
            code, why = refusal
            request.reply(code, f"netecho: {why}\n".encode())
            return
        request.begin_large()
        self._download, self._left = request, LARGE_SIZE
        self.wire.on_written = self._send
        self._send()

    def _refusal(self, request: LoadRequest) -> tuple[int, str] | None:
        """Begin a transfer; or return the status code and the reason why there is to be none."""
        if self._token is not None:
            shown = (request.getHeader(b"authorization") or b"").removeprefix(b"Bearer ")
            if not hmac.compare_digest(shown, self._token):
                return 401, "the token is missing or wrong (Authorization: Bearer TOKEN)"
        now = self._admission.clock()
        why = self._budget.begin(self.client, now)
        if why is not None:
            return 429, why
        self._transferring = True
        self._end_in(min(TRANSFER, self._budget.time_left(self.client, now)), "its time was over")
        return None

    def _send(self) -> None:
        """Send as much of the download as the kernel takes, in turns."""
        request, self._next = self._download, None
        for _ in range(_TURN):
            if request is None or self.wire.waiting:
                return  # `on_written` goes on
            size = self._budget.take(self.client, min(CHUNK, self._left))
            if not size:
                self.close("the budget of bytes is spent (--load-bytes)" if self._left else "closed")
                return
            self._left -= size
            request.write(_CONTENT[:size])  # all of it is no copy
        self._next = self._call_later(0, self._send)

    def _refuse_midway(self, code: int, why: str) -> None:
        """Answer while a body is coming, and take no more of it; our FIN goes first, so that the answer is read."""
        if self._refused:
            return
        self._refused = True
        self._reason = why
        self._transfer_ends()
        said = f"netecho: {why}\n"
        first, length = f"HTTP/1.1 {code} {HTTPStatus(code).phrase}", f"Content-Length: {len(said)}"
        shown = "".join(f"{name}: {value}\r\n" for name, value in _CROSS_ORIGIN.items())
        self.transport.write(f"{first}\r\nConnection: close\r\n{shown}{length}\r\n\r\n{said}".encode())
        self.wire.loseWriteConnection()

    def _stop_download(self) -> None:
        self._download = None
        if self._next is not None and self._next.active():
            self._next.cancel()
        self.wire.on_written = None

    def _transfer_ends(self) -> None:
        if self._transferring:
            self._transferring = False
            self._budget.end(self.client, self._admission.clock())

    def _end_in(self, nanoseconds: int, why: str) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = self._call_later(nanoseconds / SECOND, self.abort, why)
