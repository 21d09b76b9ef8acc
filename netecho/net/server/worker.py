"""One of several processes that share a server's ports: a whole server, run by a supervisor.

Its process is forked with all that it is to serve (`fork_server`). From its socket to the supervisor, which is its
standard input and output, it reads a word a line: to read the certificate again, to stop. It writes its events there,
and every second its totals, which tell the supervisor that it lives, and of which little is lost if it dies.
`supervisor` is the other end. When the supervisor is gone, a worker ends at once: on Linux the kernel kills it,
elsewhere it reads the end of standard input.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver
from zope.interface import implementer

from netecho.errors import NetechoError
from netecho.net.linux.parent_death import die_with_parent
from netecho.net.reactor.runner import run
from netecho.net.server.lifecycle import ROUND, EventSink, looping_call, reload
from netecho.net.server.process import Server
from netecho.net.server.shared_limits import SharedLimits
from netecho.net.server.sockets import BoundSocket
from netecho.net.server.worker_messages import RELOAD, STOP, Failed, event_line, snapshot_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.python.failure import Failure

    from netecho.echo.events import ServerEvent
    from netecho.net.reactor.interfaces import Reactor
    from netecho.net.reactor.runner import Interrupt
    from netecho.net.server.tls import ServerTls
    from netecho.net.server.worker_messages import WorkerStart


@implementer(IHalfCloseableProtocol, IPushProducer)
class SupervisorPipe(LineOnlyReceiver):
    """The socket to the supervisor; the log that the worker's events go to.

    A supervisor that does not read (it was stopped by a signal) misses events, and gets the totals later all the same.
    """

    delimiter = b"\n"
    transport: Any

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self.on_word: Callable[[bytes], None] = lambda _: None
        self._on_lost = on_lost
        self._has_room = True
        self._closing = False
        self._over: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """Have the transport say when the supervisor does not keep up."""
        self.transport.registerProducer(self, True)

    def lineReceived(self, line: bytes) -> None:
        """Pass a word on."""
        self.on_word(line)

    def readConnectionLost(self) -> None:
        """Take the end of standard input for what it is: the supervisor is gone."""
        self._lost()

    def writeConnectionLost(self) -> None:
        """Drop events: nobody reads them."""
        self.stopProducing()
        self._lost()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Note that everything is written, or that nobody reads it."""
        del reason
        self._lost()

    def pauseProducing(self) -> None:
        """Drop events: the supervisor does not keep up."""
        self._has_room = False

    def resumeProducing(self) -> None:
        """Write events again."""
        self._has_room = True

    def stopProducing(self) -> None:
        """Drop events: there is no supervisor."""
        self._has_room = False

    def write_line(self, line: bytes) -> None:
        """Write a line, if there is room for it."""
        if self._has_room:
            self.transport.write(line)

    def tell(self, event: ServerEvent) -> None:
        """Write an event."""
        self.write_line(event_line(event))

    def flush(self) -> None:
        """Have nothing to do: nothing waits here."""

    async def close(self) -> None:
        """Return when everything is written."""
        self._closing = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        await self._over

    def _lost(self) -> None:
        if not self._over.called:
            self._over.callback(None)
        if not self._closing:
            self._on_lost()


def main(start: WorkerStart, descriptors: Sequence[int]) -> None:
    """Serve as the supervisor says, until it says to stop; `descriptors` are those that `WorkerStart` lists."""
    die_with_parent()
    channel, memory, *sockets = descriptors
    os.dup2(channel, 0)
    os.dup2(channel, 1)
    os.close(channel)
    failure: str | None = None
    try:
        _serve(start, memory, sockets)
    except NetechoError as error:
        failure = error.sentence
    except Exception as error:  # noqa: BLE001 - the supervisor shows what happened; its log is the only one
        failure = f"a bug in netecho: {type(error).__name__}: {error}"
    if failure is not None:
        os.write(1, event_line(Failed(failure)))
        raise SystemExit(1)


def _serve(start: WorkerStart, memory: int, sockets: Sequence[int]) -> None:
    bound = [BoundSocket(scheme, socket.socket(fileno=fd)) for scheme, fd in zip(start.schemes, sockets, strict=True)]
    limits = SharedLimits(start.settings.limits, start.workers, bytes.fromhex(start.salt), memory)
    pipe = SupervisorPipe(on_lost=lambda: os._exit(1))
    sink = EventSink(pipe)

    async def work(reactor: Reactor, _: Interrupt) -> None:
        tls = _tls(start, bound)
        gate = limits.gate(start.worker)
        server = Server(reactor, start.settings, bound, tls, sink.tell, gate=gate, rate=limits.rate, shared=limits)

        def obey(word: bytes) -> None:
            if word == RELOAD:
                reload(start.settings, tls, sink.tell)
            elif word == STOP:
                sink.end("stopped by the supervisor")

        def write_snapshot() -> None:
            pipe.write_line(snapshot_line(server.snapshot()))

        pipe.on_word = obey
        StandardIO(pipe, reactor=reactor)
        await server.start()
        write_snapshot()  # the first of them tells the supervisor that clients are served
        heartbeats = looping_call(reactor, ROUND, write_snapshot)
        await sink.ended
        await server.stop()
        heartbeats.stop()
        write_snapshot()
        await pipe.close()

    run(work, sink.tell_failure)


def _tls(start: WorkerStart, bound: Sequence[BoundSocket]) -> ServerTls | None:
    if not any(each.is_secure for each in bound):
        return None
    from netecho.net.server.tls import tls_for

    return tls_for(start.settings, bound, start.identity)
