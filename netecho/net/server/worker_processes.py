"""The supervisor's way to its workers' processes: they are started, written to, read from and killed here.

Each worker has a Unix stream socket to the supervisor. The processes are children of one fork server (see
`fork_server`), which is started when it is first needed, and again after it has died; its workers died with it.
"""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.protocol import ProcessProtocol

from netecho.net import python_child
from netecho.net.reactor.interfaces import for_twisted
from netecho.net.server.worker_messages import (
    Ended,
    KillRequest,
    MalformedError,
    NotStarted,
    Started,
    StartRequest,
    parse_report,
    request_line,
)
from netecho.net.server.worker_process import Channels, Process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.python.failure import Failure

    from netecho.net.reactor.interfaces import ReactorProcess
    from netecho.net.server.worker_messages import Request, WorkerStart
    from netecho.net.server.worker_process import Owner

KILL_TIMEOUT = 5.0
"""Seconds within which a killed worker has ended; after them the fork server is killed, which must have hung."""

_CLOSE_TIMEOUT = 2.0
"""Seconds that a killed fork server is waited for."""

_REQUEST_TIMEOUT = 5.0
"""Seconds that a request may wait for a fork server that does not read: it has room for dozens."""

_DESCRIPTORS = 200
"""Descriptors in one message; Linux passes up to 253."""

_BLOCKED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}


class Processes(Protocol):
    """Starts and ends processes; tests play one."""

    def start(self, owner: Owner, start: WorkerStart, descriptors: Sequence[int]) -> Process:
        """Start a worker with copies of these descriptors. Raises OSError."""

    def kill(self, process: Process) -> None:
        """End a worker now, even where it was stopped by a signal."""

    def close(self) -> Deferred[None]:
        """End what is still there; fires when it has ended, or is waited for no longer."""


class ForkedProcesses:
    """Processes that a fork server starts, for workers of these schemes."""

    def __init__(self, reactor: ReactorProcess, schemes: Sequence[str]) -> None:
        self._reactor = reactor
        self._schemes = schemes
        self._server: _Server | None = None

    def start(self, owner: Owner, start: WorkerStart, descriptors: Sequence[int]) -> Process:
        """Start a worker with copies of these descriptors; the first is standard input and output of its own.

        Raises OSError.
        """
        server = self._server
        if server is None or server.is_over:
            server = self._server = self._begin()
        process = Process(owner)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            server.request_start(process, start, [theirs.fileno(), *descriptors])
            self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, Channels(process.channel))
        return process

    def kill(self, process: Process) -> None:
        """End a worker now, and with the fork server all of them where that one has hung."""
        server = self._server
        if server is None or process.is_over:
            return
        server.request_kill(process)
        self._reactor.callLater(KILL_TIMEOUT, lambda: None if process.is_over else server.kill())

    def close(self) -> Deferred[None]:
        """End the fork server, and what workers there still are with it."""
        done: Deferred[None] = Deferred()
        if self._server is None or self._server.is_over:
            done.callback(None)
            return done
        self._server.over = done
        self._server.kill()
        return done.addTimeout(_CLOSE_TIMEOUT, for_twisted(self._reactor), lambda *_: None)

    def _begin(self) -> _Server:
        requests, theirs = socket.socketpair()
        requests.settimeout(_REQUEST_TIMEOUT)
        server = _Server(requests)
        command = [*python_child.command("netecho.net.server.fork_server"), *self._schemes]
        # The mask is inherited: not even a signal that comes before a worker's first instruction reaches it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
        try:
            self._reactor.spawnProcess(
                server, command[0], command, python_child.environment(), childFDs={0: theirs.fileno(), 1: "r", 2: 2}
            )
        except OSError:
            requests.close()
            raise
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return server


class _Server(ProcessProtocol):
    """A fork server, as the supervisor sees it."""

    transport: Any

    def __init__(self, requests: socket.socket) -> None:
        self.is_over = False
        self.over: Deferred[None] | None = None
        self._requests = requests
        self._unforked: dict[int, Process] = {}
        """By the workers' places."""
        self._forked: dict[int, Process] = {}
        """By their pids."""
        self._unwanted: set[Process] = set()
        """To be killed as soon as they are forked."""
        self._rest = b""

    def request_start(self, process: Process, start: WorkerStart, descriptors: Sequence[int]) -> None:
        self._request(StartRequest(start, len(descriptors)), descriptors)
        self._unforked[start.worker] = process

    def request_kill(self, process: Process) -> None:
        if process.pid is None:
            self._unwanted.add(process)
        elif not self.is_over:
            try:
                self._request(KillRequest(process.pid))
            except OSError:
                return  # the fork server is killed, and the worker with it

    def kill(self) -> None:
        """End it, and so all of its workers."""
        try:
            self.transport.signalProcess("KILL")
        except ProcessExitedAlready:
            return

    def outReceived(self, data: bytes) -> None:
        """Take in what became of requests; a fork server that writes anything else is killed, and replaced."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            for line in lines:
                self._reported(parse_report(line))
        except MalformedError:
            self.kill()

    def processEnded(self, reason: Failure) -> None:
        """Take all of its workers for ended: they have ended with it, and end anyway when their sockets are closed."""
        self.is_over = True
        self._requests.close()
        how = "the process that starts workers ended"
        if isinstance(reason.value, ProcessTerminated):
            how += f": {_how(-reason.value.signal if reason.value.signal else reason.value.exitCode or 0)}"
        for process in [*self._forked.values(), *self._unforked.values()]:
            process.channel.close()
            process.ended(how)
        if self.over is not None and not self.over.called:
            self.over.callback(None)

    def _reported(self, report: Started | NotStarted | Ended) -> None:
        if isinstance(report, Ended):
            process = self._forked.pop(report.pid, None)
        else:
            process = self._unforked.pop(report.worker, None)
        if process is None:
            raise MalformedError("about a worker that there is not")
        if isinstance(report, Ended):
            process.ended(_how(report.code))
            return
        if isinstance(report, NotStarted):
            process.ended(report.reason)
            return
        process.pid = report.pid
        self._forked[report.pid] = process
        if process in self._unwanted:
            self._unwanted.remove(process)
            self.request_kill(process)

    def _request(self, request: Request, descriptors: Sequence[int] = ()) -> None:
        line = request_line(request)
        try:
            for first in range(0, len(descriptors), _DESCRIPTORS):
                socket.send_fds(self._requests, [line[:1]], descriptors[first : first + _DESCRIPTORS])
                line = line[1:]
            self._requests.sendall(line)
        except OSError:
            self.kill()  # half of a request may be written
            raise


def _how(code: int) -> str:
    """Put an exit code in words; a negative one is a signal's number."""
    if code < 0:
        return f"signal {-code}"
    return f"exit code {code}" if code else "ended"
