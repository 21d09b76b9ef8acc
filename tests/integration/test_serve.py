"""`netecho serve`: where it listens, what it answers, what it tells, and how it ends."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.server import LOOPBACK, PATIENCE, Server, everything, exactly, in_thread, send_and_close, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.program import Netecho


@pytest.fixture
def pair(netecho: Netecho) -> Iterator[Server]:
    """A server on TCP and UDP."""
    with serving(netecho, "127.0.0.1:0", listening=2) as server:
        yield server


def test_tcp_and_udp_on_one_port(pair: Server) -> None:
    assert pair.port["tcp"] == pair.port["udp"]
    assert [each["url"] for each in pair.listening] == [
        f"tcp://127.0.0.1:{pair.port['tcp']}",
        f"udp://127.0.0.1:{pair.port['udp']}",
    ]


def test_tcp_returns_the_bytes_as_they_are(pair: Server) -> None:
    with pair.client() as client:
        for data in (b"hello", b"\x00\xff\x1b[2J\r\n", b"x" * 200_000):
            client.sendall(data)
            assert exactly(client, len(data)) == data


def test_what_came_before_the_fin_comes_back_in_full(pair: Server) -> None:
    data = bytes(range(256)) * 20_000
    with pair.client() as client:
        sending = in_thread(send_and_close, client, data)
        assert everything(client) == data
        sending.join()


def test_a_client_that_sends_all_before_it_reads_gets_all(pair: Server) -> None:
    # As much as the systems of both sides hold together: beyond it nobody could promise anything.
    data = b"x" * 100_000
    with pair.client() as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == data


@pytest.mark.parametrize("size", [0, 1, 1473, 65_507])
def test_udp_returns_datagrams_whole(pair: Server, size: int) -> None:
    with pair.sender() as sender:
        sender.send(b"u" * size)
        assert sender.recv(1 << 16) == b"u" * size


def test_no_nagle(pair: Server) -> None:
    # Nagle's algorithm would hold the second small answer back until the first is acknowledged, 40 ms later.
    with pair.client() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(200):
            client.sendall(b"a")
            client.sendall(b"b")
            assert exactly(client, 2) == b"ab"


def test_ipv6(netecho: Netecho) -> None:
    if not _has_ipv6():
        pytest.skip("no IPv6 on this machine")
    with serving(netecho, "[::1]:0", listening=2) as server:
        assert server.listening[0]["url"] == f"tcp://[::1]:{server.port['tcp']}"
        with socket.create_connection(("::1", server.port["tcp"]), timeout=PATIENCE) as client:
            client.sendall(b"six")
            assert exactly(client, 3) == b"six"
        assert server.program.event_named("connected")["peer"].startswith("[::1]:")
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            sender.settimeout(PATIENCE)
            sender.sendto(b"six", ("::1", server.port["udp"]))
            assert sender.recv(10) == b"six"


def test_every_address_by_both_protocols(netecho: Netecho) -> None:
    families = 2 if _has_ipv6() else 1
    with serving(netecho, "tcp://:0", listening=families) as server:
        for host in ("127.0.0.1", "::1")[:families]:
            with socket.create_connection((host, server.port["tcp"]), timeout=PATIENCE) as client:
                client.sendall(b"x")
                assert exactly(client, 1) == b"x"


def test_several_addresses_at_once(netecho: Netecho) -> None:
    with serving(netecho, "tcp://127.0.0.1:0", "tcp://127.0.0.2:0", "udp://127.0.0.3:0", listening=3) as server:
        assert [each["address"] for each in server.listening] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
        for each in server.listening[:2]:
            with socket.create_connection((each["address"], each["port"]), timeout=PATIENCE) as client:
                client.sendall(b"x")
                assert exactly(client, 1) == b"x"


def test_a_unix_socket(netecho: Netecho, short_path: Path) -> None:
    with serving(netecho, f"unix:{short_path}", "--socket-mode", "600") as server:
        assert server.listening[0]["address"] == str(short_path)
        assert short_path.stat().st_mode & 0o777 == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(short_path))
            client.sendall(b"x" * 100_000)
            client.shutdown(socket.SHUT_WR)
            assert everything(client) == b"x" * 100_000
        assert re.fullmatch(r"uid \d+ pid \d+", server.program.event_named("connected")["peer"])
    assert not short_path.exists()


def test_the_file_of_a_server_that_was_killed_is_replaced(netecho: Netecho, short_path: Path) -> None:
    with serving(netecho, f"unix:{short_path}") as server:
        server.program.kill()
    assert short_path.exists()
    with serving(netecho, f"unix:{short_path}"):
        pass


def test_events_of_a_connection(pair: Server) -> None:
    with pair.client() as client:
        peer = "{}:{}".format(*client.getsockname())
        client.sendall(b"12345")
        assert exactly(client, 5) == b"12345"
    connected, disconnected = pair.program.event(), pair.program.event()
    about = {"connection": 1, "transport": "tcp", "peer": peer}
    assert {**connected, "time": None} == {"event": "connected", **about, "time": None}
    assert disconnected["duration_ms"] > 0
    assert {**disconnected, "time": None, "duration_ms": None} == {
        "event": "disconnected",
        **about,
        "received": 5,
        "sent": 5,
        "reason": "closed",
        "duration_ms": None,
        "time": None,
    }


def test_totals_at_the_end(pair: Server) -> None:
    for _ in range(3):
        pair.assert_serves()
    with pair.sender() as sender:
        sender.send(b"abc")
        assert sender.recv(10) == b"abc"
    stopped = pair.stop().events[-1]
    assert stopped["event"] == "stopped"
    assert stopped["reason"] == "signal"
    expected = {"connections": 3, "refused": 0, "bytes_received": 39, "bytes_sent": 39}
    datagrams = {"datagrams": 1, "datagrams_answered": 1, "datagrams_refused": 0}
    assert {key: stopped[key] for key in expected | datagrams} == expected | datagrams


def test_text_for_people(netecho: Netecho) -> None:
    program = netecho.start("serve", "tcp://127.0.0.1:0", "-v", "--for", "2s")
    listening = program.line()
    found = re.fullmatch(r"listening on tcp://127\.0\.0\.1:(\d+)\n", listening)
    assert found, listening
    with socket.create_connection((LOOPBACK, int(found[1])), timeout=PATIENCE):
        pass
    lines = program.end().out.splitlines()
    assert [re.sub(r"\d+", "N", line) for line in lines] == [
        "N-N-N N:N:N tcp N.N.N.N:N connected (#N)",
        "N-N-N N:N:N tcp N.N.N.N:N disconnected (#N) after N.N ms: closed, N bytes in, N bytes out",
        (
            "N-N-N N:N:N stopped (--for) after N.N s: N connection, N refused; N datagrams, N answered, N refused; "
            "N bytes in, N bytes out"
        ),
    ]


@pytest.mark.parametrize(("option", "lines"), [("-q", 2), ("-qq", 0)])
def test_less_of_it(netecho: Netecho, option: str, lines: int) -> None:
    ended = netecho("serve", "tcp://127.0.0.1:0", option, "--for", "0s")
    assert ended.code == 0
    assert len(ended.out.splitlines()) == lines


def test_for_a_time(netecho: Netecho) -> None:
    ended = netecho("serve", "tcp://127.0.0.1:0", "--for", "10ms", "--format", "ndjson")
    assert ended.code == 0
    assert [event["event"] for event in ended.events] == ["listening", "stopped"]
    assert ended.events[-1]["reason"] == "--for"
    assert ended.events[-1]["duration_ms"] >= 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(netecho: Netecho, number: int) -> None:
    with serving(netecho, "127.0.0.1:0", listening=2) as server:
        server.program.process.send_signal(number)
        ended = server.program.end()
        assert (ended.code, ended.err) == (0, "")


def test_a_second_signal_cuts_it_off(netecho: Netecho) -> None:
    with serving(netecho, "tcp://127.0.0.1:0") as server, server.client() as client:
        _fill(client)
        server.program.interrupt()
        _wait_until_refused(server)
        server.program.terminate()
        assert server.program.end().code == 130


def test_what_is_under_way_is_drained(netecho: Netecho) -> None:
    data = bytes(range(256)) * 8_000
    with serving(netecho, "tcp://127.0.0.1:0") as server, server.client() as client:
        sending = in_thread(send_and_close, client, data)
        came = exactly(client, 1000)
        server.program.terminate()
        came += everything(client)
        sending.join()
        assert came == data
        ended = server.program.end()
        assert ended.code == 0
        assert ended.events[-2]["reason"] == "closed"


def test_nobody_is_let_in_meanwhile(netecho: Netecho) -> None:
    with serving(netecho, "tcp://127.0.0.1:0") as server, server.client() as client:
        _fill(client)
        server.program.terminate()
        _wait_until_refused(server)
        client.shutdown(socket.SHUT_WR)
        everything(client)
        assert server.program.end().code == 0


def test_who_is_idle_is_not_waited_for(netecho: Netecho) -> None:
    with serving(netecho, "tcp://127.0.0.1:0") as server, server.client() as client:
        client.sendall(b"x")
        assert exactly(client, 1) == b"x"
        ended = server.stop()
        assert client.recv(1) == b""
        assert [each.get("reason") for each in ended.events if each["event"] == "disconnected"] == ["stopped"]


def test_when_nobody_reads_the_log_any_more_it_ends(netecho: Netecho) -> None:
    program = netecho.start("serve", "tcp://127.0.0.1:0")
    program.line()
    assert program.process.stdout is not None
    program.process.stdout.close()
    program.process.stdout = None
    ended = program.end()
    # A failure, or a service manager that restarts on failures would leave it at that.
    assert ended.code == 5
    assert ended.err == "netecho: nobody reads the server's log any more: its reader closed standard output\n"


def test_a_log_that_is_not_read_holds_nobody_up(netecho: Netecho) -> None:
    with serving(netecho, "tcp://127.0.0.1:0") as server:
        # More than a pipe holds of lines about connections.
        for _ in range(600):
            with server.client() as client:
                client.sendall(b"x")
                assert exactly(client, 1) == b"x"
        assert len(server.stop().events) == 1201


class TestText:
    @pytest.fixture
    def text(self, netecho: Netecho) -> Iterator[Server]:
        arguments = ["--mode", "text", "--banner", "Willkommen", "--reply", "<{}>", "--reply-error", "?"]
        with serving(netecho, "127.0.0.1:0", *arguments, "--logoff", "BYE", listening=2) as server:
            yield server

    def test_a_conversation(self, text: Server) -> None:
        with text.client() as client:
            assert exactly(client, 11) == b"Willkommen\n"
            for byte in "grüß\r\n".encode():
                client.sendall(bytes([byte]))
            answer = "<grüß>\r\n".encode()
            assert exactly(client, len(answer)) == answer
            client.sendall(b"\xff\nB")
            assert exactly(client, 2) == b"?\n"
            client.sendall(b"YE\nmore\n")
            assert everything(client) == b""
        assert text.ended_reason() == "logoff"

    def test_a_line_that_is_too_long(self, text: Server) -> None:
        with text.client() as client:
            client.sendall(b"x" * 1_000_000)
            assert everything(client) == b"Willkommen\n?\n"
        assert text.ended_reason() == "line too long"

    def test_datagrams_are_not_answered_with_more_than_they_are(self, text: Server) -> None:
        with text.sender() as sender:
            sender.send(b"hello")
            assert sender.recv(100) == b"<hell"


def _fill(client: socket.socket) -> None:
    """Send until nobody takes any more."""
    client.settimeout(0.2)
    try:
        while True:
            client.send(b"x" * 100_000)
    except TimeoutError:
        client.settimeout(PATIENCE)


def _wait_until_refused(server: Server) -> None:
    """Wait until nobody listens on the port; not by asking, which would be one more client."""
    listens = f"0100007F:{server.port['tcp']:04X} 00000000:0000 0A"
    while listens in Path("/proc/net/tcp").read_text():
        assert server.program.process.poll() is None


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path for a Unix socket, which may have 107 bytes."""
    return tmp_path_factory.mktemp("u") / "s"
