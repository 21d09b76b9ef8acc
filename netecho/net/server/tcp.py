"""The server's streams: accepting connections on TCP and Unix sockets, and the echo protocol on each.

The accept loop is our own because the limits apply before any object is made for a connection, and because the server
survives running out of descriptors and says so, where Twisted's would log a traceback.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from zope.interface import implementer

from netecho.echo.events import Received
from netecho.net.reactor.eager import EagerConnection
from netecho.net.server.peers import names_of
from netecho.net.server.socket_reader import SocketReader
from netecho.net.server.tcp_raw import RawEchoConnection
from netecho.net.server.text_responder import TextResponder
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from twisted.python.failure import Failure

    from netecho.net.reactor.interfaces import DelayedCall, Reactor, ReactorIO
    from netecho.net.server.admission import Admission
    from netecho.net.server.sockets import BoundSocket
    from netecho.net.server.turns import Turns
    from netecho.net.sockaddr import SockAddr

_ACCEPTS = 64
"""The most connections accepted in one pass; then the open ones have their turn."""

_SLICE = 2 * MILLISECOND
"""And how long they are accepted for: one takes some 100 µs, with TLS several times that."""

_PAUSE = 1.0
"""How long accepting pauses when the system is out of descriptors or memory; seconds."""

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
        """Count the end of the connection."""
        if self._responder is not None:
            self._responder.stop()
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


class StreamListener(SocketReader):
    """Accepts the connections of one bound socket, as far as admission permits, and has `fdset` watch them.

    `wrap` puts TLS around a protocol, where the socket's scheme asks for it.
    """

    def __init__(
        self,
        reactor: Reactor,
        fdset: ReactorIO,
        bound: BoundSocket,
        admission: Admission,
        turns: Turns,
        wrap: Callable[[EchoProtocol], Protocol] | None = None,
    ) -> None:
        super().__init__(reactor, bound)
        self._fdset = fdset
        self._admission = admission
        self._turns = turns
        self._wrap = wrap
        settings = admission.settings
        admission.totals_of(self._scheme)
        is_raw = wrap is None and settings.text_mode is None and not settings.log_received
        self._wire = RawEchoConnection if is_raw else EagerConnection
        self._spare: int | None = None
        self._pause: DelayedCall | None = None
        self._reserve()
        self.startReading()

    def doRead(self) -> None:
        """Accept the connections that wait."""
        clock = self._admission.clock
        until = clock() + _SLICE
        for _ in range(_ACCEPTS):
            try:
                sock, address = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                # The others (ECONNABORTED, EPERM and the network's own) are about one client: the next may be fine.
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM) and not self._refuse_one():
                    return
                continue
            self._open(sock, address)
            if clock() >= until:
                return

    def stop(self) -> None:
        """Accept no more."""
        self.stopReading()
        if self._pause is not None and self._pause.active():
            self._pause.cancel()
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def _open(self, sock: socket.socket, address: SockAddr) -> None:
        host, peer = names_of(sock, address)
        client = self._admission.admit(self._scheme, host, peer, handshake=self._wrap is not None)
        if client is None:
            sock.close()
            return
        protocol = EchoProtocol(
            self._admission, self._turns, self._scheme, peer, client, established=self._wrap is None
        )
        outer: Protocol = protocol if self._wrap is None else self._wrap(protocol)
        wire = self._wire(sock, outer, self._fdset)
        protocol.wire = wire
        outer.makeConnection(wire)

    def _reserve(self) -> None:
        """Hold one descriptor in reserve, for when there are no more."""
        try:
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._spare = None

    def _refuse_one(self) -> bool:
        """Out of descriptors: accept a client with the reserved one and close it; return whether that succeeded."""
        if self._spare is not None:
            os.close(self._spare)
            try:
                sock, address = self._socket.accept()
            except OSError:
                self._reserve()
            else:
                _, peer = names_of(sock, address)
                sock.close()
                self._reserve()
                self._admission.refuse(self._scheme, peer, "out of descriptors (ulimit -n)")
                return True
        # A connection that waits keeps the socket readable: without a pause the reactor would spin on it.
        self._admission.log_refusal(
            self._scheme, "everybody, for a second", "the system is out of descriptors or memory"
        )
        self.stopReading()
        self._pause = self.reactor.callLater(_PAUSE, self._resume)
        return False

    def _resume(self) -> None:
        if self._spare is None:
            self._reserve()
        self.startReading()


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
