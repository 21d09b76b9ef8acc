"""Stream connections whose writes leave at once, for both sides.

Twisted's transports put what is written into a buffer and send it a reactor pass later, after two more calls to
epoll. Here the send is tried at once whenever nothing is waiting, and only what the kernel does not take is buffered.

The server's `EagerConnection` also stops reading while bytes wait: that is all the back-pressure there is, it holds for
whatever runs on top (TLS writes its records through here), and it bounds what a connection can hold to what was
received by one read. The probe's connection reads on: its own sends wait instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from twisted.internet.abstract import FileDescriptor
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.tcp import Connection

from netecho.net.reactor.interfaces import for_twisted

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    from twisted.internet.error import ConnectionDone, ConnectionLost
    from twisted.internet.interfaces import IProtocol

    from netecho.net.reactor.interfaces import ReactorDescriptors, StreamProtocol

CHUNK = 65_536
"""Bytes taken by one read."""

_scratch = bytearray(CHUNK)
_view = memoryview(_scratch)


class EagerWriter(Connection):
    """A TCP or Unix stream whose writes leave at once; `sent` counts the bytes that the kernel took."""

    protocol: StreamProtocol  # type: ignore[assignment]  # a type checker cannot call IProtocol's methods
    waiting = False
    """Whether bytes wait to be sent."""
    sent = 0

    def write(self, data: bytes) -> None:
        """Send `data` now as far as the kernel takes it, and the rest when it takes more."""
        if not self.connected or self._writeDisconnected or not data:
            return
        if self.waiting:
            FileDescriptor.write(self, data)
            return
        try:
            sent = self.socket.send(data)
        except OSError:  # no room; or the connection is lost, which the reactor's next event says
            sent = 0
        self.sent += sent
        if sent != len(data):
            self._wait(data[sent:] if sent else data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Write several pieces as one."""
        self.write(b"".join(iovec))

    # `_AbortingMixin` declares that this and `doRead` return None, which they do only after an abort.
    def doWrite(self) -> Exception | None:  # type: ignore[override]
        """Send what waits."""
        result: Exception | None = super().doWrite()
        if self.waiting and not self.dataBuffer and not self._tempDataBuffer:
            self.waiting = False
            self._written(result)
        return result

    def writeSomeData(self, data: bytes) -> int | ConnectionLost:
        """Send once, and count."""
        sent = super().writeSomeData(data)
        if isinstance(sent, int) and sent > 0:
            self.sent += sent
        return sent

    def _wait(self, rest: bytes) -> None:
        """Buffer what the kernel did not take."""
        self.waiting = True
        FileDescriptor.write(self, rest)

    def _written(self, result: object) -> None:
        """Continue when nothing waits any more; `result` is that of the last send."""


class EagerConnection(EagerWriter):
    """The server's: over whatever IReactorFDSet it is given, it does not read while bytes wait to be sent.

    `received` counts bytes as `sent` does.
    """

    chunk = CHUNK
    """Bytes to take by one read."""
    ended = False
    """Whether the peer has sent its FIN."""
    on_written: Callable[[], None] | None = None
    """Called when nothing waits any more, in place of reading on: for a protocol that has more to write first."""
    received = 0

    def __init__(self, sock: socket.socket, protocol: StreamProtocol, reactor: ReactorDescriptors) -> None:
        super().__init__(sock, cast("IProtocol", protocol), for_twisted(reactor))
        self.connected = 1
        self.startReading()

    def logPrefix(self) -> str:
        """Name the connection in Twisted's log."""
        return "echo"

    def doRead(self) -> ConnectionLost | ConnectionDone | None:  # type: ignore[override]  # see `doWrite`
        """Read what was received. Returns why the connection is over, or None."""
        try:
            size = self.socket.recv_into(_scratch, self.chunk)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if not size:
            self.ended = True
            return CONNECTION_DONE
        self.received += size
        self.protocol.dataReceived(bytes(_view[:size]))
        return None

    def resumeProducing(self) -> None:
        """Read again, unless bytes wait or no more will come."""
        if not self.waiting and not self.ended:
            super().resumeProducing()

    def _wait(self, rest: bytes) -> None:
        self.stopReading()
        super()._wait(rest)

    def _written(self, result: object) -> None:
        if result is not None or not self.connected or self.disconnecting:
            return
        if self.on_written is not None:
            self.on_written()
        elif not self.ended:
            self.startReading()
