"""Who is let in, who is waited for, and who is sent away when it is time."""

from __future__ import annotations

from typing import Any

from netecho.echo.events import Disconnected, Refused
from netecho.echo.limits import Limits
from netecho.echo.snapshot import ClientCounts, TransportCounts
from netecho.units import SECOND
from tests.net.server.serving import ServerParts


class ClientConnection:
    """A connection of which only the outside is there."""

    number = since = progress_seen = progress_at = received = sent = echoes = progress = 0
    transport_name = "tcp"
    has_unsent = False
    linger_until: int | None = None

    def __init__(
        self, parts: ServerParts, address: str = "192.0.2.1", port: int = 4000, *, handshake: bool = False
    ) -> None:
        self.parts = parts
        self.peer = f"{address}:{port}"
        self.established = not handshake
        client = parts.admission.admit("tcp", address, self.peer, handshake=handshake)
        self.client = client or ""
        self.is_in = client is not None
        self.ended: list[str] = []
        if self.is_in:
            parts.admission.opened(self)

    def close(self, reason: str) -> None:
        self._end(f"close: {reason}", reason)

    def abort(self, reason: str) -> None:
        self._end(f"abort: {reason}", reason)

    def _end(self, how: str, reason: str) -> None:
        self.ended.append(how)
        self.parts.admission.closed(self, reason)


def parts(**limits: Any) -> ServerParts:
    return ServerParts(limits=Limits(**limits))


def test_the_one_too_many_is_refused_counted_and_told() -> None:
    full = parts(connections=1)
    assert ClientConnection(full).is_in
    assert not ClientConnection(full, "192.0.2.2", 4001).is_in
    assert full.events[-1] == Refused("tcp", "192.0.2.2", "1 connections are open (--max-connections)", 1)
    assert full.admission.totals.refused == 1
    assert full.admission.totals.connections == 1


def test_refusals_are_told_together_whatever_port_they_come_from() -> None:
    full = parts(connections=0)
    for port in range(4000, 4010):
        ClientConnection(full, port=port)
    full.admission.report()
    reason = "0 connections are open (--max-connections)"
    assert full.events == [Refused("tcp", "192.0.2.1", reason, 1), Refused("tcp", "192.0.2.1", reason, 9)]


def test_so_many_new_connections_a_second() -> None:
    calm = parts(rate=2)
    assert [ClientConnection(calm, port=port).is_in for port in range(4000, 4003)] == [True, True, False]
    assert calm.events[-1] == Refused("tcp", "192.0.2.1", "more than 2 in a second (--max-rate)", 1)
    calm.reactor.advance(1)
    assert ClientConnection(calm).is_in


def test_a_place_is_free_again_when_a_guest_has_left() -> None:
    full = parts(per_client=1)
    first = ClientConnection(full)
    assert not ClientConnection(full).is_in
    first.close("closed")
    assert ClientConnection(full).is_in


def test_who_is_silent_for_too_long_is_cut_off() -> None:
    patient = parts(idle=10 * SECOND)
    connection = ClientConnection(patient)
    patient.reactor.advance(9.9)
    patient.admission.end_idle()
    assert connection.ended == []
    connection.progress = 1
    patient.admission.end_idle()
    patient.reactor.advance(9.9)
    patient.admission.end_idle()
    assert connection.ended == []
    patient.reactor.advance(0.1)
    patient.admission.end_idle()
    assert connection.ended == ["abort: idle"]
    assert isinstance(patient.events[-1], Disconnected)


def test_a_tls_handshake_has_a_deadline_of_its_own() -> None:
    patient = parts(idle=None)
    connection, other = ClientConnection(patient, handshake=True), ClientConnection(patient)
    patient.reactor.advance(3600)
    patient.admission.end_idle()
    assert connection.ended == ["abort: no TLS handshake"]
    assert other.ended == []


def test_a_byte_now_and_then_does_not_move_the_deadline_of_a_handshake() -> None:
    patient = parts()
    connection = ClientConnection(patient, handshake=True)
    for second in range(1, 11):
        assert connection.ended == []
        connection.progress += 1
        patient.reactor.advance(1)
        patient.admission.end_idle()
        assert len(connection.ended) == (second == 10)
    assert connection.ended == ["abort: no TLS handshake"]


def test_handshakes_leave_half_of_the_places_to_others() -> None:
    full = parts(connections=6)
    dripping = [ClientConnection(full, handshake=True) for _ in range(4)]
    assert [each.is_in for each in dripping] == [True, True, True, False]
    assert isinstance(full.events[-1], Refused)
    assert full.events[-1].reason == "3 TLS handshakes are under way (half of --max-connections)"
    assert ClientConnection(full).is_in
    dripping[0].established = True
    full.admission.established()
    assert ClientConnection(full, handshake=True).is_in
    assert ClientConnection(full).is_in
    assert not ClientConnection(full, handshake=True).is_in  # all 6 places are taken
    dripping[2].abort("no TLS handshake")
    assert ClientConnection(full, handshake=True).is_in


def test_at_the_end_those_go_on_whom_something_is_owed_or_who_just_spoke() -> None:
    closing = parts()
    quiet, owing, talking = (ClientConnection(closing) for _ in range(3))
    closing.admission.close_quiet(SECOND)
    owing.has_unsent = True
    closing.reactor.advance(1)
    talking.progress = 5
    closing.admission.close_quiet(SECOND)
    assert (quiet.ended, owing.ended, talking.ended) == (["close: stopped"], [], [])
    closing.reactor.advance(1)
    owing.has_unsent = False
    closing.admission.close_quiet(SECOND)
    assert owing.ended == talking.ended == ["close: stopped"]


def test_and_no_longer_than_that() -> None:
    closing = parts()
    connection = ClientConnection(closing)
    connection.has_unsent = True
    closing.admission.abort_all()
    assert connection.ended == ["abort: stopped before it was done"]


def test_a_snapshot_has_what_is_in_and_what_was_refused() -> None:
    server = parts(connections=2)
    server.admission.totals_of("udp").datagrams_answered = 7
    gone, here = ClientConnection(server), ClientConnection(server, "2001:db8::1")
    gone.received = gone.sent = 100
    gone.close("closed")
    here.received, here.echoes = 5, 2
    ClientConnection(server)
    ClientConnection(server)
    server.reactor.advance(2)
    snapshot = server.admission.snapshot()
    assert snapshot.at == 2 * SECOND
    assert snapshot.transports == {
        "udp": TransportCounts(echoes=7),
        "tcp": TransportCounts(open=2, connections=3, echoes=2, bytes_received=105, bytes_sent=100, refused=1),
    }
    assert snapshot.clients == (
        ClientCounts(client="2001:db8::/64", open=1, bytes_received=5),
        ClientCounts(client="192.0.2.1", open=1),
    )
    assert snapshot.refusals == {"2 connections are open (--max-connections)": 1}
    assert snapshot.totals == server.admission.totals
