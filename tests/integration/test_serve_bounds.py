"""Clients that vanish, stall, flood or say nothing: after each of them the server is as it was before."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from tests.server import LOOPBACK, PATIENCE, Server, everything, exactly, in_thread, reset, send_and_close, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.program import Netecho

MIB = 1 << 20


@pytest.fixture
def server(netecho: Netecho) -> Iterator[Server]:
    """A server that has served once, so that what it loads late is there."""
    with serving(netecho, "tcp://127.0.0.1:0", "tls://127.0.0.1:0", listening=2) as server:
        server.assert_serves()
        with tls_client(server) as client:
            client.sendall(b"x")
            assert exactly(client, 1) == b"x"
        for _ in range(2):
            server.program.event_named("disconnected")
        yield server


def tls_client(server: Server) -> ssl.SSLSocket:
    """A TLS connection that trusts anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(server.client("tls"))


def vanish(server: Server) -> str:
    server.client().close()
    return "closed"


def vanish_by_reset(server: Server) -> str:
    reset(server.client())
    return "reset"


def half_close_at_once(server: Server) -> str:
    with server.client() as client:
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b""
    return "closed"


def half_close_after_much(server: Server) -> str:
    data = b"h" * (2 * MIB)
    with server.client() as client:
        sending = in_thread(send_and_close, client, data)
        assert everything(client) == data
        sending.join()
    return "closed"


def reset_mid_transfer(server: Server) -> str:
    client = server.client()
    client.sendall(b"r" * (MIB // 4))
    exactly(client, 1000)
    reset(client)
    return "reset"


def reset_while_the_server_waits(server: Server) -> str:
    client = server.client()
    stuff(client)
    reset(client)
    return "reset"


def tls_hello_to_the_plain_port(server: Server) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with server.client() as client, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(client, server_hostname="localhost")
    return "any"


def plain_text_to_the_tls_port(server: Server) -> str:
    with server.client("tls") as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            everything(client)
    return "TLS: "


def tls_that_vanishes_in_the_handshake(server: Server) -> str:
    client = server.client("tls")
    client.sendall(b"\x16\x03\x01\x02\x00\x01")
    client.close()
    return "any"


def tls_reset(server: Server) -> str:
    with tls_client(server) as client:
        client.sendall(b"x")
        assert exactly(client, 1) == b"x"
        reset(socket.socket(fileno=client.detach()))
    return "any"


def tls_with_a_goodbye(server: Server) -> str:
    with tls_client(server) as client:
        client.sendall(b"x" * 100_000)
        assert exactly(client, 100_000) == b"x" * 100_000
        client.unwrap().close()
    return "closed"


def tls_fin_without_a_goodbye(server: Server) -> str:
    with tls_client(server) as client:
        client.sendall(b"x" * 50_000)
        assert exactly(client, 50_000) == b"x" * 50_000
        client.shutdown(socket.SHUT_WR)  # of the connection beneath TLS, and so what is read next
        assert everything(client) != b"", "the server's own goodbye is missing"
    return "closed"


CLIENTS: list[Callable[[Server], str]] = [
    vanish,
    vanish_by_reset,
    half_close_at_once,
    half_close_after_much,
    reset_mid_transfer,
    reset_while_the_server_waits,
    tls_hello_to_the_plain_port,
    plain_text_to_the_tls_port,
    tls_that_vanishes_in_the_handshake,
    tls_reset,
    tls_with_a_goodbye,
    tls_fin_without_a_goodbye,
]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_after_it_the_server_is_as_it_was(server: Server, client: Callable[[Server], str]) -> None:
    before = server.descriptors()
    reason = client(server)
    told = server.program.event_named("disconnected")["reason"]
    assert reason == "any" or told.startswith(reason)
    server.assert_serves()
    server.program.event_named("disconnected")
    assert server.descriptors() == before


def stuff(client: socket.socket) -> int:
    """Send until nobody takes any more, and read nothing; how much it took."""
    client.setblocking(False)
    sent, refused = 0, 0
    while refused < 20:
        try:
            sent += client.send(b"s" * 65_536)
            refused = 0
        except BlockingIOError:
            refused += 1
            select.select([], [client], [], 0.01)
    return sent


def test_clients_that_never_read_cost_little_and_nobody_else(netecho: Netecho) -> None:
    with serving(netecho, "tcp://127.0.0.1:0") as server, contextlib.ExitStack() as stack:
        server.assert_serves()
        before = server.resident()
        for _ in range(30):
            stuff(stack.enter_context(server.client()))
        server.assert_serves()
        assert server.resident() - before < 30 * 65_536 + 4 * MIB


def test_the_same_under_tls(netecho: Netecho) -> None:
    with serving(netecho, "tls://127.0.0.1:0") as server, contextlib.ExitStack() as stack:
        tls_client(server).close()
        before = server.resident()
        for _ in range(10):
            client = stack.enter_context(tls_client(server))
            client.settimeout(0.2)
            with contextlib.suppress(TimeoutError, ssl.SSLError):
                while True:
                    client.send(b"t" * 65_536)
        with tls_client(server) as client:
            client.sendall(b"still there?")
            assert exactly(client, 12) == b"still there?"
        assert server.resident() - before < 10 * 512 * 1024 + 4 * MIB


def test_and_in_text_mode_where_a_byte_is_answered_with_a_line(netecho: Netecho) -> None:
    with serving(netecho, "tcp://127.0.0.1:0", "--mode", "text") as server, contextlib.ExitStack() as stack:
        with server.client() as client:
            client.sendall(b"x\n")
            assert exactly(client, 12) == b"You sent: x\n"
        before = server.resident()
        for _ in range(10):
            client = stack.enter_context(server.client())
            client.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                while True:
                    client.send(b"\n" * 65_536)
        assert server.resident() - before < 10 * 512 * 1024 + 4 * MIB


def test_who_opens_and_never_speaks_is_sent_away(netecho: Netecho) -> None:
    with (
        serving(netecho, "tcp://127.0.0.1:0", "tls://127.0.0.1:0", "--idle-timeout", "300ms", listening=2) as server,
        server.client(),
        server.client("tls"),
    ):
        assert {server.ended_reason(), server.ended_reason()} == {"idle", "no TLS handshake"}


def test_who_stops_reading_is_sent_away_too(netecho: Netecho) -> None:
    with serving(netecho, "tcp://127.0.0.1:0", "--idle-timeout", "300ms") as server, server.client() as client:
        with contextlib.suppress(ConnectionResetError):  # while it still sends, where this process is slow
            stuff(client)
        assert server.ended_reason() == "idle"


def test_one_too_many(netecho: Netecho) -> None:
    with serving(netecho, "tcp://127.0.0.1:0", "--max-connections", "2") as server:
        with server.client(), server.client() as second:
            server.program.event_named("connected")
            server.program.event_named("connected")
            with server.client() as third:
                assert everything(third) == b""
            refused = server.program.event_named("refused")
            assert refused["peer"] == LOOPBACK
            assert "--max-connections" in refused["reason"]
            second.sendall(b"x")
            assert exactly(second, 1) == b"x"
        server.program.event_named("disconnected")
        server.assert_serves()
        assert server.stop().events[-1]["refused"] == 1


def test_one_too_many_of_the_same_client(netecho: Netecho) -> None:
    with (
        serving(netecho, "tcp://127.0.0.1:0", "--max-per-client", "1") as server,
        server.client() as first,
        server.client() as second,
    ):
        first.sendall(b"x")
        assert exactly(first, 1) == b"x"
        assert everything(second) == b""
        elsewhere = socket.create_connection((LOOPBACK, server.port["tcp"]), PATIENCE, ("127.0.0.2", 0))
        with elsewhere:
            elsewhere.sendall(b"y")
            assert exactly(elsewhere, 1) == b"y"


def test_too_many_datagrams(netecho: Netecho) -> None:
    with serving(netecho, "udp://127.0.0.1:0", "--max-rate", "5", "--for", "30s") as server:
        with server.sender() as sender:
            # The five may straddle two seconds, so that ten are answered.
            for _ in range(40):
                sender.send(b"x")
            refused = server.program.event_named("refused")
            assert (refused["transport"], refused["peer"], refused["times"]) == ("udp", LOOPBACK, 1)
            assert "--max-rate" in refused["reason"]
        with server.sender(("127.0.0.2", 0)) as other:
            other.send(b"y")
            assert other.recv(10) == b"y"
        totals = server.stop().events[-1]
        assert totals["datagrams"] == 41
        assert 6 <= totals["datagrams_answered"] <= 11
        assert totals["datagrams_answered"] + totals["datagrams_refused"] == 41


def test_out_of_descriptors_it_goes_on_and_says_so(netecho: Netecho) -> None:
    netecho.prefix = ["prlimit", "--nofile=40:40"]
    with serving(netecho, "tcp://127.0.0.1:0") as server, contextlib.ExitStack() as stack:
        assert "40 descriptors" in server.early[0]["text"]
        clients = [stack.enter_context(server.client()) for _ in range(60)]
        refused = server.program.event_named("refused")
        assert refused["reason"] == "out of descriptors (ulimit -n)"
        served = 0
        for client in clients:
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                client.sendall(b"x")
                served += exactly(client, 1) == b"x"
        assert 10 < served < 40
        stack.close()
        for _ in range(served):
            server.program.event_named("disconnected")
        server.assert_serves()
        assert server.stop().events[-1]["refused"] == 60 - served
