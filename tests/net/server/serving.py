"""A server's parts without a server: a reactor whose clock stands still, and the events that were emitted."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING, Any

from twisted.internet.task import Clock

from netecho.net.reactor.epoll_fdset import EpollFDSet
from netecho.net.server.admission import Admission
from netecho.net.server.settings import ServerSettings
from netecho.net.server.turns import Turns

if TYPE_CHECKING:
    from netecho.echo.events import ServerEvent


class StillReactor(Clock):
    """Time goes on when a test says so, and descriptors are read when it says so."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()

    def addReader(self, reader: Any) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.discard(reader)

    def addWriter(self, writer: Any) -> None:
        self.writers.add(writer)

    def removeWriter(self, writer: Any) -> None:
        self.writers.discard(writer)


class ServerParts:
    """Admission and the descriptor set of the connections, on a reactor that stands still."""

    def __init__(self, **settings: Any) -> None:
        self.reactor = StillReactor()
        self.fdset = EpollFDSet(self.reactor)
        self.events: list[ServerEvent] = []
        self.admission = Admission(ServerSettings(**settings), self.events.append, self.now)
        self.turns = Turns(self.reactor, self.now)

    def now(self) -> int:
        return round(self.reactor.seconds() * 1e9)

    def pass_(self) -> None:
        """One pass over the connections, as the reactor gives it when one of its connections is ready."""
        self.fdset.doRead()

    def is_ready(self) -> bool:
        """Whether one of the connections is ready."""
        return bool(select.select([self.fdset], [], [], 0)[0])

    def settle(self) -> None:
        """Pass until nothing is ready; what was to happen in the next pass of the reactor happens too."""
        self.reactor.advance(0)
        for _ in range(10_000):
            if not self.is_ready() and not any(call.getTime() <= self.reactor.seconds() for call in self.reactor.calls):
                return
            self.pass_()
            self.reactor.advance(0)
        raise AssertionError("the connections are busy for ever")


def pair(buffer: int | None = None) -> tuple[socket.socket, socket.socket]:
    """Two ends of a stream, neither of which blocks; `buffer` bounds what the system holds for each."""
    one, other = socket.socketpair()
    for end in (one, other):
        end.setblocking(False)
        if buffer is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    return one, other


def tcp_pair(buffer: int) -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection, as `pair`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.socket()
        # Before the connection is there: later it is too late for the window.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        one.connect(listener.getsockname())
        other, _ = listener.accept()
    for end in (one, other):
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    return one, other


def fill(client: socket.socket, data: bytes) -> int:
    """Send as much as the system takes."""
    sent = 0
    while sent < len(data):
        try:
            sent += client.send(data[sent:])
        except BlockingIOError:
            break
    return sent


def drained(sock: socket.socket) -> bytes:
    """Everything that has come; an end that was closed adds nothing."""
    came = b""
    while True:
        try:
            data = sock.recv(1 << 20)
        except BlockingIOError:
            return came
        if not data:
            return came
        came += data
