"""The probe's side of a byte stream: TCP, Unix sockets, and TLS over TCP.

`ProbeConnection` is a Twisted transport over a socket that `dial` has connected. It differs from Twisted's own in
three things: a send goes to the system at once, not a reactor pass later; it reads no more than the next reply, so
that each has a kernel stamp of its own; and a stamp waiting in the socket's error queue is not taken for an error.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, cast

from twisted.internet import tcp
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from zope.interface import implementer

from netecho.measure.match import StreamMatcher

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocol
    from twisted.python.failure import Failure

    from netecho.measure.payload import Payloads
    from netecho.measure.session import Probe
    from netecho.net.flow import Flow
    from netecho.net.stamps import SocketStamps

_READ = 65536
# Sends whose stamp is still awaited. A stamp that has not come after so many more will not come.
_AWAITED = 4096


class ProbeConnection(tcp.Connection):
    """A connected stream socket as a Twisted transport that sends at once and stamps."""

    _tlsClientDefault = True
    logstr = "probe"

    def __init__(self, reactor: Any, skt: socket.socket, protocol: StreamLink, stamps: SocketStamps | None) -> None:
        super().__init__(skt, cast("IProtocol", protocol), reactor)
        self.stamps = stamps
        self.arrived: int | None = None
        """Kernel's stamp of the bytes being delivered; wall clock, ns."""
        self._link = protocol

    def begin(self) -> None:
        """Tell the protocol, and start reading."""
        self.connected = 1
        self._link.makeConnection(self)
        self.startReading()

    def send_now(self, data: bytes) -> None:
        """Hand `data` to the system at once, where nothing waits before it; else, and for the rest, buffer it."""
        if self.dataBuffer or self._tempDataBuffer or not self.connected:
            self.write(data)
            return
        taken = self.writeSomeData(data)
        if isinstance(taken, Exception):
            # The reactor finds the same out, and says it to the protocol outside of this call.
            return
        if taken < len(data):
            self.write(data[taken:])

    def doRead(self) -> Any:
        """Read one reply's bytes, with their stamp."""
        if self.stamps is None:
            return super().doRead()
        self._link.collect_stamps()
        try:
            data, self.arrived, _ = self.stamps.read(self.socket, self._link.wanted or _READ)
        except BlockingIOError:
            return None
        except OSError:
            return ConnectionLost()
        return self._dataReceived(data)

    def readConnectionLost(self, reason: Failure) -> None:
        """Learn that the descriptor has an error and no data: perhaps only a stamp in the error queue.

        Twisted's epoll reactor takes EPOLLERR without EPOLLIN for the end of the connection. With a stamp in the
        queue the socket has no error, and its peer has not closed: then it is read out and reading goes on.
        """
        if self.stamps is not None and self._link.collect_stamps() and not self._at_end():
            self.startReading()
            return
        super().readConnectionLost(reason)

    def _at_end(self) -> bool:
        if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            return True
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def getHost(self) -> Any:
        """Return the local address, as the socket has it."""
        return self.socket.getsockname()

    def getPeer(self) -> Any:
        """Return the peer's address, as the socket has it."""
        return self.socket.getpeername()


@implementer(IPushProducer)
class StreamLink(Protocol):
    """Carries a flow's probes over a stream, and finds the replies in what comes back."""

    connection: ProbeConnection

    def __init__(self, flow: Flow, payloads: Payloads) -> None:
        self._flow = flow
        self._session = flow.session
        self._payloads = payloads
        session = self._session
        self._matcher = StreamMatcher(payloads, session.issued, lambda: session.issued)
        self._sent_bytes = 0
        self._awaited: dict[int, Probe] = {}

    @property
    def wanted(self) -> int:
        """How many bytes the next reply lacks; 0: any."""
        return self._matcher.wanted

    def connectionMade(self) -> None:
        """Let the transport hold us back when its buffer fills: the peer does not read."""
        self.connection.registerProducer(self, True)

    def send(self, probe: Probe) -> None:
        """Send a probe."""
        payload = self._payloads.of(probe.index)
        connection = self.connection
        stamps = connection.stamps
        if stamps is None and connection.TLS:
            self._session.sent(probe, self._flow.clock())
            connection.write(payload)
            return
        self._sent_bytes += len(payload)
        self._session.sent(probe, self._flow.clock())
        connection.send_now(payload)
        if stamps is not None:
            # The kernel names a stamp by the offset of the last byte it covers.
            self._awaited[(self._sent_bytes - 1) & 0xFFFFFFFF] = probe
            self.collect_stamps()

    def collect_stamps(self) -> bool:
        """Read the sending stamps that have come; return whether there were any."""
        awaited = self._awaited
        stamps = self.connection.stamps
        if stamps is None:
            return False
        if not awaited:
            return bool(stamps.drain(self.connection.socket))
        came = stamps.drain(self.connection.socket)
        for offset, left in came:
            probe = awaited.pop(offset, None)
            if probe is not None:
                probe.left = left
        if len(awaited) > _AWAITED:
            del awaited[next(iter(awaited))]
        return bool(came)

    def dataReceived(self, data: bytes) -> None:
        """Tell the session of each reply that `data` completes."""
        now = self._flow.clock()
        arrived = self.connection.arrived
        session = self._session
        for found in self._matcher.feed(data):
            if isinstance(found, bytes):
                session.stray(found)
            else:
                session.answered(found.number, now, arrived, found.wrong_at)
        self._flow.pump()

    def poll(self) -> None:
        """Read what waits in the socket."""
        if self.connection.connected:
            self.connection.doRead()

    def close(self) -> None:
        """Reset the connection: nothing that is on its way is wanted."""
        if self.connection.connected:
            self.connection.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the flow, which may get another."""
        del reason
        self._flow.lost(self)

    def pauseProducing(self) -> None:
        """Hold sends back: the transport's buffer is full."""
        self._session.pause()

    def resumeProducing(self) -> None:
        """Send again."""
        self._session.resume()
        self._flow.pump()

    def stopProducing(self) -> None:
        """Do nothing: `connectionLost` follows."""


def stream_link(
    reactor: Any, skt: socket.socket, flow: Flow, payloads: Payloads, stamps: SocketStamps | None
) -> StreamLink:
    """Put a link for `flow` on a connected socket."""
    link = StreamLink(flow, payloads)
    link.connection = ProbeConnection(reactor, skt, link, stamps)
    link.connection.begin()
    return link
