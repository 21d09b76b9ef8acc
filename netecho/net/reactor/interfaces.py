"""What netecho asks of a reactor, as types: time, descriptors, threads.

zope's interfaces say the same at run time, but not to a type checker. Each function asks for the least it needs, so
that a test can hand it `task.Clock` where time is all there is. A descriptor is whatever Twisted's reactors take
(`IReadDescriptor`, `IWriteDescriptor`): they look at nothing but its methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twisted.python.failure import Failure


class DelayedCall(Protocol):
    """A call that is to come."""

    def active(self) -> bool:
        """Return whether it is still to come."""

    def cancel(self) -> None:
        """Call it off. Raises AlreadyCalled or AlreadyCancelled where it is not active."""


class ReactorTime(Protocol):
    """A reactor's time, which runs by the wall clock: good for waiting, never for measuring."""

    def callLater(self, delay: float, callable: Callable[..., object], /, *args: object) -> DelayedCall:  # noqa: A002
        """Call in `delay` seconds."""


class ReactorThreads(Protocol):
    """The way back into the reactor's thread, and out of a signal handler."""

    def callFromThread(self, callable: Callable[..., object], /, *args: object) -> object:  # noqa: A002
        """Call in the reactor's next pass."""


class ReactorDescriptors(Protocol):
    """The descriptors that a reactor watches."""

    def addReader(self, reader: object, /) -> object:
        """Watch for what can be read."""

    def addWriter(self, writer: object, /) -> object:
        """Watch for room to write."""

    def removeReader(self, reader: object, /) -> object:
        """No longer watch for what can be read."""

    def removeWriter(self, writer: object, /) -> object:
        """No longer watch for room to write."""


class Selectable(Protocol):
    """A descriptor that can be read and written, and is notified of its end, as a reactor uses it.

    What `doRead` and `doWrite` return is why the connection is over; None: it is not.
    """

    def fileno(self) -> int:
        """Return the number of the descriptor."""

    def doRead(self) -> object:
        """Read."""

    def doWrite(self) -> object:
        """Write."""

    def readConnectionLost(self, reason: Failure, /) -> object:
        """Handle the peer's FIN: nothing more will be received."""

    def connectionLost(self, reason: Failure, /) -> object:
        """Handle the end of the connection."""


class StreamProtocol(Protocol):
    """What is on top of a stream's transport, as that uses it (IProtocol)."""

    def makeConnection(self, transport: Any, /) -> object:
        """Begin, on this transport."""

    def dataReceived(self, data: bytes, /) -> object:
        """Take in what was received."""

    def connectionLost(self, reason: Failure, /) -> object:
        """Handle the end of the connection."""


class ReactorProcess(ReactorTime, Protocol):
    """A reactor that starts processes, and has timers to see to them."""

    def spawnProcess(
        self,
        processProtocol: object,
        executable: str,
        args: Sequence[str],
        env: Mapping[str, str],
        /,
        *,
        childFDs: Mapping[int, int | str],
    ) -> object:
        """Start a process that `processProtocol` (an IProcessProtocol) talks to. Raises OSError."""

    def adoptStreamConnection(self, fileDescriptor: int, addressFamily: int, factory: Any, /) -> object:
        """Make a transport of a copy of a connected socket, for a protocol that `factory` (a Factory) builds."""


class ReactorIO(ReactorTime, ReactorDescriptors, Protocol):
    """Time and descriptors: what a connection needs."""


class Reactor(ReactorIO, ReactorThreads, ReactorProcess, Protocol):
    """The whole of it."""


class RunningReactor(Reactor, Protocol):
    """One that is started and stopped here."""

    def callWhenRunning(self, callable: Callable[[], object], /) -> object:  # noqa: A002
        """Call once it runs."""

    def run(self) -> None:
        """Run until it is stopped."""

    def stop(self) -> None:
        """Have it stop."""


def for_twisted(reactor: ReactorTime | ReactorDescriptors) -> Any:
    """Return the same reactor for a class of Twisted's own, whose annotation is an interface of zope's.

    No type that is not zope's satisfies one; this is the only place that passes one anyway.
    """
    return reactor
