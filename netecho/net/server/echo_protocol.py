"""The echo on one accepted stream, from its banner to the reason of its end; where it is from is all the same here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from zope.interface import implementer

from netecho.echo.events import Received
from netecho.net.server.tcp_raw import RawEchoConnection
from netecho.net.server.text_responder import TextResponder
from netecho.units import SECOND

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from netecho.net.reactor.eager import EagerConnection
    from netecho.net.server.admission import Admission
    from netecho.net.server.turns import Turns

TEXT_CHUNK = 8192
"""Bytes taken by one read where each may be answered with a line."""

LINGER = 2 * SECOND
"""How long a client may take to close its half after the server closed its own."""


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class EchoProtocol(Protocol):
    """One client's stream: a `ClientConnection` of admission."""

    number = 0
    since = 0
    progress_seen = 0
    progress_at = 0
    linger_until: int | None = None
    transport: Any
    wire: EagerConnection | None = None
    """The connection that carries the bytes, beneath TLS if there is TLS; None in tests of the protocol alone."""

    def __init__(
        self,
        admission: Admission,
        turns: Turns,
        transport_name: str,
        peer: str,
        client: str,
        *,
        established: bool = True,
    ) -> None:
        self.transport_name = transport_name
        self.peer = peer
        self.client = client
        self.established = established
        self._admission = admission
        self._reason: str | None = None
        text_mode = admission.settings.text_mode
        self._responder = None if text_mode is None else TextResponder(text_mode, turns, self)
        self._received = 0
        self._sent = 0
        self._echoes = 0

    @property
    def received(self) -> int:
        """Payload bytes that were received."""
        return self.wire.received if isinstance(self.wire, RawEchoConnection) else self._received

    @property
    def sent(self) -> int:
        """Payload bytes that were sent, or wait to be."""
        return self.wire.sent if isinstance(self.wire, RawEchoConnection) else self._sent

    @property
    def echoes(self) -> int:
        """Reads that were answered."""
        return self.wire.echoes if isinstance(self.wire, RawEchoConnection) else self._echoes

    @property
    def progress(self) -> int:
        """Bytes on the wire, both ways."""
        return self._received + self._sent if self.wire is None else self.wire.received + self.wire.sent

    @property
    def has_unsent(self) -> bool:
        """Whether bytes wait to be sent."""
        if self._responder is not None and self._responder.pending:
            return True
        return self.wire is not None and self.wire.waiting

    def connectionMade(self) -> None:
        """Count the connection, and begin."""
        self._admission.opened(self)
        if self.established:
            self._begin()

    def handshakeCompleted(self) -> None:
        """Begin, now that TLS is set up."""
        self.established = True
        self._admission.established()
        self._begin()

    def dataReceived(self, data: bytes) -> None:
        """Answer what was received."""
        self._received += len(data)
        self._echoes += 1
        if self._admission.settings.log_received:
            self._admission.emit(Received(self.number, self.transport_name, self.peer, len(data)))
        if self._responder is None:
            self.send(data)
        else:
            self._responder.received(data)

    def readConnectionLost(self) -> None:
        """Send the rest, then close: nothing more will come (the client's FIN)."""
        if self._responder is None:
            self.close("closed")
        else:
            self._responder.ended()

    def writeConnectionLost(self) -> None:
        """Give the client time to read what was sent last: our FIN is sent."""
        self.linger_until = self._admission.clock() + LINGER

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count the end of the connection, and let go of what it held: the garbage collector comes rarely."""
        if self._responder is not None:
            self._responder.stop()
            self._responder = None
        # TLS takes a FIN without an alert before it for an attack; it is how many clients close.
        ended = self.established and self.wire is not None and self.wire.ended
        self._admission.closed(self, self._reason or ("closed" if ended else reason_of(reason)))

    def close(self, reason: str) -> None:
        """Close it once the buffered bytes are sent."""
        self._reason = self._reason or reason
        self.transport.loseConnection()

    def abort(self, reason: str) -> None:
        """Abort it now."""
        self._reason = self._reason or reason
        self.transport.abortConnection()

    def send(self, data: bytes) -> None:
        """Send, or buffer until it can be sent."""
        self._sent += len(data)
        self.transport.write(data)

    def shut_down(self, reason: str) -> None:
        """Close before the client does, without losing what was sent last.

        Closing a socket that has unread bytes, or gets more, sends a reset, and the reset may overtake what the
        client has not read yet. So the FIN goes first, and what still comes is read and dropped until the client's
        FIN, or for a while. TLS does the same with its own closing alerts.
        """
        self._reason = self._reason or reason
        if self.transport is self.wire:
            self.wire.loseWriteConnection()
        else:
            self.transport.loseConnection()

    def _begin(self) -> None:
        settings = self._admission.settings
        if settings.banner is not None:
            self.send(settings.banner.encode() + b"\n")
        if self.wire is not None and self._responder is not None:
            self.wire.chunk = TEXT_CHUNK


def reason_of(failure: Failure) -> str:
    """Name Twisted's reason of a lost connection in words: for the log, not for deciding anything."""
    error = failure.value
    if isinstance(error, ConnectionDone):
        return "closed"
    if isinstance(error, ConnectionAborted):
        return "aborted"
    # Not by isinstance: a server without TLS should not depend on OpenSSL's Python module for its log.
    if type(error).__module__.startswith("OpenSSL"):
        return f"TLS: {_openssl(error)}"
    return "reset"


def _openssl(error: BaseException | None) -> str:
    """Take the last reason out of OpenSSL's queue of (library, function, reason)."""
    queue = error.args[0] if error is not None and error.args else None
    if isinstance(queue, list) and queue:
        return str(queue[-1][-1]) or "failed"
    return str(error) or "failed"
