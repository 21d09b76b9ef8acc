"""Targets that refuse, vanish, lie or say nothing: one clear sentence, the right exit code, never a traceback."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from netecho.report.document.schema import complaint
from tests.namespace import namespace
from tests.peers import free_port
from tests.rogues import datagrams, echo, silence, streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.program import Ended, Netecho

ESCAPES = b"\x1b]0;owned\x07\x1b[2J\x9b31m\r\x00"


def assert_one_sentence(ended: Ended, *words: str) -> None:
    """Nothing on standard output; on standard error a sentence with these words, and at most a hint after it."""
    assert ended.out == ""
    lines = ended.err.splitlines()
    assert 1 <= len(lines) <= 2, ended
    for word in words:
        assert word in lines[0], ended


def test_a_refused_connection(netecho: Netecho) -> None:
    port = free_port()
    ended = netecho("probe", f"127.0.0.1:{port}", "-c", "3", "-W", "1s")
    assert ended.code == 3
    assert_one_sentence(ended, f"127.0.0.1:{port}", "refused")


@pytest.mark.parametrize("options", [("-c", "100", "-r", "10000"), ("-i", "0"), ("-c", "1"), ("--connections", "3")])
@pytest.mark.parametrize("scheme", ["udp", "stamp"])
def test_a_refusal_that_is_met_in_sending(netecho: Netecho, scheme: str, options: tuple[str, ...]) -> None:
    port = free_port()
    ended = netecho("probe", f"{scheme}://127.0.0.1:{port}", *options, "--json")
    assert ended.code == 3, ended
    assert f"connection refused: 127.0.0.1:{port}" in ended.err


@pytest.mark.parametrize("option", ["--connect-only", "--reconnect"])
def test_a_refusal_that_is_met_in_connecting(netecho: Netecho, tmp_path: Path, option: str) -> None:
    for target in (f"unix:{tmp_path}/none", f"tcp://127.0.0.1:{free_port()}"):
        ended = netecho("probe", target, option, "--json")
        assert ended.code == 3, ended
        assert ended.err.startswith("netecho: "), ended


def test_an_unknown_host(netecho: Netecho) -> None:
    ended = netecho("probe", "no-such-host.invalid", "-W", "2s")
    assert ended.code == 3
    assert_one_sentence(ended, "no-such-host.invalid")


def test_an_unreachable_target_prints_no_results_for_people(netecho: Netecho) -> None:
    ended = netecho("probe", f"127.0.0.1:{free_port()}")
    assert ended.code == 3
    assert_one_sentence(ended, "refused")


def test_an_unreachable_target_is_a_document_for_scripts(netecho: Netecho) -> None:
    target = f"127.0.0.1:{free_port()}"
    ended = netecho("probe", target, "--json")
    assert ended.code == 3
    assert ended.err.startswith("netecho: connection refused")
    error = ended.document["error"]
    assert (error["exit_code"], error["sentence"]) == (3, f"connection refused: {target}")
    assert complaint(ended.document, "document") is None


@pytest.mark.parametrize("output", ["ndjson", "csv"])
def test_an_unreachable_target_is_a_row_for_scripts(netecho: Netecho, output: str) -> None:
    ended = netecho("probe", f"127.0.0.1:{free_port()}", "--format", output)
    assert ended.code == 3
    assert "error" in ended.out
    assert ended.err.startswith("netecho: connection refused")


def test_a_unix_socket_that_is_not_there(netecho: Netecho, tmp_path: Path) -> None:
    ended = netecho("probe", f"unix:{tmp_path}/none")
    assert ended.code == 3
    assert_one_sentence(ended, f"{tmp_path}/none")


def test_a_unix_socket_that_is_a_file(netecho: Netecho, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = netecho("probe", f"unix:{tmp_path}/file")
    assert ended.code == 3
    assert_one_sentence(ended, f"{tmp_path}/file")


@contextmanager
def full_backlog() -> Iterator[int]:
    """A listener that accepts nobody and whose queue is full: the system drops what else comes."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as listener, ExitStack() as waiting:
        while True:
            client = waiting.enter_context(closing(socket.socket()))
            client.settimeout(0.2)
            try:
                client.connect(listener.getsockname())
            except TimeoutError:
                break
        yield listener.getsockname()[1]


def test_a_target_that_drops_the_connection_request(netecho: Netecho) -> None:
    with full_backlog() as port:
        ended = netecho.start("probe", f"127.0.0.1:{port}", "-W", "300ms").end(within=10)
    assert ended.code == 3
    assert_one_sentence(ended, f"127.0.0.1:{port}", "no answer")


def test_networks_that_cannot_be_reached_or_do_not_answer(netecho: Netecho) -> None:
    with namespace() as network:
        network.run("ip", "link", "add", "name", "here", "type", "veth", "peer", "name", "there")
        network.run("ip", "address", "add", "192.0.2.1/24", "dev", "here")
        for link in ("here", "there"):
            network.run("ip", "link", "set", link, "up")
        network.run("ip", "neigh", "add", "192.0.2.7", "lladdr", "02:00:00:00:00:07", "dev", "here")
        network.run("ip", "route", "add", "unreachable", "198.51.100.0/24")
        netecho.prefix = network.prefix
        silent = netecho.start("probe", "192.0.2.7", "-W", "300ms").end(within=10)
        unreachable = netecho.start("probe", "198.51.100.1", "-W", "2s").end(within=10)
        no_route = netecho.start("probe", "203.0.113.1", "-W", "2s").end(within=10)
    assert [silent.code, unreachable.code, no_route.code] == [3, 3, 3]
    assert_one_sentence(silent, "192.0.2.7", "no answer")
    assert_one_sentence(unreachable, "198.51.100.1")
    assert_one_sentence(no_route, "203.0.113.1")


def test_a_server_that_goes_away_is_loss_and_probes_go_on_when_it_is_back(netecho: Netecho) -> None:
    port = free_port()
    with streams(echo, port):
        run = netecho.start("probe", f"127.0.0.1:{port}", "-c", "0", "-i", "20ms", "-W", "200ms", "--format", "ndjson")
        run.event_named("reply")
        run.event_named("reply")
    run.event_named("lost")
    with streams(echo, port):
        run.event_named("reply")
        run.event_named("reply")
        run.interrupt()
        ended = run.end()
    probes = ended.events[-1]["probes"]
    assert probes["lost"] > 0 < probes["received"]
    assert ended.code == 0
    assert "Traceback" not in ended.err


def test_a_datagram_server_that_goes_away_is_loss_too(netecho: Netecho) -> None:
    """Its port answers with ICMP errors, which must not end the run."""
    port = free_port()
    with datagrams(bytes, port):
        run = netecho.start(
            "probe", f"udp://127.0.0.1:{port}", "-c", "0", "-i", "20ms", "-W", "200ms", "--format", "ndjson"
        )
        run.event_named("reply")
    run.event_named("lost")
    with datagrams(bytes, port):
        run.event_named("reply")
        run.terminate()
        ended = run.end()
    assert ended.code == 0
    assert "Traceback" not in ended.err


def test_a_server_that_hangs_up_on_everyone_is_not_hammered(netecho: Netecho) -> None:
    with streams(lambda _: None) as server:
        ended = netecho("probe", f"127.0.0.1:{server.port}", "-c", "5", "-i", "20ms", "-W", "200ms", "--json")
        assert server.served <= 6
    assert ended.code == 1
    assert ended.document["probes"]["lost"] == 5


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_server_that_says_nothing(netecho: Netecho, transport: str) -> None:
    with streams(silence) if transport == "tcp" else datagrams(lambda _: None) as server:
        ended = netecho(
            "probe", f"{transport}://127.0.0.1:{server.port}", "-c", "3", "-i", "10ms", "-W", "100ms", "--json"
        )
    assert ended.code == 1
    probes = ended.document["probes"]
    assert (probes["sent"], probes["received"], probes["lost"], probes["loss_percent"]) == (3, 0, 3, 100)
    assert ended.document["rtt"]["p50_ms"] is None
    assert "NaN" not in ended.out
    assert len(ended.err.splitlines()) == 1, ended


def greeting(connection: socket.socket) -> None:
    connection.sendall(b"220 welcome " + ESCAPES + b"\n")
    echo(connection)


@pytest.mark.parametrize("output", ["text", "json", "ndjson", "csv"])
def test_a_banner_is_shown_escaped_and_counts_as_no_echo(netecho: Netecho, output: str) -> None:
    with streams(greeting) as server:
        ended = netecho("probe", f"127.0.0.1:{server.port}", "-c", "20", "-i", "2ms", "--format", output)
    assert ended.code == 0, ended
    assert_no_raw_escapes(ended)
    assert "220 welcome" in (ended.out if output in ("text", "ndjson") else ended.err)
    if output == "json":
        probes = ended.document["probes"]
        assert (probes["received"], probes["lost"], probes["corrupt"]) == (20, 0, 0)


def assert_no_raw_escapes(ended: Ended) -> None:
    for stream in (ended.raw_out, ended.raw_err):
        text = stream.decode()
        assert not [c for c in text if (ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0], ended


@pytest.mark.parametrize("output", ["text", "json", "ndjson", "csv"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_what_a_hostile_peer_says_is_never_printed_raw(netecho: Netecho, transport: str, output: str) -> None:
    def rant(connection: socket.socket) -> None:
        while connection.recv(65536):
            connection.sendall(ESCAPES * 10)

    server = streams(rant) if transport == "tcp" else datagrams(lambda data: ESCAPES * 3 + data[len(ESCAPES) * 3 :])
    with server as rogue:
        ended = netecho(
            "probe", f"{transport}://127.0.0.1:{rogue.port}", "-c", "5", "-i", "2ms", "-W", "200ms", "--format", output
        )
    assert ended.code == 1, ended
    assert_no_raw_escapes(ended)
    assert "Traceback" not in ended.err


def test_strangers_datagrams_are_nobodys_reply(netecho: Netecho) -> None:
    """From another address they never count; from the server's own they are no echo unless they are one."""
    with datagrams(bytes) as server, closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as stranger:
        run = netecho.start("probe", f"udp://127.0.0.1:{server.port}", "-c", "200", "-i", "2ms", "--format", "ndjson")
        run.event_named("reply")
        for data in (b"", b"x", b"I am no echo " + ESCAPES, bytes(64), bytes(1400)):
            with suppress(OSError):
                stranger.sendto(data, server.client)
            server.listener.sendto(data, server.client)
        ended = run.end()
    probes = ended.events[-1]["probes"]
    assert (probes["sent"], probes["received"], probes["lost"], probes["corrupt"]) == (200, 200, 0, 0)
    assert probes["duplicate"] == 0
    assert ended.code == 0
    assert_no_raw_escapes(ended)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("payload", [["--payload", "x"], ["--payload-hex", "00"], ["-s", "1"], ["-s", "3"]])
def test_payloads_too_short_for_a_mark(netecho: Netecho, transport: str, payload: list[str]) -> None:
    with streams(echo) if transport == "tcp" else datagrams(bytes) as server:
        target = f"{transport}://127.0.0.1:{server.port}"
        ended = netecho("probe", target, "-c", "300", "-i", "1ms", "--json", *payload)
    probes = ended.document["probes"]
    assert (probes["received"], probes["lost"], probes["corrupt"]) == (300, 0, 0)
    assert ended.code == 0
