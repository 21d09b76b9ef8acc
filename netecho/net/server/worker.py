"""One of several processes that share a server's ports: a whole server, led by the process that started it.

It gets its orders as one line on standard input, and afterwards a word a line; the end of standard input is the order
to stop, so that no worker outlives its leader. It tells its events on standard output, and once a second what it has
done so far, so that little is forgotten if it dies. `workers` is the other end.
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

from netecho.net.reactor.runner import run
from netecho.net.server.lifecycle import ROUND, EventSink, looping_call, reload
from netecho.net.server.process import Server
from netecho.net.server.sockets import BoundSocket
from netecho.net.server.worker_messages import RELOAD, WorkerStart, event_line, totals_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.python.failure import Failure

    from netecho.echo.events import ServerEvent
    from netecho.net.reactor.runner import Interrupt
    from netecho.net.server.tls import ServerTls


@implementer(IHalfCloseableProtocol, IPushProducer)
class SupervisorPipe(LineOnlyReceiver):
    """The leader, as the worker sees it; and where the worker's events go.

    A leader that does not read (it was stopped by a signal) misses events, and gets the totals later all the same.
    """

    delimiter = b"\n"
    transport: Any

    def __init__(self) -> None:
        self.ordered: Callable[[bytes], None] = lambda _: None
        self.gone: Callable[[], None] = lambda: None
        self._reads = True
        self._over: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """Learn when the leader does not keep up."""
        self.transport.registerProducer(self, True)

    def lineReceived(self, line: bytes) -> None:
        """Obey."""
        self.ordered(line)

    def readConnectionLost(self) -> None:
        """Stop: that is the order, or there is nobody left to give one."""
        self.gone()

    def writeConnectionLost(self) -> None:
        """Stop: nobody is left to be told anything."""
        self.stopProducing()
        self._finish()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Have told all there was to tell."""
        del reason
        self._finish()

    def pauseProducing(self) -> None:
        """Drop events: the leader does not keep up."""
        self._reads = False

    def resumeProducing(self) -> None:
        """Tell events again."""
        self._reads = True

    def stopProducing(self) -> None:
        """Drop events: there is no leader."""
        self._reads = False

    def say(self, line: bytes) -> None:
        """Tell the leader something."""
        if self._reads:
            self.transport.write(line)

    def tell(self, event: ServerEvent) -> None:
        """Pass an event on."""
        self.say(event_line(event))

    def flush(self) -> None:
        """Have nothing to do: nothing waits here."""

    def _finish(self) -> None:
        if not self._over.called:
            self._over.callback(None)
        self.gone()

    async def close(self) -> None:
        """Return when the leader has been told everything."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        await self._over


def main() -> None:
    """Serve as ordered, until told to stop."""
    # Out of the terminal's reach: Ctrl-C is for the leader, who stops its workers in good order.
    os.setsid()
    orders = WorkerStart.from_line(_first_line())
    bound = [BoundSocket(scheme, socket.socket(fileno=fd)) for scheme, fd in orders.sockets]
    leadership = SupervisorPipe()
    sink = EventSink(leadership)

    async def work(reactor: Any, interrupt: Interrupt) -> None:
        tls = _tls(orders, bound)
        server = Server(reactor, orders.settings, bound, tls, sink.tell)

        def account() -> None:
            leadership.say(totals_line(server.totals))

        def obey(word: bytes) -> None:
            if word == RELOAD:
                reload(orders.settings, tls, sink.tell)

        leadership.ordered = obey
        leadership.gone = lambda: sink.end("told to")
        interrupt.tell(lambda: sink.end("signal"))
        StandardIO(leadership, reactor=reactor)
        await server.start()
        account()  # to the leader this is the sign that clients are served
        accounts = looping_call(reactor, ROUND, account)
        await sink.ended
        await server.stop()
        accounts.stop()
        account()
        await leadership.close()

    run(work, sink.tell_failure)


def _tls(orders: WorkerStart, bound: Sequence[BoundSocket]) -> ServerTls | None:
    if not any(each.scheme == "tls" for each in bound):
        return None
    from netecho.net.server.tls import tls_for

    return tls_for(orders.settings, bound, orders.identity)


def _first_line() -> bytes:
    """Read the orders; the leader says nothing more until the worker has begun."""
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(0, 65_536)
        if not more:
            raise SystemExit(0)
        line += more
    return line


if __name__ == "__main__":
    main()
