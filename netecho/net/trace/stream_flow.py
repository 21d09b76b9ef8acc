"""A flow that is a TCP connection of our own: segments that say nothing leave with a TTL each, one after the other.

What the routers answer comes by the raw socket for ICMP, the target's ACK by another for TCP: a TCP socket has no error
queue for ICMP (ip(7)). A segment has no room for a number: the quote has the packet's IP ID, which Linux counts up by
one for each of a connection's packets.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from netecho.net.linux import tcp_info, tcp_probe
from netecho.net.trace.descriptor import MOST, Descriptor
from netecho.trace.checksum import Flow

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from netecho.net.reactor.interfaces import Reactor, ReactorDescriptors
    from netecho.trace.flow import Due
    from netecho.trace.session import Session


class StreamFlow(Descriptor):
    """One connection. What it receives is not wanted, of TLS not even decrypted, and thrown away."""

    def __init__(
        self,
        reactor: Reactor,
        session: Session,
        index: int,
        sock: socket.socket,
        clock: Callable[[], int],
        ended: Callable[[], None],
    ) -> None:
        """Make a flow; `ended` is called when the target has ended the connection."""
        super().__init__(reactor, sock)
        self._session = session
        self._index = index
        self._clock = clock
        self._ended = ended
        self.over: Callable[[], None] | None = None
        """Tells the peer that the connection is over, where that takes more than closing it: of TLS."""
        self.error: OSError | None = None
        """Why the last segment was not sent, where it was not."""
        local, remote = sock.getsockname(), sock.getpeername()
        self.flow = Flow(local[0], local[1], remote[0], remote[1])
        session.opened(index, self.flow)

    def send(self, due: Due, wall: int) -> None:
        """Send a segment with its TTL."""
        del wall
        try:
            tcp_probe.set_ttl(self.socket, due.ttl)
            out = self._session.sent(due, b"", self._clock())
            out.tx_timestamp, out.tx_exact = time.time_ns(), False
            tcp_probe.send_probe(self.socket)
            tcp_probe.default_ttl(self.socket)
        except OSError as error:
            self.error = error
            self._session.failed(due)
            return
        facts = tcp_info.read(self.socket)
        out.segment = None if facts is None else facts.segments_sent
        self.error = None

    def retransmits(self) -> int | None:
        """Return how many segments were sent again, by what the stack knows."""
        facts = tcp_info.read(self.socket)
        return None if facts is None else facts.retransmits

    def close(self) -> None:
        """Close the connection."""
        if self.over is not None and not self.closed:
            self.over()
        super().close()

    def read(self) -> None:
        """Read what the peer says; at its end, no longer."""
        for _ in range(MOST):
            try:
                if self.socket.recv(65536):
                    continue
            except BlockingIOError:
                return
            except OSError as error:
                self.error = error
            self._reactor.removeReader(self)
            self._session.ended(self._index)
            self._ended()
            return


class RawAcks(Descriptor):
    """The target's ACKs, of all flows."""

    def __init__(
        self, reactor: ReactorDescriptors, sock: socket.socket, session: Session, clock: Callable[[], int]
    ) -> None:
        super().__init__(reactor, sock)
        self._session = session
        self._clock = clock
        self.flows: Sequence[StreamFlow] = ()

    def read(self) -> None:
        """Read segments, and hand over each that answers a flow."""
        for _ in range(MOST):
            try:
                ack = tcp_probe.read_segment(self.socket)
            except OSError:
                return
            if ack is None:
                continue
            for index, each in enumerate(self.flows):
                flow = each.flow
                if (flow.source_port, flow.destination.partition("%")[0]) == (ack.port, ack.address):
                    self._session.acknowledged(index, ack.address, self._clock(), ack.rx_timestamp)
