"""What a server is doing at one moment, as a frozen value: what a live view, SIGUSR1 and `--report-every` show.

Counts run from the start of the server and only grow, but for those named `open`: a rate is the difference of two
snapshots over the difference of their `at`. Snapshots of several processes that share the ports add up to one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netecho.echo.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_CLIENTS = 20
"""Clients in a snapshot: those with the most bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportCounts:
    """One transport's part: `tcp`, `tls`, `unix`, `udp` or `stamp`. Bytes are payload."""

    open: int = 0
    """Connections open now; always 0 for datagrams."""
    connections: int = 0
    echoes: int = 0
    """Datagrams answered; on a stream, reads that were answered (a message of a client that waits for its echo)."""
    bytes_received: int = 0
    bytes_sent: int = 0
    refused: int = 0
    """Connections refused, or datagrams left without an answer."""

    def __add__(self, other: TransportCounts) -> TransportCounts:
        return TransportCounts(
            open=self.open + other.open,
            connections=self.connections + other.connections,
            echoes=self.echoes + other.echoes,
            bytes_received=self.bytes_received + other.bytes_received,
            bytes_sent=self.bytes_sent + other.bytes_sent,
            refused=self.refused + other.refused,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCounts:
    """One client's part over its open connections and its datagrams: an address, or a /64 network of IPv6.

    Of datagrams the bytes are about right, and only of the busiest sources: see `source_counts`.
    """

    client: str
    """Printable: `192.0.2.1`, `2001:db8::/64`, `uid 1000`."""
    open: int = 0
    """Connections open now."""
    bytes_received: int = 0
    bytes_sent: int = 0

    def __add__(self, other: ClientCounts) -> ClientCounts:
        return ClientCounts(
            client=self.client,
            open=self.open + other.open,
            bytes_received=self.bytes_received + other.bytes_received,
            bytes_sent=self.bytes_sent + other.bytes_sent,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSnapshot:
    """A whole server's, of all its processes."""

    at: int = 0
    """Nanoseconds since the start of the server."""
    transports: Mapping[str, TransportCounts] = field(default_factory=dict)
    """By the scheme; one for each that the server listens on, used or not."""
    clients: tuple[ClientCounts, ...] = ()
    """The most active first, no more than `MOST_CLIENTS`."""
    refusals: Mapping[str, int] = field(default_factory=dict)
    """How many were refused, by the reason."""
    totals: Totals = field(default_factory=Totals)

    @property
    def open(self) -> int:
        """Connections open now."""
        return sum(each.open for each in self.transports.values())


def busiest(clients: Iterable[ClientCounts]) -> tuple[ClientCounts, ...]:
    """Add up the entries of the same client, and return those with the most bytes, the first of them first."""
    by_name: dict[str, ClientCounts] = {}
    for each in clients:
        before = by_name.get(each.client)
        by_name[each.client] = each if before is None else before + each
    ordered = sorted(by_name.values(), key=lambda each: (-(each.bytes_received + each.bytes_sent), each.client))
    return tuple(ordered[:MOST_CLIENTS])


def combine(snapshots: Iterable[ServerSnapshot]) -> ServerSnapshot:
    """Make one snapshot of those of several processes; its time is the latest."""
    at = 0
    transports: dict[str, TransportCounts] = {}
    clients: list[ClientCounts] = []
    refusals: dict[str, int] = {}
    totals = Totals()
    for each in snapshots:
        at = max(at, each.at)
        for name, counts in each.transports.items():
            transports[name] = transports.get(name, TransportCounts()) + counts
        clients += each.clients
        for reason, times in each.refusals.items():
            refusals[reason] = refusals.get(reason, 0) + times
        totals.add(each.totals)
    return ServerSnapshot(at=at, transports=transports, clients=busiest(clients), refusals=refusals, totals=totals)
