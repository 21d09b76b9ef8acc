"""The supervisor's way to its workers' processes: they are started, written to, read from and killed here.

Each worker has a Unix stream socket to the supervisor. The processes are children of one fork server (see
`fork_server`), which is started when it is first needed, and again after it has died; its workers died with it.
"""

from __future__ import annotations

import json
import signal
import socket
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol as TwistedProtocol, connectionDone

from netecho.net import python_child
from netecho.net.reactor.interfaces import for_twisted
from netecho.net.server.worker_messages import Ended, NotStarted, Started, parse_report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IAddress
    from twisted.python.failure import Failure

    from netecho.net.reactor.interfaces import ReactorProcess
    from netecho.net.server.worker_messages import WorkerStart

KILL_TIMEOUT = 5.0
"""Seconds within which a killed worker has ended; after them the fork server is killed, which must have hung."""

_CLOSE_TIMEOUT = 2.0
"""Seconds that a killed fork server is waited for."""

_REQUEST_TIMEOUT = 5.0
"""Seconds that a request may wait for a fork server that does not read: it has room for dozens."""

_DESCRIPTORS = 200
"""Descriptors in one message; Linux passes up to 253."""

_BLOCKED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}


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
        self.channel = _Channel(owner, self._finish)
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
            self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, _Channels(process.channel))
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
        request = {"start": start.to_body(), "descriptors": len(descriptors)}
        self._request(request, descriptors)
        self._unforked[start.worker] = process

    def request_kill(self, process: Process) -> None:
        if process.pid is None:
            self._unwanted.add(process)
        elif not self.is_over:
            try:
                self._request({"kill": process.pid})
            except OSError:
                return  # the fork server is killed, and the worker with it

    def kill(self) -> None:
        """End it, and so all of its workers."""
        try:
            self.transport.signalProcess("KILL")
        except ProcessExitedAlready:
            return

    def outReceived(self, data: bytes) -> None:
        """Take in what became of requests."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._reported(parse_report(line))

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
            self._forked.pop(report.pid).ended(_how(report.code))
            return
        process = self._unforked.pop(report.worker)
        if isinstance(report, NotStarted):
            process.ended(report.reason)
            return
        process.pid = report.pid
        self._forked[report.pid] = process
        if process in self._unwanted:
            self._unwanted.remove(process)
            self.request_kill(process)

    def _request(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        line = json.dumps(request).encode() + b"\n"
        try:
            for first in range(0, len(descriptors), _DESCRIPTORS):
                socket.send_fds(self._requests, [line[:1]], descriptors[first : first + _DESCRIPTORS])
                line = line[1:]
            self._requests.sendall(line)
        except OSError:
            self.kill()  # half of a request may be written
            raise


class _Channel(TwistedProtocol):
    """The supervisor's end of a worker's socket."""

    transport: Any

    def __init__(self, owner: Owner, lost: Callable[[], None]) -> None:
        self.is_lost = False
        self._owner = owner
        self._lost = lost

    def write(self, data: bytes) -> None:
        if not self.is_lost:
            self.transport.write(data)

    def close(self) -> None:
        if not self.is_lost:
            self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        self._owner.data_received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        del reason
        self.is_lost = True
        self._lost()


class _Channels(Factory):
    """Gives the one protocol that there is."""

    noisy = False

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel

    def buildProtocol(self, _: IAddress | None) -> TwistedProtocol:
        return self._channel


def _how(code: int) -> str:
    """Put an exit code in words; a negative one is a signal's number."""
    if code < 0:
        return f"signal {-code}"
    return f"exit code {code}" if code else "ended"
