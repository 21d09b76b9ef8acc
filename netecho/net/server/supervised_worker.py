"""One worker as its supervisor sees it: what it writes, and what that makes of the whole server's events and figures.

Nothing here starts, stops or kills a process, or has a timer: the supervisor decides that, which is told what happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred

from netecho.echo.events import Connected, Disconnected, Noticed, Received
from netecho.echo.snapshot import ServerSnapshot
from netecho.net.server.worker_messages import Failed, MalformedError, parse_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netecho.echo.events import ServerEvent
    from netecho.net.server.worker_process import Process


class Leader(Protocol):
    """Who is told about a worker."""

    def worker_event(self, event: ServerEvent) -> None:
        """Take one of the server's events."""

    def worker_serves(self, worker: Worker) -> None:
        """Learn, once, that it serves."""

    def worker_unfit(self, worker: Worker) -> None:
        """Learn that it cannot be worked with: `failure` says why."""

    def worker_ended(self, worker: Worker, how: str) -> None:
        """Learn, once, that it has ended."""


class Worker:
    """One worker."""

    process: Process

    def __init__(self, leader: Leader, number: int, clock: Callable[[], int], connections: Iterator[int]) -> None:
        """Make one; `connections` numbers those of all workers."""
        self.number = number
        """Its place among the workers, from 1."""
        self.heard_at = clock()
        """When it last wrote something, at first when it was started; nanoseconds."""
        self.serving_since: int | None = None
        self.snapshot = ServerSnapshot()
        """What it does, and did so far, as it last wrote."""
        self.failure: str | None = None
        """Why it cannot serve, in its own words or the supervisor's."""
        self.is_killed = False
        self.over: Deferred[None] = Deferred()
        self._leader = leader
        self._clock = clock
        self._numbers = connections
        self._connections: dict[int, int] = {}
        """Its own number of each open connection to that among the connections of all workers."""
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Take in each line that it wrote; one that is no message is its last."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self.is_killed:
                return
            try:
                message = parse_line(line)
            except MalformedError:
                self.failure = "it wrote what no worker writes"
                self._leader.worker_unfit(self)
                return
            self._received(message)

    def process_ended(self, how: str) -> None:
        """Pass on how it ended."""
        self._leader.worker_ended(self, self.failure or how)
        self.over.callback(None)

    def _received(self, message: ServerEvent | Failed | ServerSnapshot) -> None:
        self.heard_at = self._clock()
        if isinstance(message, ServerSnapshot):
            self.snapshot = message
            if self.serving_since is None:
                self.serving_since = self.heard_at
                self._leader.worker_serves(self)
        elif isinstance(message, Failed):
            self.failure = message.reason
        elif isinstance(message, Connected):
            self._connections[message.connection] = number = next(self._numbers)
            self._leader.worker_event(message._replace(connection=number))
        elif isinstance(message, Disconnected):
            number = self._connections.pop(message.connection, message.connection)
            self._leader.worker_event(message._replace(connection=number))
        elif isinstance(message, Received) and message.connection is not None:
            number = self._connections.get(message.connection, message.connection)
            self._leader.worker_event(message._replace(connection=number))
        elif not isinstance(message, Noticed) or message.kind == "bug":  # the others the supervisor has emitted itself
            self._leader.worker_event(message)
