"""One worker's process at the supervisor's end of their socket, however it was started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.protocol import Factory, Protocol as TwistedProtocol, connectionDone

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IAddress
    from twisted.python.failure import Failure


class Owner(Protocol):
    """Who is notified about a process."""

    def data_received(self, data: bytes) -> None:
        """Take what the process wrote."""

    def process_ended(self, how: str) -> None:
        """Learn, once, that the process has ended, and all that it wrote was received."""


class Process:
    """One worker's process."""

    def __init__(self, owner: Owner) -> None:
        self.pid: int | None = None
        """None: it is not forked yet."""
        self.channel = Channel(owner, self._finish)
        self._owner = owner
        self._how: str | None = None
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether it has ended and is reaped."""
        return self._how is not None

    def write(self, data: bytes) -> None:
        """Write to the worker."""
        self.channel.write(data)

    def ended(self, how: str) -> None:
        """Note how it ended; its owner learns it when its socket is at its end too."""
        if self._how is None:
            self._how = how
            self._finish()

    def _finish(self) -> None:
        if self._how is not None and self.channel.is_lost and not self._is_over:
            self._is_over = True
            self._owner.process_ended(self._how)


class Channel(TwistedProtocol):
    """The supervisor's end of a worker's socket."""

    transport: Any

    def __init__(self, owner: Owner, lost: Callable[[], None]) -> None:
        self.is_lost = False
        self._owner = owner
        self._lost = lost

    def write(self, data: bytes) -> None:
        """Write to the worker, unless the socket is lost."""
        if not self.is_lost:
            self.transport.write(data)

    def close(self) -> None:
        """Close the socket at once."""
        if not self.is_lost:
            self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Pass on what the worker wrote."""
        self._owner.data_received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note that nothing more will come."""
        del reason
        self.is_lost = True
        self._lost()


class Channels(Factory):
    """Gives the one protocol that there is."""

    noisy = False

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def buildProtocol(self, _: IAddress | None) -> TwistedProtocol:
        """Return it."""
        return self._channel
