"""Echo servers nobody here wrote: inetd's internal echo, ncat and socat, over TCP, UDP and Unix sockets.

Each is started on a free port of loopback, is known to be ready because it has answered, and is gone with its test.
A peer that is not installed skips the test that wants it; where NETECHO_NO_SKIP is set that is a failure.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 10
LOOPBACK = "127.0.0.1"


def needed(program: str) -> str:
    """The path of a program; where it is not installed, the test is skipped."""
    # Debian keeps inetd out of the PATH of ordinary users.
    path = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


def free_port(host: str = LOOPBACK) -> int:
    """A port that neither TCP nor UDP uses at the moment: for programs that cannot be asked which port they took.

    It is none of those that the kernel gives out by itself, so nobody gets it who asks for any.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = random.randrange(10_000, 32_768)
        with (
            socket.socket(family, socket.SOCK_STREAM) as stream,
            socket.socket(family, socket.SOCK_DGRAM) as datagram,
            contextlib.suppress(OSError),
        ):
            stream.bind((host, port))
            datagram.bind((host, port))
            return port


class Peer:
    """A program that was started, with all that it forked."""

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = arguments
        self.log = tempfile.TemporaryFile()  # noqa: SIM115  closed by stop()
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True
        )

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Ask until the answer is yes. The pause between questions is a wait for the process, so its end is noticed."""
        for _ in range(PATIENCE * 100):
            if ready():
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)
                break
        pytest.fail(f"{' '.join(self.arguments)} did not get ready (code {self.process.poll()}): {self.said()}")

    def said(self) -> str:
        """What it has printed so far."""
        # Not by seeking: the peer writes at the same offset.
        return os.pread(self.log.fileno(), 1 << 20, 0).decode(errors="replace")

    def stop(self) -> None:
        """Kill it and its children, and wait for it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()


@contextlib.contextmanager
def running(arguments: list[str]) -> Iterator[Peer]:
    """Start a peer and leave nothing of it."""
    peer = Peer(arguments)
    try:
        yield peer
    finally:
        peer.stop()


def answers(kind: socket.SocketKind, address: tuple[str, int] | str) -> bool:
    """Whether an echo server there echoes."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, kind) as client, contextlib.suppress(OSError):
        client.settimeout(0.2)
        client.connect(address)
        client.send(b"ready?")
        return client.recv(16) == b"ready?"
    return False


@functools.cache
def permitted(*arguments: str) -> bool:
    """Whether this machine lets us run that."""
    with contextlib.suppress(FileNotFoundError):
        return subprocess.run(arguments, check=False, capture_output=True).returncode == 0
    return False


@contextlib.contextmanager
def inetd_echo(scheme: str) -> Iterator[str]:
    """RFC 862 as inetd has it built in, over `tcp` or `udp`; its target.

    inetd's internal service is found by its name alone, and the name's port is the one in /etc/services: so inetd gets
    an /etc/services of its own, in a mount namespace. Where that is not permitted it takes port 7 of a loopback
    address. One inetd serves one transport: when a child that served a TCP client ends, inetd sleeps for a second.
    """
    program = needed("inetutils-inetd")
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        host, port = LOOPBACK, free_port()
        services = Path(folder, "services")
        services.write_text(f"echo {port}/tcp\necho {port}/udp\n")
        # The rate is of invocations a minute, past which inetd closes the service.
        serve = [program, "-d", "-p", "-R", "1000000", f"{folder}/inetd.conf"]
        namespace = ["unshare", "--mount"] if root else ["unshare", "--map-root-user", "--mount"]
        script = 'mount --bind "$0" /etc/services && exec "$@"'
        hidden = [*namespace, "sh", "-c", script, str(services)]
        if permitted(*hidden, "true"):
            serve = [*hidden, *serve]
        else:
            host, port = "127.0.0.7", 7
        kind = "dgram udp wait" if scheme == "udp" else "stream tcp nowait"
        user = "root" if root else pwd.getpwuid(os.geteuid()).pw_name
        Path(folder, "inetd.conf").write_text(f"{host}:echo {kind} {user} internal\n")
        with running([*serve]) as peer:
            # Asking it for an echo over TCP would put it to sleep.
            peer.wait_until(lambda: "registered internal" in peer.said())
            yield f"{scheme}://{host}:{port}"


@contextlib.contextmanager
def forking_echo(name: str, scheme: str) -> Iterator[str]:
    """`ncat` or `socat`, which start a process for each client (socat: for each datagram); its target."""
    program = needed(name)
    # Unix socket paths are limited to 107 bytes, and pytest's own folders are long.
    with tempfile.TemporaryDirectory() as folder:
        path, port = f"{folder}/echo", free_port()
        target = f"unix:{path}" if scheme == "unix" else f"{scheme}://{LOOPBACK}:{port}"
        address = path if scheme == "unix" else (LOOPBACK, port)
        arguments = {
            ("ncat", "tcp"): ["-l", "-k", "-c", "exec cat", LOOPBACK, str(port)],
            ("ncat", "udp"): ["-l", "-u", "-k", "-c", "exec cat", LOOPBACK, str(port)],
            ("ncat", "unix"): ["-l", "-U", "-k", "-c", "exec cat", path],
            ("socat", "tcp"): [f"TCP-LISTEN:{port},bind={LOOPBACK},reuseaddr,fork,nodelay", "PIPE"],
            ("socat", "udp"): [f"UDP-RECVFROM:{port},bind={LOOPBACK},fork", "PIPE"],
            ("socat", "unix"): [f"UNIX-LISTEN:{path},fork", "PIPE"],
        }[name, scheme]
        kind = socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM
        with running([program, *arguments]) as peer:
            peer.wait_until(lambda: answers(kind, address))
            yield target


FOREIGN = [
    ("inetd", "tcp"),
    ("inetd", "udp"),
    ("ncat", "tcp"),
    ("ncat", "udp"),
    ("ncat", "unix"),
    ("socat", "tcp"),
    ("socat", "udp"),
    ("socat", "unix"),
]


def foreign_echo(name: str, scheme: str) -> contextlib.AbstractContextManager[str]:
    """Start one of FOREIGN; its target."""
    return inetd_echo(scheme) if name == "inetd" else forking_echo(name, scheme)
