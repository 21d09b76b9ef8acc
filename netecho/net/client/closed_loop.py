"""The closed loop outside the reactor: one probe outstanding, its bookkeeping overlapping the next one's flight time.

A closed loop's rate is netecho's own processing time plus the network's. So while each reply is the echo that is
expected, the next probe leaves at once, and its timestamps, judgement, recording and next payload are done while it is
on its way. Its reply is then waited for in `recvmsg` itself instead of the reactor. Any other input goes back to the
plain path, and after `STAY` the reactor has its turn.

The bookkeeping of a round takes about as long as a server on another core takes to answer, so the reply is mostly
there when it is done, and no sleeping process has to be woken, which would take longer. (Deferring it for 16 rounds
together halved the work and cost 8 µs a round for that reason.)
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
    from netecho.net.client.pending_stamps import PendingTxTimestamps
    from netecho.net.linux.timestamping import SocketTimestamps

STAY = 10_000_000
"""Longest time away from the reactor, ns: a signal and the live view wait that long at most."""
LARGEST = 16_384
"""Longer payloads come in pieces, and there is more to decide."""
_PATIENCE = struct.pack("@ll", 0, 1000)
"""How long a reply is waited for here, before the reactor does that: a struct timeval, 1 ms."""


class ClosedLoopLink(Protocol):
    """A link whose probes may take turns."""

    session: Session
    clock: Callable[[], int]
    payloads: Payloads

    def follows(self, index: int, data: bytes) -> bool:
        """Tell whether `data` is the whole echo of probe `index`, and nothing else is owed before it."""

    def caught_up(self, index: int, written: int) -> None:
        """Learn that all probes before `index` were answered, and that so many bytes were sent meanwhile."""

    def remainder(self, payload: bytes) -> None:
        """Send what the system did not take of a payload, when it does."""

    def stepped(self) -> bool:
        """Tell whether the wall clock was set since this was last asked."""


def run_closed_loop(
    link: ClosedLoopLink,
    sock: socket.socket,
    timestamps: SocketTimestamps,
    pending_tx: PendingTxTimestamps,
    data: bytes,
    rx_timestamp: int | None,
) -> tuple[bytes, int | None] | None:
    """Play on from a reply; return one that is not as expected with its stamp, or None: there is none for now.

    The reply is `data`, stamped `arrived`, and still lies in `stamps.reply`.
    Raises OSError as `send` and `recv` do, but for EAGAIN.
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
            # It is on its way: time for everything else.
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
            came = reply.receive(fd, LARGEST)
            now = clock()
            if came != size or not reply.data.startswith(expected):
                return None if came < 0 else (reply.first(came), message_rx_timestamp(reply))
            answered, waiting = waiting, None
            index += 1
    except (BlockingIOError, InterruptedError):
        pass  # no room to send, or a signal: both are the reactor's to deal with
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
    """Record a round with its stamps, or without them if the wall clock was set meanwhile."""
    pending_tx.collect()
    if link.stepped():
        answered.tx_timestamp = None
        if waiting is not None:
            waiting.tx_timestamp = None
    link.session.record_closed_loop(answered, now, rx_timestamp)
