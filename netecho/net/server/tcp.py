"""The server's streams: accepting them, on TCP and Unix sockets, and what is said on one.

The accept loop is our own because the limits belong before any object is made for a connection, and because running
out of descriptors is something to survive and to tell, not to log.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from zope.interface import implementer

from netecho.echo.events import Received
from netecho.echo.text import Conversation
from netecho.net.reactor.eager import EagerConnection
from netecho.net.server.reasons import reason_of
from netecho.net.server.tcp_raw import RawEchoConnection

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IProtocol
    from twisted.python.failure import Failure

    from netecho.net.server.admission import Admission
    from netecho.net.server.sockets import BoundSocket

_ACCEPTS = 64
"""Connections accepted in one pass; then those that are already in have their turn."""

_PAUSE = 1.0
"""How long accepting rests when the system has nothing left to accept with; seconds."""

TEXT_CHUNK = 8192
"""Bytes taken by one read where each may be answered with a line."""

LINGER = 2_000_000_000
"""How long a client may take to close its half after the server closed its own; nanoseconds."""


@implementer(IHalfCloseableProtocol, IHandshakeListener)
class EchoProtocol(Protocol):
    """One client's stream, and a `ClientConnection` of the reception."""

    number = 0
    since = 0
    progress_seen = 0
    progress_at = 0
    linger_until: int | None = None
    transport: Any
    wire: EagerConnection | None = None
    """What the bytes go over, beneath TLS if there is TLS; None in tests of the talk alone."""

    def __init__(self, admission: Admission, transport_name: str, peer: str, client: str) -> None:
        self.transport_name = transport_name
        self.peer = peer
        self.client = client
        self.greeted = transport_name != "tls"
        self._admission = admission
        self._reason: str | None = None
        text_mode = admission.settings.text_mode
        self._conversation = None if text_mode is None else Conversation(text_mode)
        self._received = 0
        self._sent = 0

    @property
    def received(self) -> int:
        """Payload bytes that came."""
        return self.wire.received if isinstance(self.wire, RawEchoConnection) else self._received

    @property
    def sent(self) -> int:
        """Payload bytes that went, or are to go."""
        return self.wire.sent if isinstance(self.wire, RawEchoConnection) else self._sent

    @property
    def progress(self) -> int:
        """Bytes on the wire, both ways."""
        return self._received + self._sent if self.wire is None else self.wire.received + self.wire.sent

    @property
    def owes(self) -> bool:
        """Whether bytes wait to be sent."""
        return self.wire is not None and self.wire.waiting

    def connectionMade(self) -> None:
        """Tell of the client, and begin."""
        self._admission.opened(self)
        if self.greeted:
            self._begin()

    def handshakeCompleted(self) -> None:
        """Begin, now that TLS is set up."""
        self.greeted = True
        self._begin()

    def dataReceived(self, data: bytes) -> None:
        """Answer what came."""
        self._received += len(data)
        if self._admission.settings.tells_arrivals:
            self._admission.tell(Received(self.number, self.transport_name, self.peer, len(data)))
        if self._conversation is None:
            self._say(data)
        elif self._conversation.ending is None:
            self._say(self._conversation.received(data))
            if self._conversation.ending is not None:
                self._hang_up(self._conversation.ending)

    def readConnectionLost(self) -> None:
        """Send what is owed, then close: nothing more will come (the client's FIN)."""
        if self._conversation is not None:
            self._say(self._conversation.ended())
        self.close("closed")

    def writeConnectionLost(self) -> None:
        """Give the client a while to read what was owed to it: our own FIN is sent."""
        self.linger_until = self._admission.clock() + LINGER

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell of the end."""
        # TLS takes a FIN without an alert before it for an attack; it is how many clients close.
        ended = self.greeted and self.wire is not None and self.wire.ended
        self._admission.closed(self, self._reason or ("closed" if ended else reason_of(reason)))

    def close(self, reason: str) -> None:
        """End it once what is owed is sent."""
        self._reason = self._reason or reason
        self.transport.loseConnection()

    def cut(self, reason: str) -> None:
        """End it now."""
        self._reason = self._reason or reason
        self.transport.abortConnection()

    def _begin(self) -> None:
        settings = self._admission.settings
        if settings.banner is not None:
            self._say(settings.banner.encode() + b"\n")
        if self.wire is not None and self._conversation is not None:
            # A line of one byte is answered with many: what comes of one read is what has to be held.
            self.wire.chunk = TEXT_CHUNK

    def _say(self, data: bytes) -> None:
        if data:
            self._sent += len(data)
            self.transport.write(data)

    def _hang_up(self, reason: str) -> None:
        """Close of our own accord, without losing what was said last.

        Closing a socket that has unread bytes, or gets more, sends a reset, and the reset may overtake what the
        client has not read yet. So the FIN goes first, and what still comes is read and dropped until the client's
        FIN, or for a while. TLS does the same with its own closing alerts.
        """
        self._reason = self._reason or reason
        if self.transport is self.wire:
            self.wire.loseWriteConnection()
        else:
            self.transport.loseConnection()


class StreamListener(FileDescriptor):
    """Accepts the connections of one bound socket into the lane, as far as the reception lets them in.

    `wrap` puts TLS around a protocol, where the socket's scheme asks for it.
    """

    def __init__(
        self,
        reactor: Any,
        fdset: Any,
        bound: BoundSocket,
        admission: Admission,
        wrap: Callable[[EchoProtocol], IProtocol] | None = None,
    ) -> None:
        super().__init__(reactor)
        self._fdset = fdset
        self._socket = bound.socket
        self._scheme = bound.scheme
        self._admission = admission
        self._wrap = wrap
        settings = admission.settings
        is_mirror = wrap is None and settings.text_mode is None and not settings.tells_arrivals
        self._wire = RawEchoConnection if is_mirror else EagerConnection
        self._spare: int | None = None
        self._pause: Any = None
        self._reserve()
        self.startReading()

    def fileno(self) -> int:
        """Give the reactor the socket."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Name the listener in Twisted's log."""
        return self._scheme

    def doRead(self) -> None:
        """Accept whoever waits."""
        for _ in range(_ACCEPTS):
            try:
                sock, address = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                # The others (ECONNABORTED, EPERM and the network's own) are about one client: the next may be fine.
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM) and not self._turn_away():
                    return
                continue
            self._welcome(sock, address)

    def stop(self) -> None:
        """Accept no more; the socket is closed by whoever made it."""
        self.stopReading()
        if self._pause is not None and self._pause.active():
            self._pause.cancel()
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def _welcome(self, sock: socket.socket, address: Any) -> None:
        host, peer = _named(sock, address)
        client = self._admission.admit(self._scheme, host, peer)
        if client is None:
            sock.close()
            return
        protocol = EchoProtocol(self._admission, self._scheme, peer, client)
        outer: Any = protocol if self._wrap is None else self._wrap(protocol)
        wire = self._wire(sock, outer, self._fdset)
        protocol.wire = wire
        outer.makeConnection(wire)

    def _reserve(self) -> None:
        """Keep one descriptor back, to have it when there are no more."""
        try:
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._spare = None

    def _turn_away(self) -> bool:
        """Out of descriptors: accept one client with the spare one, to close it. Return whether that went well."""
        if self._spare is not None:
            os.close(self._spare)
            try:
                sock, address = self._socket.accept()
            except OSError:
                self._reserve()
            else:
                _, peer = _named(sock, address)
                sock.close()
                self._reserve()
                self._admission.refuse(self._scheme, peer, "out of descriptors (ulimit -n)")
                return True
        # Whoever waits keeps the socket readable; without a rest the reactor would spin on it.
        self._admission.turned_away(
            self._scheme, "everybody, for a second", "the system is out of descriptors or memory"
        )
        self.stopReading()
        self._pause = self.reactor.callLater(_PAUSE, self._resume)
        return False

    def _resume(self) -> None:
        if self._spare is None:
            self._reserve()
        self.startReading()


def _named(sock: socket.socket, address: Any) -> tuple[str, str]:
    """Return a peer's address alone, and with its port as one would write it."""
    if sock.family == socket.AF_UNIX:
        if not hasattr(socket, "SO_PEERCRED"):
            return "local", "local"
        pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return f"uid {uid}", f"uid {uid} pid {pid}"
    host, port = address[0], address[1]
    if sock.family == socket.AF_INET6:
        return host, f"[{host}%{address[3]}]:{port}" if address[3] else f"[{host}]:{port}"
    return host, f"{host}:{port}"
