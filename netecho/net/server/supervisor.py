"""The supervisor of several workers: processes that share a server's ports and its limits.

The supervisor binds a set of sockets for each worker, all to the same ports (SO_REUSEPORT: the kernel deals the
clients out by a hash of their addresses), and keeps them open, so that a worker that dies is replaced without a
client being refused. It serves no client itself. It logs the workers' events as those of one server, and adds up
snapshots of what they do. The limits are counted in memory that all workers share: see `shared_limits`.

Workers are forked from a process that has imported what they need (`fork_server`), a few at a time: hundreds at once
would keep each other from getting ready.

A worker writes a snapshot every second. One that writes nothing for some seconds hangs (it was stopped by a signal,
or is in an endless loop), and with it every client that the kernel deals to it: it is killed and replaced. One that
ends soon after its start is started again with growing delays, and in the end given up.

Signals are the supervisor's: in all other processes those that a person or a service manager sends are blocked, so a
signal to the whole process group, however early, reaches the supervisor alone. Workers end when they are told to, and
at once when the supervisor is gone.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, DeferredList

from netecho.echo.events import Noticed
from netecho.echo.snapshot import ServerSnapshot, TransportCounts, combine
from netecho.errors import UnreachableError
from netecho.net.reactor.interfaces import for_twisted
from netecho.net.server.lifecycle import ROUND, looping_call
from netecho.net.server.process import DRAIN
from netecho.net.server.restarts import RETRY_DELAYS, STEADY
from netecho.net.server.shared_limits import SharedLimits
from netecho.net.server.sockets import close_all
from netecho.net.server.supervised_worker import Worker
from netecho.net.server.worker_messages import RELOAD, STOP, WorkerStart
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.task import LoopingCall

    from netecho.echo.events import ServerEvent
    from netecho.echo.totals import Totals
    from netecho.errors import NetechoError
    from netecho.net.reactor.interfaces import DelayedCall, ReactorTime
    from netecho.net.server.settings import ServerSettings
    from netecho.net.server.sockets import BoundSocket
    from netecho.net.server.tls import ServerTls
    from netecho.net.server.worker_processes import Processes

_STOP_TIMEOUT = DRAIN / SECOND + 2
"""Seconds a worker has to stop; then it is killed."""

_KILL_TIMEOUT = 2
"""Seconds that a worker which was killed is waited for: the kernel may hold it (a disk, a debugger)."""

_HEARTBEAT_TIMEOUT = 5 * SECOND
"""How long a worker that serves may write nothing; then it is killed and replaced."""

_START_TIMEOUT = 60 * SECOND
"""How long a worker may take to serve; then it is killed, and its start has failed."""

_PROGRESS = 5 * SECOND
"""From one word on how far the start is to the next."""

_TOO_MANY = "fewer --workers, or more memory or processes for this user (ulimit -a)"
_NOT_RUN = f"the user of --user must be able to run {os.path.realpath(sys.executable)}, or do without --workers"
"""Workers are started by whom --user names: a Python in root's home directory is none for others."""


@dataclass(slots=True)
class _Place:
    """What one worker after the other is started for."""

    number: int
    sockets: Sequence[BoundSocket]
    worker: Worker | None = None
    failures: int = 0
    """Workers in a row that ended soon after their start."""
    retry: DelayedCall | None = None


class Supervisor:
    """All workers, and what they did."""

    def __init__(
        self,
        reactor: ReactorTime,
        settings: ServerSettings,
        sets: Sequence[Sequence[BoundSocket]],
        tls: ServerTls | None,
        emit: Callable[[ServerEvent], None],
        fail: Callable[[NetechoError], None],
        processes: Processes,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Serve on `sets` of sockets, with a worker for each; `fail` is called when no worker is left."""
        self._reactor = reactor
        self._settings = replace(settings, duration=None)
        self._emit = emit
        self._fail = fail
        self._processes = processes
        self._clock = clock
        self._identity = tls.made if tls else None
        self._limits = SharedLimits(settings.limits, len(sets), os.urandom(16))
        self._places = [_Place(number, sockets) for number, sockets in enumerate(sets, 1)]
        self._to_start = deque(self._places)
        self._at_once = 2 * (os.cpu_count() or 1)
        self._starting = 0
        self._started = clock()
        self._of_the_ended = ServerSnapshot()
        self._connection_numbers = itertools.count(1)
        self._all_serve: Deferred[None] = Deferred()
        self._stopping = False
        self._checked_at = clock()
        self._reported_at = clock()
        self._checks: LoopingCall | None = None

    @property
    def totals(self) -> Totals:
        """What all workers did so far, those included that have ended."""
        return self.snapshot().totals

    def snapshot(self) -> ServerSnapshot:
        """Return what all workers do as they last wrote, with what those did that have ended."""
        together = combine([self._of_the_ended, *(worker.snapshot for worker in self._workers())])
        return replace(together, at=self._clock() - self._started)

    async def start(self) -> None:
        """Start the workers, and return when every one serves. Raises UnreachableError if one cannot."""
        self._checked_at = self._clock()
        self._checks = looping_call(self._reactor, ROUND, self._check)
        self._start_some()
        await self._all_serve

    async def stop(self) -> None:
        """Accept nothing more, have every worker drain, and return when all have ended."""
        self._stopping = True
        if self._checks is not None:
            self._checks.stop()
        for place in self._places:
            if place.retry is not None and place.retry.active():
                place.retry.cancel()
            # First of all, or clients would wait in queues that are left to nobody.
            close_all(place.sockets)
        workers = list(self._workers())
        for worker in workers:
            if worker.serving_since is None:
                self._kill(worker)
            else:
                worker.process.write(STOP + b"\n")
        timeout = self._reactor.callLater(_STOP_TIMEOUT, self._kill_all)
        all_over = DeferredList([worker.over for worker in workers], consumeErrors=True)
        await all_over.addTimeout(_STOP_TIMEOUT + _KILL_TIMEOUT, for_twisted(self._reactor))
        if timeout.active():
            timeout.cancel()
        for each in self._workers():
            self._emit(
                Noticed("worker", f"worker {each.number} (pid {each.process.pid}) does not end, not even killed")
            )
        await self._processes.close()
        self._limits.close()

    def reloaded(self) -> None:
        """Have every worker read the certificate again."""
        for worker in self._workers():
            worker.process.write(RELOAD + b"\n")

    def _workers(self) -> list[Worker]:
        return [place.worker for place in self._places if place.worker is not None]

    def _start_some(self) -> None:
        while self._to_start and self._starting < self._at_once and not self._stopping:
            self._spawn(self._to_start.popleft())

    def _start(self, place: _Place) -> None:
        self._to_start.append(place)
        self._start_some()

    def _spawn(self, place: _Place) -> None:
        worker = Worker(self, place.number, self._clock, self._connection_numbers)
        start = WorkerStart(
            settings=self._settings,
            schemes=tuple(each.scheme for each in place.sockets),
            identity=self._identity,
            worker=place.number - 1,
            workers=len(self._places),
            salt=self._limits.salt.hex(),
        )
        descriptors = [self._limits.descriptor, *(each.socket.fileno() for each in place.sockets)]
        try:
            worker.process = self._processes.start(worker, start, descriptors)
        except OSError as error:
            hint = _NOT_RUN if isinstance(error, PermissionError) else _TOO_MANY
            self._retry_or_give_up(place, (error.strerror or str(error)).lower(), hint=hint)
            return
        place.worker = worker
        self._starting += 1

    def _kill(self, worker: Worker) -> None:
        if not worker.is_killed:
            worker.is_killed = True
            self._processes.kill(worker.process)

    def _kill_all(self) -> None:
        for worker in self._workers():
            self._kill(worker)

    def worker_event(self, event: ServerEvent) -> None:
        """Emit an event of one worker as the server's."""
        self._emit(event)

    def worker_unfit(self, worker: Worker) -> None:
        """Kill a worker that cannot be worked with; it is replaced when it has ended."""
        self._kill(worker)

    def worker_serves(self, worker: Worker) -> None:
        """Start further workers, now that one serves."""
        del worker
        self._starting -= 1
        self._start_some()
        if not self._all_serve.called and all(
            place.worker is not None and place.worker.serving_since is not None for place in self._places
        ):
            self._all_serve.callback(None)

    def worker_ended(self, worker: Worker, how: str) -> None:
        """Replace a worker that has ended, unless all are to end."""
        place = self._places[worker.number - 1]
        place.worker = None
        self._limits.clear(worker.number - 1)
        self._of_the_ended = combine([self._of_the_ended, _of_the_past(worker.snapshot)])
        if worker.serving_since is None:
            self._starting -= 1
        if self._stopping:
            return
        if worker.serving_since is not None and self._clock() - worker.serving_since >= STEADY:
            place.failures = 0
        self._retry_or_give_up(place, how, worker.process.pid)
        self._start_some()

    def _retry_or_give_up(self, place: _Place, how: str, pid: int | None = None, hint: str = _TOO_MANY) -> None:
        which = f"worker {place.number}" + (f" (pid {pid})" if pid is not None else "")
        if place.failures == len(RETRY_DELAYS):
            self._give_up(place, which, how, hint)
            return
        delay = RETRY_DELAYS[place.failures]
        place.failures += 1
        when = f" in {delay:g} s" if delay else ""
        self._emit(Noticed("worker", f"{which} died ({how}) and is replaced{when}"))
        place.retry = self._reactor.callLater(delay, self._start, place)

    def _give_up(self, place: _Place, which: str, how: str, hint: str) -> None:
        # The kernel deals no more clients to sockets that are closed.
        close_all(each for each in place.sockets if each.path is None)
        attempts = len(RETRY_DELAYS) + 1
        sentence = f"{which} is given up: it died {attempts} times soon after its start, the last time of: {how}"
        error = UnreachableError(sentence, hint)
        if not self._all_serve.called:
            self._all_serve.errback(error)
            return
        self._emit(Noticed("worker", sentence))
        if not any(each.worker or (each.retry and each.retry.active()) for each in self._places):
            self._fail(error)

    def _check(self) -> None:
        """Kill the workers that hang."""
        now = self._clock()
        if now - self._checked_at > _HEARTBEAT_TIMEOUT // 2:
            # This process was stopped itself, or the machine slept: what the workers wrote meanwhile is not read yet.
            for worker in self._workers():
                worker.heard_at = now
        self._checked_at = now
        if not self._all_serve.called and now - self._reported_at >= _PROGRESS:
            self._reported_at = now
            serving = sum(worker.serving_since is not None for worker in self._workers())
            self._emit(Noticed("worker", f"{serving} of {len(self._places)} workers serve, the others are starting"))
        for worker in self._workers():
            timeout = _START_TIMEOUT if worker.serving_since is None else _HEARTBEAT_TIMEOUT
            if now - worker.heard_at > timeout:
                what = "not ready" if worker.serving_since is None else "no sign of life"
                worker.failure = f"{what} within {timeout // SECOND} s, killed"
                self._kill(worker)


def _of_the_past(snapshot: ServerSnapshot) -> ServerSnapshot:
    """Leave out what ended with its worker: the open connections, and whose they were."""
    transports: dict[str, TransportCounts] = {
        name: replace(counts, open=0) for name, counts in snapshot.transports.items()
    }
    return replace(snapshot, transports=transports, clients=())
