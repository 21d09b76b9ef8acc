"""Snapshots of several processes are one server's."""

from __future__ import annotations

from netecho.echo.snapshot import MOST_CLIENTS, ClientCounts, ServerSnapshot, TransportCounts, busiest, combine
from netecho.echo.totals import Totals


def test_nothing_combines_to_nothing() -> None:
    assert combine([]) == ServerSnapshot()


def test_counts_of_the_same_transport_client_and_reason_add_up() -> None:
    first = ServerSnapshot(
        at=5,
        transports={
            "tcp": TransportCounts(open=1, connections=3, echoes=10, bytes_received=7, bytes_sent=6, refused=1)
        },
        clients=(ClientCounts(client="192.0.2.1", open=1, bytes_received=7, bytes_sent=6),),
        refusals={"too many": 1},
        totals=Totals(connections=3),
    )
    second = ServerSnapshot(
        at=4,
        transports={"tcp": TransportCounts(open=2, connections=2), "udp": TransportCounts(echoes=9)},
        clients=(ClientCounts(client="192.0.2.1", open=2), ClientCounts(client="192.0.2.2", bytes_sent=100)),
        refusals={"too many": 2, "a loop": 5},
        totals=Totals(connections=2),
    )
    assert combine([first, second]) == ServerSnapshot(
        at=5,
        transports={
            "tcp": TransportCounts(open=3, connections=5, echoes=10, bytes_received=7, bytes_sent=6, refused=1),
            "udp": TransportCounts(echoes=9),
        },
        clients=(
            ClientCounts(client="192.0.2.2", bytes_sent=100),
            ClientCounts(client="192.0.2.1", open=3, bytes_received=7, bytes_sent=6),
        ),
        refusals={"too many": 3, "a loop": 5},
        totals=Totals(connections=5),
    )


def test_open_connections_are_those_of_all_transports() -> None:
    snapshot = ServerSnapshot(transports={"tcp": TransportCounts(open=2), "tls": TransportCounts(open=3)})
    assert snapshot.open == 5


def test_only_the_busiest_clients_are_kept() -> None:
    many = [ClientCounts(client=f"192.0.2.{number}", bytes_sent=number) for number in range(100)]
    assert [each.bytes_sent for each in busiest(many)] == list(range(99, 99 - MOST_CLIENTS, -1))
