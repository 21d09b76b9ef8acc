"""The closed loop outside the reactor: one probe outstanding, its bookkeeping overlapping the next one's flight time.

The time of a round is netecho's own processing plus the network's. So while each reply is the expected echo, the next
probe is sent at once, and the previous one's bookkeeping (timestamps, recording, the next payload) is done while the
next one is in flight. Its reply is awaited in `recvmsg` instead of the reactor. Any other input is handled by the plain
path, and after `STAY` the reactor runs again.

The bookkeeping of a round takes about as long as a server on another core takes to answer. So the reply has mostly
arrived when it is done, and the process need not sleep and be woken, which would take longer. (Doing it for 16 rounds
together halved the work, but cost 8 µs a round for that reason.)
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Protocol

from netecho.measure.probe import Probe
from netecho.net.linux.timestamp_cmsg import message_rx_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.measure.payload import Payloads
    from netecho.measure.session import Session
    from netecho.net.client.pending_timestamps import PendingTxTimestamps
    from netecho.net.linux.timestamping import SocketTimestamps

STAY = 10_000_000
"""The longest time outside the reactor, ns: a signal and the live view wait no longer."""
LARGEST = 16_384
"""The longest payload: longer ones arrive in several reads."""
_PATIENCE = struct.pack("@ll", 0, 1000)
"""How long a reply is awaited here, before the reactor does it: a struct timeval, 1 ms."""


class ClosedLoopLink(Protocol):
    """A link that a closed loop can run over."""

    session: Session
    clock: Callable[[], int]
    payloads: Payloads

    def follows(self, index: int, data: bytes) -> bool:
        """Return whether `data` is the whole echo of probe `index`, and no earlier reply is outstanding."""

    def caught_up(self, index: int, written: int) -> None:
        """Continue after a closed loop: all probes before `index` were answered, and `written` bytes were sent."""

    def remainder(self, payload: bytes) -> None:
        """Send the rest of a payload of which the kernel took a part."""

    def stepped(self) -> bool:
        """Return whether the wall clock was set since the last call."""


def run_closed_loop(
    link: ClosedLoopLink,
    sock: socket.socket,
    timestamps: SocketTimestamps,
    pending_tx: PendingTxTimestamps,
    data: bytes,
    rx_timestamp: int | None,
) -> tuple[bytes, int | None] | None:
    """Run the loop from a reply on; return a reply that is not the expected one with its timestamp, or None.

    The first reply is `data`, received at `rx_timestamp`, and still in `timestamps.reply`.
    Raises OSError as `send` and `recv` do, except EAGAIN.
    """
    session, clock, payload_of = link.session, link.clock, link.payloads.of
    now = clock()
    probe, limit, until = session.begin_closed_loop()
    if probe is None or not link.follows(probe.index, data):
        return data, rx_timestamp
    stay = now + STAY
    answered: Probe = probe
    waiting: Probe | None = None
    index, written, rest = probe.index + 1, 0, b""
    payload = payload_of(index)
    following = Probe(index, now, len(payload))
    reply, send, fd = timestamps.reply, sock.send, sock.fileno()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _PATIENCE)
    sock.setblocking(True)
    try:
        while now < until and index != limit:
            following.scheduled = now
            following.sent_at = clock()
            try:
                taken = send(payload, socket.MSG_DONTWAIT)
            except OSError:
                timestamps.failed(sock)
                raise
            # It is in flight: now the bookkeeping of the previous one.
            waiting, size = following, following.size
            written += size
            pending_tx.expect(timestamps.sent(taken) + size - taken, waiting)
            _settle(link, pending_tx, answered, now, message_rx_timestamp(reply), waiting)
            if taken != size:
                rest = payload[taken:]
                return None
            if now >= stay:
                return None
            expected, payload = payload, payload_of(index + 1)
            following = Probe(index + 1, now, len(payload))
            length = reply.receive(fd, LARGEST)
            now = clock()
            if length != size or not reply.data.startswith(expected):
                return None if length < 0 else (reply.first(length), message_rx_timestamp(reply))
            answered, waiting = waiting, None
            index += 1
    except (BlockingIOError, InterruptedError):
        pass  # the send buffer is full, or a signal: both are handled in the reactor
    finally:
        sock.setblocking(False)
        timestamps.note()
        if waiting is None:
            _settle(link, pending_tx, answered, now, message_rx_timestamp(reply), None)
        link.caught_up(index, written)
        session.end_closed_loop(index, waiting, now)
        if rest:
            link.remainder(rest)
    return None


def _settle(
    link: ClosedLoopLink,
    pending_tx: PendingTxTimestamps,
    answered: Probe,
    now: int,
    rx_timestamp: int | None,
    waiting: Probe | None,
) -> None:
    """Record a round with its timestamps, or without them if the wall clock was set meanwhile."""
    pending_tx.collect()
    if link.stepped():
        answered.tx_timestamp = None
        if waiting is not None:
            waiting.tx_timestamp = None
    link.session.record_closed_loop(answered, now, rx_timestamp)
