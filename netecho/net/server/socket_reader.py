"""A listening socket as Twisted's reactors take one: what all listeners have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from twisted.internet.abstract import FileDescriptor

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorFDSet

    from netecho.net.reactor.interfaces import ReactorDescriptors
    from netecho.net.server.sockets import BoundSocket


class SocketReader(FileDescriptor):
    """Watches a bound socket for what can be read; `doRead` is the listener's. The socket is closed by its owner."""

    def __init__(self, reactor: ReactorDescriptors, bound: BoundSocket) -> None:
        super().__init__(cast("IReactorFDSet", reactor))
        self._socket = bound.socket
        self._scheme = bound.scheme

    def fileno(self) -> int:
        """Give the reactor the socket."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Name the listener in Twisted's log."""
        return self._scheme
