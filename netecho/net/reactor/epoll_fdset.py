"""Many connections behind one descriptor of the reactor: an epoll of their own, dispatched directly.

Twisted's reactor puts a logging context around each event and checks what an echo needs only once. At 50 busy
connections that was a third of the server's time: 26,000 echoes a second through the reactor, 38,000 through this
epoll, 48,000 for a loop in C, on the same (busy) core in the same run. The epoll is the one descriptor that the
reactor sees. To the connections it is an IReactorFDSet, so that Twisted's own transports work on it unchanged.

Where there is no epoll, or the fast paths are off, the connections are the reactor's own: `fdset_for` decides.
Nothing about echoing belongs here.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, cast

from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python import log
from twisted.python.failure import Failure
from zope.interface import implementer

from netecho.net.linux import portable
from netecho.net.reactor.interfaces import for_twisted
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall

    from netecho.net.reactor.interfaces import Reactor, ReactorTime, Selectable

# The kernel's numbers (epoll_ctl(2)): `select` names them only where there is epoll.
_IN, _OUT = 0x001, 0x004
_GONE = 0x008 | 0x010  # EPOLLERR, EPOLLHUP
_EVENTS = 32
"""Events taken from the kernel at once. It puts those that are still ready behind the others: the next are theirs."""
_SLICE = 5 * MILLISECOND
"""How long one pass goes on taking them; then the reactor's other descriptors and timers have their turn. 250 clients
that send and read as fast as they can made others wait for 70 ms when a pass was 256 events, however long."""


def fdset_for(reactor: Reactor) -> EpollFDSet | Reactor:
    """Return the IReactorFDSet for a server's connections: an epoll inside `reactor`, or `reactor` itself."""
    if portable.REQUESTED or not hasattr(select, "epoll"):
        return reactor
    return EpollFDSet(reactor)


@implementer(IReactorFDSet)
class EpollFDSet(FileDescriptor):
    """An IReactorFDSet inside a reactor; the reactor watches its epoll."""

    def __init__(self, reactor: ReactorTime, clock: Callable[[], int] = time.monotonic_ns) -> None:
        super().__init__(for_twisted(reactor))
        self.is_crowded = False
        """Whether more connections are ready than are taken from the kernel at once."""
        self._clock = clock
        self._epoll = select.epoll()
        self._watched: dict[int, Selectable] = {}
        self._wanted: dict[int, int] = {}
        self.startReading()

    def fileno(self) -> int:
        """Give the reactor the epoll itself: it is readable when a connection in it is ready."""
        return self._epoll.fileno()

    def logPrefix(self) -> str:
        """Name this in Twisted's log."""
        return "epoll"

    def callLater(self, delay: float, call: Callable[..., object], *args: object, **kwargs: object) -> IDelayedCall:
        """Call later, by the reactor's time."""
        later: IDelayedCall = self.reactor.callLater(delay, call, *args, **kwargs)
        return later

    def addReader(self, reader: object) -> None:
        """Watch for what can be read."""
        self._want(reader, _IN)

    def addWriter(self, writer: object) -> None:
        """Watch for room to write."""
        self._want(writer, _OUT)

    def removeReader(self, reader: object) -> None:
        """No longer watch for what can be read."""
        self._unwant(reader, _IN)

    def removeWriter(self, writer: object) -> None:
        """No longer watch for room to write."""
        self._unwant(writer, _OUT)

    def removeAll(self) -> list[Selectable]:
        """Forget every descriptor and return them."""
        everything = list(self._watched.values())
        for fd in list(self._watched):
            self._epoll.unregister(fd)
        self._watched.clear()
        self._wanted.clear()
        return everything

    def getReaders(self) -> list[Selectable]:
        """Return those watched for reading."""
        return [self._watched[fd] for fd, mask in self._wanted.items() if mask & _IN]

    def getWriters(self) -> list[Selectable]:
        """Return those watched for writing."""
        return [self._watched[fd] for fd, mask in self._wanted.items() if mask & _OUT]

    def doRead(self) -> None:
        """Dispatch what is ready."""
        until = self._clock() + _SLICE
        while True:
            events = self._epoll.poll(0, _EVENTS)
            self.is_crowded = len(events) == _EVENTS
            self._dispatch(events)
            if not self.is_crowded or self._clock() >= until:
                return

    def _dispatch(self, events: list[tuple[int, int]]) -> None:
        watched = self._watched
        for fd, event in events:
            connection = watched.get(fd)
            if connection is None:  # closed by an earlier event of this pass
                continue
            reading = False
            try:
                if event & _IN:
                    reading = True
                    why = connection.doRead()
                    if why is None and event & _OUT:
                        why = connection.doWrite()
                elif event & _GONE:
                    reading = bool(self._wanted[fd] & _IN)
                    why = CONNECTION_DONE if reading else CONNECTION_LOST
                else:
                    why = connection.doWrite()
            except Exception as error:  # noqa: BLE001 - as the reactor does: a bug costs the one connection
                log.err()
                why = error
            if why is not None:
                self._disconnect(connection, why, reading)

    def close(self) -> None:
        """Close the epoll, when no connection is left."""
        self.stopReading()
        self._epoll.close()

    def _want(self, descriptor: object, event: int) -> None:
        selectable = cast("Selectable", descriptor)
        fd = selectable.fileno()
        mask = self._wanted.get(fd)
        if mask is None:
            self._epoll.register(fd, event)
            self._watched[fd] = selectable
            self._wanted[fd] = event
        elif not mask & event:
            self._epoll.modify(fd, mask | event)
            self._wanted[fd] = mask | event

    def _unwant(self, descriptor: object, event: int) -> None:
        fd = cast("Selectable", descriptor).fileno()
        mask = self._wanted.get(fd)
        if mask is None or not mask & event:
            return
        if mask == event:
            self._epoll.unregister(fd)
            del self._watched[fd], self._wanted[fd]
        else:
            self._epoll.modify(fd, mask & ~event)
            self._wanted[fd] = mask & ~event

    def _disconnect(self, connection: Selectable, why: object, reading: bool) -> None:
        """End a connection, or the half that it was read from, as Twisted's reactors do."""
        self.removeReader(connection)
        if reading and isinstance(why, ConnectionDone):
            connection.readConnectionLost(Failure(CONNECTION_DONE))
            return
        self.removeWriter(connection)
        reason = why if isinstance(why, Exception) else ConnectionLost()
        connection.connectionLost(Failure(reason))
