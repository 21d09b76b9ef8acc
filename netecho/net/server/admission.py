"""Admission: which connections a server accepts, what each transport did, and which connections have to end.

One for each process, shared by all its listeners. It knows no sockets: a connection has counts and can be closed.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from netecho.echo.events import Connected, Disconnected
from netecho.echo.limits import Gate, RateLimit, client_of, printable_client
from netecho.echo.loop_guard import LoopGuard
from netecho.echo.refusal_log import RefusalLog
from netecho.echo.snapshot import ClientCounts, ServerSnapshot, TransportCounts, busiest
from netecho.echo.source_counts import S, SourceCounts
from netecho.echo.totals import Totals
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from netecho.echo.events import ServerEvent
    from netecho.net.server.settings import ServerSettings

HANDSHAKE = 10 * SECOND
"""How long a TLS handshake may take in all, however busily the client sends a byte now and then."""


class ClientConnection(Protocol):
    """An open connection, as admission sees it."""

    number: int
    transport_name: str
    peer: str
    client: str
    since: int
    progress_seen: int
    progress_at: int
    linger_until: int | None
    """When to close a connection of which the server has closed its half; nanoseconds."""

    @property
    def received(self) -> int:
        """Payload bytes that were received."""

    @property
    def sent(self) -> int:
        """Payload bytes that were sent."""

    @property
    def echoes(self) -> int:
        """Reads that were answered."""

    @property
    def progress(self) -> int:
        """A number that grows with every byte on the wire, in either direction."""

    @property
    def has_unsent(self) -> bool:
        """Whether bytes wait to be sent."""

    @property
    def established(self) -> bool:
        """Whether the connection is set up, TLS and all."""

    def close(self, reason: str) -> None:
        """Close it once the buffered bytes are sent."""

    def abort(self, reason: str) -> None:
        """Abort it now."""


class ConnectionGate(Protocol):
    """Counts the open connections of each client: `Gate` in one process, `SharedGate` for several workers."""

    def enter(self, client: str, *, handshake: bool = False) -> str | None:
        """Count one more connection of `client`; or return why it may not be opened, and count nothing."""

    def end_handshake(self) -> None:
        """Count one TLS handshake less, be it done or failed."""

    def leave(self, client: str) -> None:
        """Count one connection of `client` less."""


class Admission:
    """The open connections, the counts of each transport, and the refusals."""

    def __init__(
        self,
        settings: ServerSettings,
        emit: Callable[[ServerEvent], None],
        clock: Callable[[], int],
        gate: ConnectionGate | None = None,
        rate: RateLimit | None = None,
    ) -> None:
        """Count the limits with `gate` and `rate`, where several processes share them."""
        self.settings = settings
        self.emit = emit
        self.clock = clock
        self.connections: set[ClientConnection] = set()
        self.rate = rate or RateLimit(settings.limits.rate, random.getrandbits(64))
        unlimited = settings.limits.rate is None
        self.loop_guard = None if unlimited else LoopGuard(random.getrandbits(64))
        """None: datagrams are not limited."""
        self.above_rate = f"more than {settings.limits.rate} in a second (--max-rate)"
        self._sending_datagrams: list[Callable[[], Iterable[ClientCounts]]] = []
        self._started = clock()
        self._numbered = 0
        self._totals: dict[str, Totals] = {}
        self._echoes: Counter[str] = Counter()
        """Of connections that are closed, by transport."""
        self._gate: ConnectionGate = gate or Gate(settings.limits)
        self._refusals = RefusalLog()
        self._reasons: Counter[str] = Counter()

    @property
    def totals(self) -> Totals:
        """What was done so far, over all transports."""
        totals = Totals()
        for each in self._totals.values():
            totals.add(each)
        return totals

    def totals_of(self, transport: str) -> Totals:
        """Return the counts of one transport, for its listeners to count in."""
        return self._totals.setdefault(transport, Totals())

    def roll(self, now: int) -> None:
        """Begin a new second of the datagrams' limits, if the present one is over; before each batch."""
        self.rate.roll(now)
        if self.loop_guard is not None:
            self.loop_guard.roll(now)

    def new_sources(self, client_of_source: Callable[[S], str]) -> SourceCounts[S]:
        """Make the counts of a listener for datagrams, whose sources `client_of_source` turns into clients."""
        counts: SourceCounts[S] = SourceCounts()

        def clients() -> Iterable[ClientCounts]:
            for source, (received, sent) in counts.bytes.items():
                client = printable_client(client_of_source(source))
                yield ClientCounts(client=client, bytes_received=received, bytes_sent=sent)

        self._sending_datagrams.append(clients)
        return counts

    def admit(self, transport: str, address: str, peer: str, *, handshake: bool = False) -> str | None:
        """Accept a connection and return the client it counts for; or refuse it and return None.

        `handshake`: it begins with a TLS handshake, of which only so many may be under way.
        """
        client = client_of(address)
        self.rate.roll(self.clock())
        if not self.rate.take(client):
            reason: str | None = self.above_rate
        else:
            reason = self._gate.enter(client, handshake=handshake)
        if reason is None:
            return client
        self.refuse(transport, peer, reason)
        return None

    def refuse(self, transport: str, peer: str, reason: str) -> None:
        """Count a connection that was refused."""
        self.totals_of(transport).refused += 1
        # Not by port: a client that tries again and again comes from another one each time.
        self.log_refusal(transport, peer.rpartition(":")[0] or peer, reason)

    def log_refusal(self, transport: str, peer: str, reason: str) -> None:
        """Count a refusal by its reason, and emit events of it at a bounded rate."""
        self._reasons[reason] += 1
        first = self._refusals.add(transport, peer, reason)
        if first is not None:
            self.emit(first)

    def opened(self, connection: ClientConnection) -> None:
        """Register a connection that was accepted, and number it."""
        now = self.clock()
        self._numbered += 1
        self.totals_of(connection.transport_name).connections += 1
        connection.number = self._numbered
        connection.since = connection.progress_at = now
        self.connections.add(connection)
        if self.settings.log_connections:
            self.emit(Connected(connection.number, connection.transport_name, connection.peer))

    def established(self) -> None:
        """Count a TLS handshake that is done."""
        self._gate.end_handshake()

    def closed(self, connection: ClientConnection, reason: str) -> None:
        """Remove a connection that has ended, and add up its counts."""
        self.connections.discard(connection)
        if not connection.established:
            self._gate.end_handshake()
        self._gate.leave(connection.client)
        name = connection.transport_name
        totals = self.totals_of(name)
        totals.bytes_received += connection.received
        totals.bytes_sent += connection.sent
        self._echoes[name] += connection.echoes
        if self.settings.log_connections:
            lasted = self.clock() - connection.since
            self.emit(
                Disconnected(
                    connection.number, name, connection.peer, connection.received, connection.sent, lasted, reason
                )
            )

    def report(self) -> None:
        """Emit the refusals that were gathered. To be called about once a second."""
        for refused in self._refusals.report():
            self.emit(refused)

    def snapshot(self) -> ServerSnapshot:
        """Return what the server is doing now; it costs a pass over the open connections."""
        transports = {
            name: TransportCounts(
                connections=each.connections,
                echoes=each.datagrams_answered + self._echoes[name],
                bytes_received=each.bytes_received,
                bytes_sent=each.bytes_sent,
                refused=each.refused + each.datagrams_refused,
            )
            for name, each in self._totals.items()
        }
        clients: dict[str, ClientCounts] = {}
        for connection in self.connections:
            name, received, sent = connection.transport_name, connection.received, connection.sent
            transports[name] += TransportCounts(
                open=1, echoes=connection.echoes, bytes_received=received, bytes_sent=sent
            )
            client = printable_client(connection.client)
            counts = ClientCounts(client=client, open=1, bytes_received=received, bytes_sent=sent)
            clients[client] = clients[client] + counts if client in clients else counts
        return ServerSnapshot(
            at=self.clock() - self._started,
            transports=transports,
            clients=busiest([*clients.values(), *chain.from_iterable(each() for each in self._sending_datagrams)]),
            refusals=dict(self._reasons),
            totals=self.totals,
        )

    def end_idle(self) -> None:
        """Abort the connections that were silent for too long, or whose TLS handshake takes too long."""
        idle = self.settings.limits.idle
        now = self.clock()
        for connection in list(self.connections):
            if connection.linger_until is not None and now >= connection.linger_until:
                connection.close("closed")
                continue
            if not connection.established and now - connection.since >= HANDSHAKE:
                connection.abort("no TLS handshake")
            elif idle is not None and self._quiet_for(connection, now) >= idle:
                connection.abort("idle" if connection.established else "no TLS handshake")

    def close_quiet(self, quiet: int) -> None:
        """Close the connections with nothing under way: nothing waits to be sent, and no byte for `quiet` ns."""
        now = self.clock()
        for connection in list(self.connections):
            if self._quiet_for(connection, now) >= quiet and not connection.has_unsent:
                connection.close("stopped")

    def abort_all(self) -> None:
        """Abort the connections that are left."""
        for connection in list(self.connections):
            connection.abort("stopped before it was done")

    def _quiet_for(self, connection: ClientConnection, now: int) -> int:
        progress = connection.progress
        if progress != connection.progress_seen:
            connection.progress_seen = progress
            connection.progress_at = now
        return now - connection.progress_at
