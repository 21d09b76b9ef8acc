"""Several processes behind one address: to a client, one server."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import ssl
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.server import LOOPBACK, PATIENCE, Server, everything, exactly, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.program import Netecho


@pytest.fixture
def server(netecho: Netecho) -> Iterator[Server]:
    with serving(netecho, "127.0.0.1:0", "--workers", "2", listening=2) as server:
        yield server


def owner(server: Server, client: socket.socket) -> int:
    """The worker that has the other end of a client's connection."""
    local, remote = client.getsockname()[1], server.port["tcp"]
    for line in Path("/proc/net/tcp").read_text().splitlines():
        if f"0100007F:{remote:04X} 0100007F:{local:04X}" in line:
            inode = line.split()[9]
            for pid in server.workers():
                if any(str(fd.readlink()) == f"socket:[{inode}]" for fd in Path(f"/proc/{pid}/fd").iterdir()):
                    return pid
    raise AssertionError("nobody has it")


def until(condition: Callable[[], bool]) -> None:
    """Wait for what is to become true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.005)


def refused(port: int) -> bool:
    """Whether a new connection is refused."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def in_mask(pid: int, name: str, number: signal.Signals) -> bool:
    """Whether a signal is in one of a process's masks (proc(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = next(int(line.split()[1], 16) for line in lines if line.startswith(name))
    return bool(mask >> (number - 1) & 1)


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    return in_mask(pid, "SigCgt", number)


def blocks(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a signal wait."""
    return in_mask(pid, "SigBlk", number)


def test_it_is_one_server_on_one_port(server: Server) -> None:
    assert server.port["tcp"] == server.port["udp"]
    assert len(server.workers()) == 2
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
        assert owners == set(server.workers())


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
    assert victim not in server.workers()
    assert len(server.workers()) == 2
    # What the dead one did until a second before its death is in the totals.
    assert server.stop().events[-1]["connections"] >= 20


def assert_all_end(pids: list[int], end: Callable[[], object]) -> None:
    """`end` has all of these processes end, and without a drain: they have a client whose bytes are under way."""
    descriptors = [os.pidfd_open(pid) for pid in pids]
    end()
    for descriptor in descriptors:
        assert select.select([descriptor], [], [], 2)[0], "it lives on"
        os.close(descriptor)


def never_reading(server: Server, stack: ExitStack) -> None:
    """A client to whom bytes are owed: a drain waits for it as long as drains last."""
    client = stack.enter_context(server.client())
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            client.send(bytes(1 << 20))


def test_no_worker_outlives_a_supervisor_that_is_killed(server: Server) -> None:
    assert_all_end(server.workers(), lambda: os.kill(server.pid, signal.SIGKILL))
    server.program.process.wait()


def test_not_even_one_that_was_stopped_by_a_signal(server: Server) -> None:
    """It cannot read that its supervisor is gone: the kernel ends it."""
    workers = server.workers()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    assert_all_end(workers, lambda: os.kill(server.pid, signal.SIGKILL))
    server.program.process.wait()


def test_no_worker_outlives_a_supervisor_that_is_told_to_stop_twice(server: Server) -> None:
    def stop_twice() -> None:
        server.program.terminate()
        # It has begun to drain when it accepts no more.
        until(lambda: refused(server.port["tcp"]))
        server.program.terminate()

    with ExitStack() as stack:
        never_reading(server, stack)
        assert_all_end(server.workers(), stop_twice)
    assert server.program.end().code == 130


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_a_worker_does_not_end_it(server: Server, number: signal.Signals) -> None:
    before = server.workers()
    for pid in before:
        os.kill(pid, number)
    for _ in range(4):
        server.assert_serves()
    assert server.workers() == before
    assert server.stop().events[-1]["event"] == "stopped"


def test_one_that_hangs_is_replaced(server: Server) -> None:
    victim = server.workers()[0]
    os.kill(victim, signal.SIGSTOP)
    noticed = server.program.event_named("worker")
    assert noticed["text"].endswith(f"(pid {victim}) died (no sign of life within 5 s, killed) and is replaced")
    for _ in range(12):
        server.assert_serves()
    assert victim not in server.workers()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.25, 0.4, 0.6, 0.8])
def test_a_signal_to_the_group_while_it_starts_is_a_good_end(
    netecho: Netecho, number: signal.Signals, delay: float, tmp_path: Path
) -> None:
    """As Ctrl-C in a terminal, or a service manager; `delay` is where in the start it comes, roughly."""
    path = tmp_path / "s"
    program = netecho.start("serve", "tcp://127.0.0.1:0", f"unix:{path}", "--workers", "4")
    # Before its own handlers are there, the signal ends the process as it ends any.
    until(lambda: catches(program.process.pid, signal.SIGTERM))  # SIGINT has a handler of Python's before
    time.sleep(delay)
    os.killpg(program.process.pid, number)
    ended = program.end()
    assert (ended.code, ended.err) == (0, ""), ended
    assert "replaced" not in ended.out
    assert not path.exists()


def test_hangup_while_it_starts_reads_the_files_when_it_listens(netecho: Netecho) -> None:
    program = netecho.start("serve", "tcp://127.0.0.1:0", "--workers", "2", "--format", "ndjson")
    until(lambda: blocks(program.process.pid, signal.SIGHUP))
    os.killpg(program.process.pid, signal.SIGHUP)
    server = Server(program, 1)
    assert [*server.early, program.event()][-1]["event"] == "reloaded"
    server.assert_serves()
    server.stop()


def test_many_come_up(netecho: Netecho) -> None:
    """Each of them is forked from a process that has done what takes long in the start of one."""
    with serving(netecho, "tcp://127.0.0.1:0", "--workers", "64") as server:
        assert len(server.workers()) == 64
        server.assert_serves()


def test_all_are_replaced_when_the_process_that_they_are_forked_from_dies(server: Server) -> None:
    before = server.workers()
    os.kill(server.fork_server(), signal.SIGKILL)
    for _ in before:
        text = server.program.event_named("worker")["text"]
        assert text.endswith("died (the process that starts workers ended: signal 9) and is replaced")
    for _ in range(4):
        server.assert_serves()
    assert not {*before} & {*server.workers()}


def test_a_signal_to_the_process_that_they_are_forked_from_does_not_end_it(server: Server) -> None:
    before = server.workers()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        os.kill(server.fork_server(), number)
    server.assert_serves()
    assert server.workers() == before


def test_nobody_is_accepted_while_it_drains(netecho: Netecho, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with serving(netecho, "tcp://127.0.0.1:0", f"unix:{path}", "--workers", "2", listening=2) as server:
        with ExitStack() as stack:
            never_reading(server, stack)
            server.program.terminate()
            until(lambda: refused(server.port["tcp"]))
            until(lambda: not path.exists())
            assert server.program.process.poll() is None
        assert server.program.end().code == 0


@pytest.mark.parametrize("limit", [4, 240])
def test_limits_hold_exactly_for_all_together(netecho: Netecho, limit: int) -> None:
    options = ("--workers", "4", "--max-connections", str(limit), "--max-per-client", "0")
    with serving(netecho, "tcp://127.0.0.1:0", *options) as server, ExitStack() as stack:
        served = 0
        for _ in range(limit + 20):
            client = stack.enter_context(server.client())
            client.sendall(b"x")
            with contextlib.suppress(ConnectionError):
                served += exactly(client, 1) == b"x"
        assert served == limit


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
