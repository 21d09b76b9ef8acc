"""Connections of their own, in parallel, and to a server of our own: the ways to a target beside the plain one."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

import pytest

from netecho.net.client.transports import HANDSHAKES
from tests.rogues import echo, streams

if TYPE_CHECKING:
    from pathlib import Path

    from tests.program import Netecho

FEW = ("-c", "5", "-i", "2ms")


@pytest.mark.parametrize("scheme", ["tcp", "udp", "tls", "stamp"])
@pytest.mark.parametrize("family", ["-4", "-6"])
def test_self_is_a_server_of_our_own_for_the_run(netecho: Netecho, scheme: str, family: str) -> None:
    ended = netecho("probe", f"{scheme}://self", *FEW, family, "--json")
    assert ended.code == 0, ended
    document = ended.document
    assert document["probes"]["received"] == 5
    assert document["target"]["address"] == ("127.0.0.1" if family == "-4" else "::1")
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET if family == "-4" else socket.AF_INET6) as client:
        client.connect((document["target"]["address"], document["target"]["port"]))
        pytest.fail("the server outlived the run")


@pytest.mark.parametrize("scheme", ["tcp", "udp", "stamp"])
def test_several_connections_each_have_a_port_and_figures(netecho: Netecho, scheme: str, tmp_path: Path) -> None:
    saved = str(tmp_path / "run.ndjson")
    document = netecho("probe", f"{scheme}://self", *FEW, "--connections", "3", "--json", "--save", saved).document
    flows = document["flows"]
    assert [(flow["connection"], flow["sent"], flow["received"], flow["lost"]) for flow in flows] == [
        (connection, 5, 5, 0) for connection in range(3)
    ]
    assert flows[0]["local"] == document["local"]
    assert len({flow["local"]["port"] for flow in flows}) == 3
    assert all(flow["rtt"]["p50_ms"] > 0 for flow in flows)
    assert netecho("report", saved, "--json").document["flows"] == flows


def test_our_own_server_goes_with_the_probe_however_that_ends(netecho: Netecho) -> None:
    run = netecho.start("probe", "self", "-c", "0", "-i", "10ms", "--format", "ndjson")
    address = run.event_named("start")["target"]
    run.event_named("reply")
    run.process.kill()
    run.process.wait()
    for _ in range(1000):
        with socket.socket() as client:
            if client.connect_ex((address["address"], address["port"])):
                return
            client.settimeout(0.01)
            with contextlib.suppress(OSError):
                client.recv(1)
    pytest.fail("the server outlived the probe")


def test_connect_only_measures_any_service_and_says_nothing_to_it(netecho: Netecho) -> None:
    came: list[bytes] = []
    with streams(lambda connection: came.append(connection.recv(4096))) as server:
        ended = netecho("probe", f"127.0.0.1:{server.port}", *FEW, "--connect-only", "--json")
    assert ended.code == 0, ended
    document = ended.document
    assert document["probes"]["received"] == 5
    assert document["connections"]["connect"]["count"] == 5
    assert document["connections"]["tls"] is None
    assert document["rtt"]["stamps"] == "user"
    assert 0 < document["rtt"]["min_ms"] <= document["response"]["min_ms"]
    assert set(came) == {b""}


@pytest.mark.parametrize("mode", ["--connect-only", "--reconnect"])
def test_a_refused_connection_is_unreachable(netecho: Netecho, mode: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ended = netecho("probe", f"127.0.0.1:{taken.getsockname()[1]}", *FEW, mode)
    assert ended.code == 3
    assert "connection refused" in ended.err


def test_reconnect_takes_a_new_connection_for_each_probe(netecho: Netecho) -> None:
    peers = set()

    def counted(connection: socket.socket) -> None:
        peers.add(connection.getpeername())
        echo(connection)

    with streams(counted) as server:
        ended = netecho("probe", f"127.0.0.1:{server.port}", *FEW, "--reconnect", "--json")
    assert ended.code == 0, ended
    assert len(peers) == 5
    document = ended.document
    assert document["connections"]["connect"]["count"] == 5
    assert document["rtt"]["max_ms"] < document["response"]["max_ms"]


def test_a_service_that_closes_after_each_probe_is_measured_by_reconnecting(netecho: Netecho) -> None:
    def once(connection: socket.socket) -> None:
        connection.sendall(connection.recv(4096))

    with streams(once) as server:
        target = f"127.0.0.1:{server.port}"
        assert netecho("probe", target, *FEW, "--reconnect", "-qq").code == 0


def test_parallel_connections_agree_on_tls_a_few_at_a_time(netecho: Netecho) -> None:
    """All at once, the handshakes of many take memory that the run never needs again."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as silent:
        target = f"tls://127.0.0.1:{silent.getsockname()[1]}"
        assert netecho("probe", target, "--connections", str(4 * HANDSHAKES), "-W", "200ms", "--insecure").code == 3
        silent.setblocking(False)
        begun = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                silent.accept()[0].close()
                begun += 1
    # Where some have timed out, others may begin before the run has ended.
    assert HANDSHAKES <= begun <= 2 * HANDSHAKES


def test_parallel_connections_each_have_the_whole_schedule(netecho: Netecho) -> None:
    ended = netecho("probe", "self", *FEW, "--connections", "4", "--format", "ndjson")
    assert ended.code == 0, ended
    replies = [event for event in ended.events if event["event"] == "reply"]
    assert {(event["connection"], event["seq"]) for event in replies} == {(c, s) for c in range(4) for s in range(5)}
    assert ended.events[-1]["probes"]["sent"] == 20
    # They take turns within an interval: a quarter of 2 ms each.
    first = {event["connection"]: event["scheduled_ms"] for event in replies if event["seq"] == 0}
    assert first == {0: 0.0, 1: 0.5, 2: 1.0, 3: 1.5}


def test_a_path_that_is_no_server_is_unreachable(netecho: Netecho) -> None:
    ended = netecho("probe", f"unix:/tmp/netecho-nobody-{os.getpid()}")
    assert ended.code == 3
    assert "no such file or directory" in ended.err
