"""A closed loop with one probe on its way, played without ceremony: reply in, next probe out, then the books.

What such a loop takes beside the network is netecho's own share. So while each reply is the echo that is expected, the
next probe leaves at once, and what it need not wait for is done while it is on its way: the stamps, judging, recording,
the payload after it. Its reply is then waited for in `recvmsg` itself instead of the reactor. Whatever else may come is
handed back to where it is dealt with, and after `STAY` the reactor has its turn.

The books of a round take about as long as a server on another core takes to answer, so the reply is mostly there when
they are done, and nobody has to be woken for it, which would take longer than they do. (Keeping them for 16 rounds
together halved the work and cost 8 µs a round for that reason.)
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Protocol

from netecho.measure.session import Probe
from netecho.net.linux.timestamping import arrived as stamped

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.measure.payload import Payloads
    from netecho.measure.session import Session
    from netecho.net.client.link import Departures
    from netecho.net.linux.timestamping import SocketStamps

STAY = 10_000_000
"""Longest time away from the reactor, ns: a signal and the live view wait that long at most."""
LARGEST = 16_384
"""Longer payloads come in pieces, and there is more to decide."""
_PATIENCE = struct.pack("@ll", 0, 1000)
"""How long a reply is waited for here, before the reactor does that: a struct timeval, 1 ms."""


class Player(Protocol):
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


def rally(
    player: Player, sock: socket.socket, stamps: SocketStamps, departures: Departures, data: bytes, arrived: int | None
) -> tuple[bytes, int | None] | None:
    """Play on from a reply; return one that is not as expected with its stamp, or None: there is none for now.

    The reply is `data`, stamped `arrived`, and still lies in `stamps.reply`.
    Raises OSError as `send` and `recv` do, but for EAGAIN.
    """
    session, clock, payload_of = player.session, player.clock, player.payloads.of
    now = clock()
    probe, limit, until = session.lend()
    if probe is None or not player.follows(probe.index, data):
        return data, arrived
    stay = now + STAY
    answered: Probe = probe
    waiting: Probe | None = None
    index, written = probe.index + 1, 0
    payload = payload_of(index)
    following = Probe(index, now, len(payload))
    reply, send, fd = stamps.reply, sock.send, sock.fileno()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _PATIENCE)
    sock.setblocking(True)
    try:
        while now < until and index != limit:
            following.scheduled = now
            following.sent_at = clock()
            try:
                taken = send(payload, socket.MSG_DONTWAIT)
            except OSError:
                stamps.failed(sock)
                raise
            # It is on its way: time for everything else.
            waiting, size = following, following.size
            written += size
            departures.expect(stamps.sent(taken) + size - taken, waiting)
            _settle(player, departures, answered, now, stamped(reply), waiting)
            if taken != size:
                player.remainder(payload[taken:])
                return None
            if now >= stay:
                return None
            expected, payload = payload, payload_of(index + 1)
            following = Probe(index + 1, now, len(payload))
            came = reply.receive(fd, LARGEST)
            now = clock()
            if came != size or not reply.data.startswith(expected):
                return None if came < 0 else (reply.first(came), stamped(reply))
            answered, waiting = waiting, None
            index += 1
    except (BlockingIOError, InterruptedError):
        pass  # no room to send, or a signal: both are the reactor's to deal with
    finally:
        sock.setblocking(False)
        stamps.note()
        if waiting is None:
            _settle(player, departures, answered, now, stamped(reply), None)
        player.caught_up(index, written)
        session.returned(index, waiting, now)
    return None


def _settle(
    player: Player, departures: Departures, answered: Probe, now: int, arrived: int | None, waiting: Probe | None
) -> None:
    """Record a round with its stamps, or without them if the wall clock was set meanwhile."""
    departures.collect()
    if player.stepped():
        answered.left = None
        if waiting is not None:
            waiting.left = None
    player.session.played(answered, now, arrived)
