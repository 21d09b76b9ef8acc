"""The server's streams: accepting connections on TCP and Unix sockets.

The accept loop is our own because the limits apply before any object is made for a connection, and because the server
survives running out of descriptors and says so, where Twisted's would log a traceback.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from netecho.net.reactor.eager import EagerConnection
from netecho.net.server.echo_protocol import EchoProtocol
from netecho.net.server.peers import names_of
from netecho.net.server.socket_reader import SocketReader
from netecho.net.server.tcp_raw import RawEchoConnection
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from twisted.internet.protocol import Protocol

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
        wrap: Callable[[Protocol], Protocol] | None = None,
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
        self._serve(sock, peer, client)

    def _serve(self, sock: socket.socket, peer: str, client: str) -> None:
        """Begin with a connection that was admitted."""
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
        """Out of descriptors: accept a client with the reserved one and close it; return whether more may wait."""
        if self._spare is not None:
            os.close(self._spare)
            try:
                sock, address = self._socket.accept()
            except BlockingIOError:  # Linux looks for a free descriptor first, and then for who waits
                self._reserve()
                return False
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
