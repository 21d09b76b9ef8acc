"""How a Twisted transport survives an event of its error queue.

A transmit timestamp that comes late (the packet waited in the interface's queue) makes the socket report EPOLLERR,
without EPOLLIN; an ICMP error does the same to a connected UDP socket. `posixbase._PollLikeMixin._doReadOrWrite` takes
that for the end: it stops reading and calls `readConnectionLost`, by which `udp.Port` and `tcp.Connection` close. (The
select and asyncio reactors call `doRead`, as for anything that can be read.)

Here the answer to an error is to read. Reading empties the error queue and then says what the matter is: EAGAIN
(there were timestamps alone: go on), no bytes (the peer has closed its side), or the socket's own error.

It holds while the descriptor is being read: one that is only written to when the error comes gets
`connectionLost`, from which there is no way back. So: do not pause reading while timestamps are on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable


class _Transport(Protocol):
    """What the mixin needs of `tcp.Connection` and `udp.Port`."""

    connected: object
    doRead: Callable[[], object]
    startReading: Callable[[], None]
    stopReading: Callable[[], None]
    connectionLost: Callable[[Failure], None]


class ErrorQueueAware:
    """A descriptor to which an error is one more reason to read. Mix in before `tcp.Connection` or `udp.Port`.

    `doRead` must drain the error queue whole (`SocketTimestamps.drain(…, everything=True)`) when there is nothing
    to read, or the reactor will be back at once.
    """

    def readConnectionLost(self: _Transport, reason: Failure) -> None:
        """Read: stay if that finds nothing wrong, else end as a failed read does."""
        # Before doRead, which may lead to loseConnection or pauseProducing: those take precedence.
        self.startReading()
        why = self.doRead()
        if not why or not self.connected:
            return
        self.stopReading()
        if isinstance(why, ConnectionDone):
            super().readConnectionLost(reason)  # type: ignore[misc]
        else:
            self.connectionLost(Failure(why if isinstance(why, Exception) else ConnectionLost()))
