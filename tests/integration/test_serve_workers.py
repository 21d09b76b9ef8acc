"""Several processes behind one address, as one server to whoever is outside."""

from __future__ import annotations

import os
import select
import signal
import socket
import ssl
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.server import LOOPBACK, PATIENCE, Server, everything, exactly, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.program import Netecho


@pytest.fixture
def server(netecho: Netecho) -> Iterator[Server]:
    with serving(netecho, "127.0.0.1:0", "--workers", "2", listening=2) as server:
        yield server


def workers(server: Server) -> list[int]:
    """The pids of the worker processes."""
    return [int(pid) for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()]


def owner(server: Server, client: socket.socket) -> int:
    """The worker that has the other end of a client's connection."""
    local, remote = client.getsockname()[1], server.port["tcp"]
    for line in Path("/proc/net/tcp").read_text().splitlines():
        if f"0100007F:{remote:04X} 0100007F:{local:04X}" in line:
            inode = line.split()[9]
            for pid in workers(server):
                if any(str(fd.readlink()) == f"socket:[{inode}]" for fd in Path(f"/proc/{pid}/fd").iterdir()):
                    return pid
    raise AssertionError("nobody has it")


def test_it_is_one_server_on_one_port(server: Server) -> None:
    assert server.port["tcp"] == server.port["udp"]
    assert len(workers(server)) == 2
    server.assert_serves()
    with server.sender() as sender:
        sender.send(b"x")
        assert sender.recv(10) == b"x"


def test_clients_are_dealt_out(server: Server) -> None:
    with ExitStack() as stack:
        owners = set()
        for _ in range(40):
            client = stack.enter_context(server.client())
            client.sendall(b"x")
            assert exactly(client, 1) == b"x"
            owners.add(owner(server, client))
        assert owners == set(workers(server))


def test_totals_are_summed_and_connections_numbered_through(server: Server) -> None:
    for _ in range(20):
        server.assert_serves()
    ended = server.stop()
    numbers = [event["connection"] for event in ended.events if event["event"] == "connected"]
    assert numbers == list(range(1, 21))
    assert sorted(numbers) == sorted(event["connection"] for event in ended.events if event["event"] == "disconnected")
    stopped = ended.events[-1]
    assert (stopped["event"], stopped["connections"], stopped["bytes_sent"]) == ("stopped", 20, 240)


def test_one_that_dies_is_replaced_and_nobody_is_refused(server: Server) -> None:
    with server.client() as kept, server.client() as other:
        for client in (kept, other):
            client.sendall(b"x")
            assert exactly(client, 1) == b"x"
        victim = owner(server, other)
        survives = owner(server, kept) != victim
        os.kill(victim, signal.SIGKILL)
        noticed = server.program.event_named("worker")
        assert f"(pid {victim}) died (signal 9) and is replaced" in noticed["text"]
        # The queue of the dead one is kept, and its replacement finds it: however many come, all are served.
        for _ in range(20):
            server.assert_serves()
        if survives:
            kept.sendall(b"y")
            assert exactly(kept, 1) == b"y"
    assert victim not in workers(server)
    assert len(workers(server)) == 2
    # What the dead one did until a second before its death is in the totals.
    assert server.stop().events[-1]["connections"] >= 20


def test_no_worker_outlives_its_leader(server: Server) -> None:
    pids = workers(server)
    descriptors = [os.pidfd_open(pid) for pid in pids]
    os.kill(server.pid, signal.SIGKILL)
    server.program.process.wait()
    for descriptor in descriptors:
        assert select.select([descriptor], [], [], PATIENCE)[0], "it lives on"
        os.close(descriptor)


def test_under_way_is_drained_in_every_one(server: Server) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(server.client()) for _ in range(6)]
        for client in clients:
            client.sendall(b"z" * 50_000)
        for client in clients:
            assert exactly(client, 1) == b"z"
        server.program.terminate()
        for client in clients:
            assert everything(client) == b"z" * 49_999
    ended = server.program.end()
    assert (ended.code, ended.err) == (0, "")
    assert ended.events[-1]["bytes_sent"] == 300_000


def test_one_certificate_for_all(netecho: Netecho) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with serving(netecho, "tls://127.0.0.1:0", "--workers", "2") as server:
        shown = set()
        for _ in range(12):
            with context.wrap_socket(server.client("tls")) as client:
                shown.add(client.getpeercert(binary_form=True))
        assert len(shown) == 1


def test_a_unix_socket_is_shared(netecho: Netecho, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = str(tmp_path_factory.mktemp("u") / "s")
    with serving(netecho, f"unix:{path}", "--workers", "2"):
        for _ in range(10):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE)
                client.connect(path)
                client.sendall(b"x")
                assert exactly(client, 1) == b"x"
    assert not Path(path).exists()


def test_another_server_on_the_port_is_refused(server: Server, netecho: Netecho) -> None:
    ended = netecho("serve", f"tcp://{LOOPBACK}:{server.port['tcp']}", "--workers", "2")
    assert ended.code == 3
    assert "in use" in ended.err
