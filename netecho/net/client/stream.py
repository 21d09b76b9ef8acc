"""The probe's side of a byte stream: TCP, Unix sockets, and TLS over TCP.

`ProbeConnection` is a Twisted transport over a socket that `connect` has connected. It differs from Twisted's own in
three things: a send goes to the system at once, not a reactor pass later; it reads no more than the next reply, so
that each has a kernel timestamp of its own; and a timestamp in the socket's error queue is not taken for an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IHandshakeListener, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from zope.interface import implementer

from netecho.measure.matching import StreamMatcher
from netecho.net.client.closed_loop import LARGEST, run_closed_loop
from netecho.net.client.loss import loss_of_end
from netecho.net.client.pending_timestamps import PendingTxTimestamps
from netecho.net.linux.sockopts import unread
from netecho.net.linux.wall_clock import ClockWatch
from netecho.net.reactor.eager import EagerWriter
from netecho.net.reactor.error_queue import ErrorQueueAware
from netecho.net.reactor.interfaces import for_twisted

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    from twisted.internet.error import ConnectionDone
    from twisted.internet.interfaces import IProtocol
    from twisted.python.failure import Failure

    from netecho.measure.matching import Match
    from netecho.measure.payload import Payloads
    from netecho.measure.probe import Probe
    from netecho.net.client.driver import SessionDriver
    from netecho.net.linux.timestamping import SocketTimestamps
    from netecho.net.reactor.interfaces import ReactorIO, StreamProtocol

_READ = 65536


class ProbeConnection(ErrorQueueAware, EagerWriter):
    """A connected stream socket as a Twisted transport that sends at once, with the kernel's timestamps."""

    logstr = "probe"

    def __init__(self, reactor: ReactorIO, skt: socket.socket, protocol: StreamProtocol) -> None:
        super().__init__(skt, cast("IProtocol", protocol), for_twisted(reactor))
        self.timestamps: SocketTimestamps | None = None
        self.pending_tx: PendingTxTimestamps | None = None
        self.rx_timestamp: int | None = None
        """When the kernel received the bytes that are being delivered; wall clock, ns."""
        self.after_read: Callable[[], None] | None = None
        """Called when all that one read brought was delivered: inside TLS that may be several records."""
        self._link: StreamLink | None = None

    def use_timestamps(self, link: StreamLink, timestamps: SocketTimestamps | None) -> None:
        """Read the kernel's timestamps for `link`, the protocol of this connection; None: there are none."""
        if timestamps is not None:
            self._link = link
            self.timestamps = timestamps
            self.pending_tx = PendingTxTimestamps(timestamps, self.socket)

    def begin(self) -> None:
        """Connect the protocol and start reading."""
        self.connected = 1
        self.protocol.makeConnection(self)
        self.startReading()

    def write(self, data: bytes) -> None:
        """Send `data` at once, and count the bytes that the kernel took: it numbers its timestamps by them."""
        before = self.sent
        super().write(data)
        if self.timestamps is not None:
            self.timestamps.sent(self.sent - before)

    def writeSomeData(self, data: bytes) -> int | ConnectionLost:
        """Send buffered data, and count likewise."""
        taken = super().writeSomeData(data)
        if self.timestamps is not None and isinstance(taken, int) and taken > 0:
            self.timestamps.sent(taken)
        return taken

    def doRead(self) -> ConnectionLost | ConnectionDone | None:  # type: ignore[override]  # see `EagerWriter.doWrite`
        """Read one reply's bytes with their timestamp; in a closed loop, run the loop from there."""
        why = self.read(closed_loop=True)
        if self.after_read is not None:
            self.after_read()
        return why if self.connected else None  # it may have been closed meanwhile: then there is no more to be said

    def read(self, *, closed_loop: bool = False) -> ConnectionLost | ConnectionDone | None:
        """Read one reply's bytes with their timestamp."""
        link, timestamps, pending_tx = self._link, self.timestamps, self.pending_tx
        if link is None or timestamps is None or pending_tx is None:
            return super().doRead()
        if pending_tx:
            pending_tx.collect()
        try:
            data, self.rx_timestamp = timestamps.read(self.socket, link.wanted or _READ)
            if closed_loop and link.closed_loop:
                rest = run_closed_loop(link, self.socket, timestamps, pending_tx, data, self.rx_timestamp)
                if rest is None:
                    link.pump()
                    return None
                data, self.rx_timestamp = rest
        except BlockingIOError:
            pending_tx.collect(everything=True)
            return None
        except OSError:
            return ConnectionLost()
        return self._dataReceived(data)

    def drain(self) -> None:
        """Read what the socket holds now, reply by reply, and no more: a peer may go on sending without end."""
        left = unread(self.socket)
        while self.connected:
            left -= (self._link is not None and self._link.wanted) or _READ
            self.read()
            if left <= 0:
                return

    def getHost(self) -> object:
        """Return the local address, as the socket has it."""
        return self.socket.getsockname()

    def getPeer(self) -> object:
        """Return the peer's address, as the socket has it."""
        return self.socket.getpeername()


@implementer(IPushProducer, IHandshakeListener)
class StreamLink(Protocol):
    """Carries a session's probes over a stream, and finds the replies in the bytes that are received."""

    stays_open = True
    connection: ProbeConnection

    def __init__(self, driver: SessionDriver, payloads: Payloads, first: int | None = None) -> None:
        """Make a link for the probes from now on; with `first`, for that one alone."""
        self._driver = driver
        self.session = self._session = session = driver.session
        session.replies_are_merged()
        self.payloads = self._payloads = payloads
        self.clock = driver.clock
        if first is None:
            self._matcher = StreamMatcher(payloads, session.issued, lambda: session.issued)
        else:
            self._matcher = StreamMatcher(payloads, first, lambda: first + 1)
        self._last_byte = -1
        self._watch = ClockWatch()
        self.secured: Deferred[None] = Deferred()
        """Fires when the TLS handshake is completed; fails where it fails."""
        self.closed_loop = first is None and session.one_at_a_time and payloads.longest <= LARGEST
        """Whether nothing is to be done between a reply and the next probe."""
        self._since: int | None = None
        """When the payload left, where that is not when the probe did."""

    @property
    def wanted(self) -> int:
        """How many bytes are missing to the next reply; 0: not known."""
        return self._matcher.wanted

    def connectionMade(self) -> None:
        """Register as a producer: the transport pauses the sends while its buffer is full."""
        self._wire.registerProducer(self, True)

    def handshakeCompleted(self) -> None:
        """Note that the TLS handshake is completed (IHandshakeListener)."""
        if not self.secured.called:
            self.secured.callback(None)

    @property
    def _wire(self) -> EagerWriter:
        return cast("EagerWriter", self.transport)

    def send(self, probe: Probe) -> None:
        """Send a probe."""
        payload = self._payloads.of(probe.index)
        at = self.clock()
        self._write(probe, payload)
        self._session.sent(probe, at)

    def _write(self, probe: Probe, payload: bytes) -> None:
        self._wire.write(payload)
        pending_tx = self.connection.pending_tx
        if pending_tx is not None:
            # The kernel identifies the timestamp of a send by the offset of its last byte.
            self._last_byte += len(payload)
            pending_tx.expect(self._last_byte, probe)
            pending_tx.collect()

    def follows(self, index: int, data: bytes) -> bool:
        """Return whether `data` is the whole echo of probe `index`, and no earlier reply is outstanding."""
        return self._matcher.whole(data) == index

    def caught_up(self, index: int, written: int) -> None:
        """Continue after a closed loop: all probes before `index` were answered, and `written` bytes were sent."""
        self._matcher.skip(index)
        self._last_byte += written

    def remainder(self, payload: bytes) -> None:
        """Send the rest of a payload of which the kernel took a part."""
        self.connection.write(payload)

    def pump(self) -> None:
        """Run the driver's next pass."""
        self._driver.pump()

    def stepped(self) -> bool:
        """Return whether the wall clock was set since the last call."""
        return self._watch.stepped()

    def dataReceived(self, data: bytes) -> None:
        """Pass each reply that `data` completes to the session, and send what is due then."""
        now = self._driver.clock()
        self._received(data, now)
        self._driver.replied(now)

    def _received(self, data: bytes, now: int) -> None:
        rx_timestamp = self.connection.rx_timestamp
        session = self._session
        if rx_timestamp is not None and self._watch.stepped():
            session.clock_was_set()
            rx_timestamp = None
        number = self._matcher.whole(data)
        if number is not None:
            self._matcher.skip(number + 1)
            session.answered(number, now, rx_timestamp, since=self._since)
            return
        self._take(self._matcher.feed(data, now), now, rx_timestamp)

    def _take(self, found: Iterable[Match | bytes], now: int, rx_timestamp: int | None) -> None:
        """Pass what the matcher found to the session; what was held until now has no kernel timestamp."""
        for each in found:
            if isinstance(each, bytes):
                self._session.stray(each)
            else:
                at = self._matcher.received_at
                self._session.answered(
                    each.number, at, rx_timestamp if at == now else None, each.wrong_at, since=self._since
                )

    def poll(self) -> None:
        """Read what waits in the socket, and decide about a first reply that may be wrong."""
        if self.connection.connected:
            self.connection.drain()
        self._take(self._matcher.decide(), 0, None)

    def settle(self) -> None:
        """Record bytes that are no reply, and a reply that was cut off."""
        held, right, cut = self._matcher.close()
        if held:
            self._session.stray(held)
        if cut:
            self._session.stray(right, None if len(right) == cut else cut)

    def close(self) -> None:
        """Close the connection; at once where replies are outstanding or bytes wait to be sent."""
        if self._session.outstanding or self._session.stalled:
            self.connection.abortConnection()
        elif self.transport is not None:
            self._close_in_order()

    def _close_in_order(self) -> None:
        """Close when what waits was sent; TLS says so, and nobody waits for its answer (RFC 8446 section 6.1)."""
        self._wire.unregisterProducer()  # TLS would wait for it to be done
        self._wire.loseConnection()
        self.connection.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Report the end to the driver, which may open another link."""
        self.settle()
        self._end(reason)
        self._driver.lost(self, loss_of_end(reason))

    def _end(self, reason: Failure) -> None:
        if not self.secured.called:
            self.secured.addErrback(lambda _: None)  # without TLS there is no listener
            self.secured.errback(reason)

    def pauseProducing(self) -> None:
        """Pause the sends: the transport's buffer is full. A link that was replaced has no say."""
        if self._driver.link is self:
            self._session.pause()

    def resumeProducing(self) -> None:
        """Send again."""
        if self._driver.link is self:
            self._session.resume()
            self._driver.pump()

    def stopProducing(self) -> None:
        """Do nothing: `connectionLost` follows."""
