"""Started by systemd, which is played by the test: sockets handed over, and word sent back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.certificates import issue
from tests.program import environment
from tests.server import PATIENCE, exactly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What systemd does between fork and exec: the descriptors to their places, and the variables with the right pid.
HANDOVER = """
import os, sys
for place, fd in enumerate(map(int, sys.argv[1].split(",")), 3):
    os.dup2(fd, place)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(place - 2), LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.executable, [sys.executable, "-m", "netecho", *sys.argv[3:]])
"""


class Systemd:
    """A manager that starts one service."""

    def __init__(self, folder: Path) -> None:
        self.stack = ExitStack()
        self.path = str(folder / "n")
        self.notified = self.stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self.notified.bind(self.path)
        self.notified.settimeout(PATIENCE)

    def listen(self, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        sock = self.stack.enter_context(socket.socket(socket.AF_INET, kind))
        sock.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        return sock

    def start(self, sockets: list[socket.socket], names: str, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
        # Numbers far above the places they are to get.
        fds = [os.dup2(sock.fileno(), 100 + index) for index, sock in enumerate(sockets)]
        command = [sys.executable, "-c", HANDOVER, ",".join(map(str, fds)), names, "serve", *arguments]
        process = subprocess.Popen(
            command, pass_fds=fds, env=environment(NOTIFY_SOCKET=self.path, **env), start_new_session=True
        )
        for fd in fds:
            os.close(fd)
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    def heard(self) -> list[str]:
        return self.notified.recv(4096).decode().splitlines()


@pytest.fixture
def systemd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systemd]:
    systemd = Systemd(tmp_path_factory.mktemp("n"))
    with systemd.stack:
        yield systemd


def test_sockets_are_served_and_the_end_is_told(systemd: Systemd) -> None:
    stream, datagrams = systemd.listen(), systemd.listen(socket.SOCK_DGRAM)
    # A client that comes before the service is there waits in the socket's queue.
    with socket.create_connection(stream.getsockname(), timeout=PATIENCE) as early:
        early.sendall(b"early")
        service = systemd.start([stream, datagrams], "a:b", "-qq")
        assert exactly(early, 5) == b"early"
    ready = systemd.heard()
    assert ready[0] == "READY=1"
    assert f"tcp://127.0.0.1:{stream.getsockname()[1]}" in ready[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(PATIENCE)
        sender.sendto(b"x", datagrams.getsockname())
        assert sender.recv(10) == b"x"
    service.terminate()
    assert systemd.heard() == ["STOPPING=1"]
    assert service.wait(PATIENCE) == 0
    # The socket is systemd's, and goes on to take clients for the next service.
    socket.create_connection(stream.getsockname(), timeout=PATIENCE).close()


def test_tls_by_its_name_and_reload(systemd: Systemd, tmp_path: Path) -> None:
    cert, key = issue("server").write(tmp_path, "server")
    service = systemd.start([systemd.listen()], "tls", "-qq", "--cert", cert, "--key", key)
    assert "tls://127.0.0.1:" in systemd.heard()[1]
    service.send_signal(signal.SIGHUP)
    assert systemd.heard()[0] == "RELOADING=1"
    assert systemd.heard() == ["READY=1"]


def test_signs_of_life(systemd: Systemd) -> None:
    systemd.start([systemd.listen()], "a", "-qq", WATCHDOG_USEC="100000")
    assert systemd.heard()[0] == "READY=1"
    assert systemd.heard() == systemd.heard() == ["WATCHDOG=1"]


def test_addresses_of_the_command_line_come_on_top(systemd: Systemd) -> None:
    systemd.start([systemd.listen()], "a", "tcp://127.0.0.1:0", "-qq")
    assert systemd.heard()[1].count("tcp://127.0.0.1:") == 2


def test_with_workers(systemd: Systemd) -> None:
    stream = systemd.listen()
    service = systemd.start([stream], "a", "--workers", "2", "-qq")
    assert systemd.heard()[0] == "READY=1"
    for _ in range(10):
        with socket.create_connection(stream.getsockname(), timeout=PATIENCE) as client:
            client.sendall(b"x")
            assert exactly(client, 1) == b"x"
    service.terminate()
    assert systemd.heard() == ["STOPPING=1"]
    assert service.wait(PATIENCE) == 0
