"""What is said on one connection, from the banner to the end."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.python.failure import Failure

from netecho.echo.events import Connected, Disconnected, Received
from netecho.echo.text import LONGEST_LINE, MOST_PLACES, TextMode
from netecho.net.reactor.eager import EagerConnection
from netecho.net.server.echo_protocol import LINGER, TEXT_CHUNK, EchoProtocol
from netecho.net.server.tcp_raw import RawEchoConnection
from netecho.net.server.text_responder import PART
from tests.net.server.serving import ServerParts, drained, fill, pair

MILLISECOND = 1_000_000


class Talk:
    """One client's conversation, without a socket."""

    def __init__(self, name: str = "tcp", **settings: Any) -> None:
        self.parts = ServerParts(**settings)
        peer, is_tls = "192.0.2.1:4000", name == "tls"
        client = self.parts.admission.admit(name, "192.0.2.1", peer, handshake=is_tls)
        assert client is not None
        self.protocol = EchoProtocol(self.parts.admission, self.parts.turns, name, peer, client, established=not is_tls)
        self.transport = StringTransportWithDisconnection()
        self.transport.protocol = self.protocol  # type: ignore[assignment]
        self.protocol.makeConnection(self.transport)

    @property
    def said(self) -> bytes:
        return bytes(self.transport.value())


def test_raw_is_an_echo() -> None:
    talk = Talk()
    talk.protocol.dataReceived(b"a\x00\xff")
    talk.protocol.dataReceived(b"b")
    assert talk.said == b"a\x00\xffb"


def test_a_banner_comes_first_and_is_a_line() -> None:
    talk = Talk(banner="Grüß Gott")
    talk.protocol.dataReceived(b"x")
    assert talk.said == "Grüß Gott\nx".encode()


def test_with_tls_nothing_is_said_before_the_handshake_is_done() -> None:
    talk = Talk("tls", banner="hello")
    assert talk.said == b""
    talk.protocol.handshakeCompleted()
    assert talk.said == b"hello\n"


def test_text_answers_lines_and_what_is_left_at_the_end() -> None:
    talk = Talk(text_mode=TextMode())
    talk.protocol.dataReceived(b"one\ntw")
    assert talk.said == b"You sent: one\n"
    talk.protocol.dataReceived(b"o")
    talk.protocol.readConnectionLost()
    assert talk.said == b"You sent: one\nYou sent: two\n"
    assert talk.parts.events[-1].reason == "closed"  # type: ignore[union-attr]


def test_a_connection_is_told_from_its_beginning_to_its_end() -> None:
    talk = Talk(text_mode=TextMode(reply="{}!"))
    talk.parts.reactor.advance(0.25)
    talk.protocol.dataReceived(b"abc\n")
    talk.protocol.readConnectionLost()
    assert talk.parts.events == [
        Connected(1, "tcp", "192.0.2.1:4000"),
        Disconnected(1, "tcp", "192.0.2.1:4000", 4, 5, 250 * MILLISECOND, "closed"),
    ]
    totals = talk.parts.admission.totals
    assert (totals.connections, totals.bytes_received, totals.bytes_sent) == (1, 4, 5)


def test_a_reset_is_called_one() -> None:
    talk = Talk()
    talk.protocol.connectionLost(Failure(ConnectionLost()))
    assert talk.parts.events[-1] == Disconnected(1, "tcp", "192.0.2.1:4000", 0, 0, 0, "reset")


def test_who_watches_closely_is_told_of_every_arrival() -> None:
    talk = Talk(log_received=True)
    talk.protocol.dataReceived(b"12345")
    assert talk.parts.events[-1] == Received(1, "tcp", "192.0.2.1:4000", 5)


def test_who_does_not_care_for_clients_is_told_of_none() -> None:
    talk = Talk(log_connections=False)
    talk.protocol.readConnectionLost()
    assert talk.parts.events == []
    assert talk.parts.admission.totals.connections == 1


class Line:
    """A connection over real sockets, in one process."""

    def __init__(self, parts: ServerParts | None = None, buffer: int | None = None, **settings: Any) -> None:
        self.parts = parts = parts or ServerParts(**settings)
        ours, self.client = pair(buffer)
        client = self.parts.admission.admit("tcp", "192.0.2.1", "192.0.2.1:4000")
        assert client is not None
        self.protocol = EchoProtocol(self.parts.admission, self.parts.turns, "tcp", "192.0.2.1:4000", client)
        wire = RawEchoConnection if parts.admission.settings.text_mode is None else EagerConnection
        self.protocol.wire = wire(ours, self.protocol, self.parts.fdset)
        self.protocol.makeConnection(self.protocol.wire)

    def say(self, data: bytes) -> bytes:
        """Send, and return what comes back."""
        self.client.send(data)
        self.parts.settle()
        return drained(self.client)

    def is_open(self) -> bool:
        try:
            return self.client.recv(1) != b""
        except BlockingIOError:
            return True

    def close(self) -> None:
        self.client.close()
        self.parts.settle()

    def finish(self) -> None:
        self.close()
        assert self.parts.admission.connections == set()
        self.parts.fdset.close()


def test_a_raw_connection_is_mirrored_and_counted() -> None:
    line = Line(banner="hi")
    assert line.say(b"") == b"hi\n"
    assert line.say(b"hello") == b"hello"
    line.finish()
    told = line.parts.events[-1]
    assert isinstance(told, Disconnected)
    assert (told.received, told.sent, told.reason) == (5, 8, "closed")


@pytest.mark.parametrize(("last", "reason"), [(b"BYE", "logoff"), (b"x" * 70_000, "line too long")])
def test_the_server_hangs_up_without_a_reset(last: bytes, reason: str) -> None:
    line = Line(text_mode=TextMode(logoff="BYE", error="?"))
    said = line.say(b"hello\n" + last + b"and what comes after it\n")
    assert said == b"You sent: hello\n" + (b"?\n" if reason == "line too long" else b"")
    assert not line.is_open()  # the FIN came, and not a reset: recv would have raised it
    assert line.say(b"is not heard") == b""
    line.client.shutdown(1)
    line.parts.settle()
    told = line.parts.events[-1]
    assert isinstance(told, Disconnected)
    assert told.reason == reason
    line.finish()


def test_who_does_not_hang_up_as_well_is_not_waited_for_for_ever() -> None:
    line = Line(text_mode=TextMode(logoff="BYE"))
    line.say(b"BYE\n")
    line.parts.reactor.advance(LINGER / 1e9 - 0.001)
    line.parts.admission.end_idle()
    assert line.parts.admission.connections
    line.parts.reactor.advance(0.001)
    line.parts.admission.end_idle()
    assert not line.parts.admission.connections
    line.finish()


def test_a_flood_of_lines_leaves_the_others_their_turn() -> None:
    parts = ServerParts(text_mode=TextMode())
    flooding, modest = Line(parts), Line(parts)
    flooding.client.send(b"\n" * 50_000)
    modest.client.send(b"hello\n")
    parts.pass_()
    assert drained(modest.client) == b"You sent: hello\n"
    assert 0 < len(drained(flooding.client)) <= PART + 100
    wire = flooding.protocol.wire
    assert wire is not None
    assert wire.received == TEXT_CHUNK
    assert flooding.protocol.has_unsent
    modest.client.send(b"again\n")
    parts.pass_()
    assert drained(modest.client) == b"You sent: again\n"
    assert wire.received == TEXT_CHUNK  # nothing more is read before this is answered
    modest.close()
    flooding.finish()


def test_all_lines_of_a_flood_are_answered() -> None:
    line = Line(text_mode=TextMode())
    sent = answered = 0
    while sent < 40_000 or answered < sent * len(b"You sent: \n"):
        sent += fill(line.client, b"\n" * min(10_000, 40_000 - sent))
        line.parts.pass_()
        line.parts.reactor.advance(0)
        answered += len(drained(line.client))
    assert answered == sent * len(b"You sent: \n")
    assert not line.protocol.has_unsent
    assert line.say(b"still there?\n") == b"You sent: still there?\n"
    line.finish()


def test_who_asks_for_much_and_does_not_read_costs_little() -> None:
    parts = ServerParts(text_mode=TextMode(reply="{}" * MOST_PLACES))
    line = Line(parts, buffer=4096)
    line.client.send(b"x" * 1000)
    for _ in range(60):
        parts.settle()
        fill(line.client, b"x" * 1000)
    fill(line.client, b"\n" * 10)
    parts.settle()
    wire = line.protocol.wire
    assert wire is not None
    assert wire.waiting
    assert len(wire.dataBuffer) + wire._tempDataLen <= 2 * LONGEST_LINE
    line.finish()


def test_the_last_line_is_answered_whole_after_the_fin() -> None:
    line = Line(text_mode=TextMode(reply="{}" * MOST_PLACES), buffer=4096)
    last = b"y" * 20_000
    came, sent = b"", 0
    while not came.endswith(b"\n"):
        sent += fill(line.client, last[sent:])
        if sent == len(last):
            line.client.shutdown(1)
        line.parts.settle()
        came += drained(line.client)
    assert came == last * MOST_PLACES + b"\n"
    line.finish()
    told = line.parts.events[-1]
    assert isinstance(told, Disconnected)
    assert (told.reason, told.sent) == ("closed", len(came))
