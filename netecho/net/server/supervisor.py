"""The leader of several processes that share a server's ports.

The leader binds a set of sockets for each worker, all to the same ports (SO_REUSEPORT: the kernel deals the clients
out by their addresses), and keeps them open, so that a worker that dies is replaced without a client being refused.
It serves nobody itself. It tells what the workers tell as one server would, and adds up what they did.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol

from netecho.echo.events import Connected, Disconnected, Noticed, Received
from netecho.echo.limits import share
from netecho.echo.totals import Totals
from netecho.errors import NetechoError
from netecho.net import python_child
from netecho.net.server.process import DRAIN
from netecho.net.server.sockets import close_all
from netecho.net.server.worker_messages import RELOAD, WorkerStart, parse_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.python.failure import Failure

    from netecho.echo.events import ServerEvent
    from netecho.net.server.settings import ServerSettings
    from netecho.net.server.sockets import BoundSocket
    from netecho.net.server.tls import ServerTls

_PATIENCE = DRAIN / 1e9 + 2
"""Seconds a worker has to stop; then it is killed."""

_REST = 1.0
"""Seconds before a worker is replaced that died as soon as it had begun."""


class Worker(ProcessProtocol):
    """One worker, as the leader sees it."""

    transport: Any

    def __init__(
        self, name: int, heard: Callable[[Worker, ServerEvent | Totals], None], ended: Callable[[Worker, str], None]
    ) -> None:
        self.name = name
        """Its place among the workers, from 1."""
        self.totals = Totals()
        self.numbers: dict[int, int] = {}
        """Of its open connections: its own number to that of all workers together."""
        self.is_serving = False
        self.over: Deferred[None] = Deferred()
        self._heard = heard
        self._ended = ended
        self._rest = b""
        self.pid: int | None = None

    def connectionMade(self) -> None:
        """Note the pid, which is forgotten when the process has ended."""
        self.pid = self.transport.pid

    def outReceived(self, data: bytes) -> None:
        """Pass on what it tells."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._heard(self, parse_line(line))

    def processEnded(self, reason: Failure) -> None:
        """Tell how it ended."""
        status: Any = reason.value
        how = "ended" if isinstance(status, ProcessDone) else f"exit code {status.exitCode}"
        if getattr(status, "signal", None):
            how = f"signal {status.signal}"
        self.over.callback(None)
        self._ended(self, how)


class Supervisor:
    """All workers, and what they did."""

    def __init__(
        self,
        reactor: Any,
        settings: ServerSettings,
        sets: Sequence[Sequence[BoundSocket]],
        tls: ServerTls | None,
        tell: Callable[[ServerEvent], None],
    ) -> None:
        self._reactor = reactor
        self._settings = replace(settings, limits=share(settings.limits, len(sets)), duration=None)
        self._sets = sets
        self._tell = tell
        self._identity = tls.made if tls else None
        self._workers: dict[int, Worker] = {}
        self._dead = Totals()
        self._numbers = itertools.count(1)
        self._serving: Deferred[None] = Deferred()
        self._stopping = False

    @property
    def totals(self) -> Totals:
        """What all workers did so far, those that died too."""
        totals = replace(self._dead)
        for worker in self._workers.values():
            totals.add(worker.totals)
        return totals

    async def start(self) -> None:
        """Start the workers, and return when every one serves. Raises NetechoError if one cannot."""
        for name in range(1, len(self._sets) + 1):
            self._spawn(name)
        await self._serving

    async def stop(self) -> None:
        """Have every worker stop, and see that it does."""
        self._stopping = True
        workers = list(self._workers.values())
        for worker in workers:
            worker.transport.closeStdin()
        patience = self._reactor.callLater(_PATIENCE, self._kill, workers)
        await DeferredList([worker.over for worker in workers])
        if patience.active():
            patience.cancel()
        for bound in self._sets:
            close_all(bound)

    def reloaded(self) -> None:
        """Have every worker read the certificate again."""
        for worker in self._workers.values():
            worker.transport.write(RELOAD + b"\n")

    def _spawn(self, name: int) -> None:
        if self._stopping:
            return
        self._workers[name] = worker = Worker(name, self._heard, self._ended)
        sockets = list(enumerate(self._sets[name - 1], 3))
        descriptors: dict[int, int | str] = {0: "w", 1: "r", 2: 2}
        descriptors |= {descriptor: each.socket.fileno() for descriptor, each in sockets}
        command = python_child.command("netecho.net.server.worker")
        self._reactor.spawnProcess(worker, command[0], command, python_child.environment(), childFDs=descriptors)
        given = tuple((each.scheme, descriptor) for descriptor, each in sockets)
        worker.transport.write(WorkerStart(settings=self._settings, sockets=given, identity=self._identity).to_line())

    def _heard(self, worker: Worker, told: ServerEvent | Totals) -> None:
        if isinstance(told, Totals):
            worker.totals = told
            worker.is_serving = True
            if not self._serving.called and all(each.is_serving for each in self._workers.values()):
                self._serving.callback(None)
        elif isinstance(told, Connected):
            worker.numbers[told.connection] = number = next(self._numbers)
            self._tell(told._replace(connection=number))
        elif isinstance(told, Disconnected):
            self._tell(told._replace(connection=worker.numbers.pop(told.connection, told.connection)))
        elif isinstance(told, Received) and told.connection is not None:
            self._tell(told._replace(connection=worker.numbers.get(told.connection, told.connection)))
        elif not isinstance(told, Noticed) or told.kind == "bug":  # what else a worker notices, the leader has told
            self._tell(told)

    def _ended(self, worker: Worker, how: str) -> None:
        self._dead.add(worker.totals)
        worker.totals = Totals()
        if self._stopping:
            return
        if not self._serving.called:
            self._serving.errback(NetechoError(f"worker {worker.name} could not begin: {how}"))
            return
        self._tell(Noticed("worker", f"worker {worker.name} (pid {worker.pid}) died ({how}) and is replaced"))
        self._reactor.callLater(0 if worker.is_serving else _REST, self._spawn, worker.name)

    def _kill(self, workers: Sequence[Worker]) -> None:
        for worker in workers:
            if not worker.over.called:
                worker.transport.signalProcess("KILL")
