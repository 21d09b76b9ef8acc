"""Where every client of a server is let in, counted, watched for silence, and seen out.

One reception a process, shared by all its listeners. It knows connections only as things that tell how far they are
and can be closed; it knows no sockets.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Protocol

from netecho.echo.events import Connected, Disconnected
from netecho.echo.limits import Gate, RateLimit, client_of
from netecho.echo.refusal_log import RefusalLog
from netecho.echo.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.echo.events import ServerEvent
    from netecho.net.server.settings import ServerSettings

HANDSHAKE = 10_000_000_000
"""How long a TLS handshake may take; nanoseconds."""


class ClientConnection(Protocol):
    """A connection, as the reception sees it."""

    number: int
    transport_name: str
    peer: str
    client: str
    since: int
    progress_seen: int
    progress_at: int
    linger_until: int | None
    """When to close for good what the server has ended already; nanoseconds."""

    @property
    def received(self) -> int:
        """Payload bytes that came."""

    @property
    def sent(self) -> int:
        """Payload bytes that went."""

    @property
    def progress(self) -> int:
        """A number that grows with every byte on the wire, in either direction."""

    @property
    def owes(self) -> bool:
        """Whether bytes wait to be sent."""

    @property
    def greeted(self) -> bool:
        """Whether the connection is set up, TLS and all."""

    def close(self, reason: str) -> None:
        """End it once what is owed is sent."""

    def cut(self, reason: str) -> None:
        """End it now."""


class Admission:
    """Who is inside, what they did, and who was turned away."""

    def __init__(self, settings: ServerSettings, tell: Callable[[ServerEvent], None], clock: Callable[[], int]) -> None:
        self.settings = settings
        self.tell = tell
        self.clock = clock
        self.totals = Totals()
        self.inside: set[ClientConnection] = set()
        self.rate = RateLimit(settings.limits.rate, random.getrandbits(64))
        self.above_rate = f"more than {settings.limits.rate} in a second (--max-rate)"
        self._gate = Gate(settings.limits)
        self._refusals = RefusalLog()

    def admit(self, transport: str, address: str, peer: str) -> str | None:
        """Let a connection in and return the client it counts for; or turn it away and return None."""
        client = client_of(address)
        self.rate.roll(self.clock())
        if not self.rate.take(client):
            reason: str | None = self.above_rate
        else:
            reason = self._gate.enter(client)
        if reason is None:
            return client
        self.refuse(transport, peer, reason)
        return None

    def refuse(self, transport: str, peer: str, reason: str) -> None:
        """Count a connection that was turned away."""
        self.totals.refused += 1
        # Not by port: a client that tries again and again comes from another one each time.
        self.turned_away(transport, peer.rpartition(":")[0] or peer, reason)

    def turned_away(self, transport: str, peer: str, reason: str) -> None:
        """Tell of somebody who was turned away, without a flood."""
        first = self._refusals.add(transport, peer, reason)
        if first is not None:
            self.tell(first)

    def opened(self, connection: ClientConnection) -> None:
        """Take in a connection that was let in, and number it."""
        now = self.clock()
        self.totals.connections += 1
        connection.number = self.totals.connections
        connection.since = connection.progress_at = now
        self.inside.add(connection)
        if self.settings.tells_clients:
            self.tell(Connected(connection.number, connection.transport_name, connection.peer))

    def closed(self, connection: ClientConnection, reason: str) -> None:
        """See a connection out."""
        self.inside.discard(connection)
        self._gate.leave(connection.client)
        self.totals.bytes_received += connection.received
        self.totals.bytes_sent += connection.sent
        if self.settings.tells_clients:
            name, lasted = connection.transport_name, self.clock() - connection.since
            self.tell(
                Disconnected(
                    connection.number, name, connection.peer, connection.received, connection.sent, lasted, reason
                )
            )

    def report(self) -> None:
        """Tell of the refusals that have not been told yet. To be called about once a second."""
        for refused in self._refusals.report():
            self.tell(refused)

    def end_idle(self) -> None:
        """Cut off whoever has been silent for too long, or does not get done with the TLS handshake."""
        idle = self.settings.limits.idle
        now = self.clock()
        for connection in list(self.inside):
            if connection.linger_until is not None and now >= connection.linger_until:
                connection.close("closed")
                continue
            limit = idle
            if not connection.greeted:
                limit = HANDSHAKE if idle is None else min(idle, HANDSHAKE)
            if limit is not None and self._quiet_for(connection, now) >= limit:
                connection.cut("idle" if connection.greeted else "no TLS handshake")

    def dismiss_quiet(self, quiet: int) -> None:
        """Close the connections on which nothing is under way: nothing owed, and no byte for `quiet` nanoseconds."""
        now = self.clock()
        for connection in list(self.inside):
            if self._quiet_for(connection, now) >= quiet and not connection.owes:
                connection.close("stopped")

    def dismiss_all(self) -> None:
        """Cut off whoever is left."""
        for connection in list(self.inside):
            connection.cut("stopped before it was done")

    def _quiet_for(self, connection: ClientConnection, now: int) -> int:
        progress = connection.progress
        if progress != connection.progress_seen:
            connection.progress_seen = progress
            connection.progress_at = now
        return now - connection.progress_at
