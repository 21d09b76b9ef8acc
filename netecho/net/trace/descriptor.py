"""A socket that is read, of which the reactor makes nothing else: neither an end nor an error.

An ICMP error in a socket's queue is EPOLLERR, which Twisted takes for the end of a connection (`reactor.error_queue`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IHalfCloseableDescriptor, IReadDescriptor
from zope.interface import implementer

if TYPE_CHECKING:
    import socket

    from twisted.python.failure import Failure

    from netecho.net.reactor.interfaces import ReactorDescriptors

MOST = 128
"""Packets read before the rest of the program has its turn: a flood may not keep what is due waiting."""


@implementer(IReadDescriptor, IHalfCloseableDescriptor)
class Descriptor:
    """Calls `read` whenever there may be something to read, until it is closed."""

    def __init__(self, reactor: ReactorDescriptors, sock: socket.socket) -> None:
        self._reactor = reactor
        self.socket = sock
        self.closed = False

    def start(self) -> None:
        """Begin to read."""
        self._reactor.addReader(self)

    def read(self) -> None:
        """Read what waits, `MOST` packets at most."""
        raise NotImplementedError

    def doRead(self) -> None:
        """Read."""
        if not self.closed:
            self.read()

    def readConnectionLost(self, reason: Failure) -> None:
        """Read, and go on: there was an error in the queue."""
        del reason
        if not self.closed:
            self._reactor.addReader(self)
            self.read()

    def writeConnectionLost(self, reason: Failure) -> None:
        """Do nothing: only reading is waited for."""

    connectionLost = readConnectionLost

    def fileno(self) -> int:
        """Return the descriptor's number."""
        return self.socket.fileno()

    def logPrefix(self) -> str:
        """Return what Twisted calls this in its log."""
        return "trace"

    def close(self) -> None:
        """Read no more."""
        if not self.closed:
            self.closed = True
            self._reactor.removeReader(self)
            self.socket.close()
