"""`netecho serve` in a process of its own, where it listens, and clients for it that are as good or bad as told."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.program import Ended, Netecho, Program

PATIENCE = 20
"""Seconds a client waits for what the server owes it."""

LOOPBACK = "127.0.0.1"


class Server:
    """A server that is listening. Attributes are by transport: `port["tcp"]`."""

    def __init__(self, program: Program, count: int) -> None:
        self.program = program
        self.early: list[dict[str, Any]] = []
        """What was told before it listened."""
        self.listening: list[dict[str, Any]] = []
        while len(self.listening) < count:
            event = program.event()
            (self.listening if event["event"] == "listening" else self.early).append(event)
        self.port: dict[str, int] = {each["transport"]: each["port"] for each in self.listening if "port" in each}
        self.pins: dict[str, str] = {each["transport"]: each["pin"] for each in self.listening if "pin" in each}

    @property
    def pid(self) -> int:
        return self.program.process.pid

    def fork_server(self) -> int:
        """The process that the workers of several are forked from."""
        return children(self.pid)[0]

    def workers(self) -> list[int]:
        """The pids of the workers of several."""
        return [worker for each in children(self.pid) for worker in children(each)]

    def client(self, transport: str = "tcp") -> socket.socket:
        """A connection."""
        return socket.create_connection((LOOPBACK, self.port[transport]), timeout=PATIENCE)

    def sender(self, source: tuple[str, int] = (LOOPBACK, 0)) -> socket.socket:
        """A socket for datagrams, connected to the server's."""
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.bind(source)
        sender.connect((LOOPBACK, self.port["udp"]))
        sender.settimeout(PATIENCE)
        return sender

    def assert_serves(self, transport: str = "tcp") -> None:
        """It does what it is there for."""
        with self.client(transport) as client:
            client.sendall(b"still there?")
            client.shutdown(socket.SHUT_WR)
            assert everything(client) == b"still there?"

    def ended_reason(self) -> str:
        """How the next connection ends that does."""
        return str(self.program.event_named("disconnected")["reason"])

    def descriptors(self) -> int:
        """How many it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def resident(self) -> int:
        """Bytes of memory it has resident."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * 4096

    def peak(self) -> int:
        """Bytes of memory it had resident at most."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

    def stop(self) -> Ended:
        """SIGTERM, and the end; it must be a good one."""
        self.program.terminate()
        ended = self.program.end()
        assert ended.code == 0, ended
        assert ended.err == "", ended
        return ended


@contextlib.contextmanager
def serving(netecho: Netecho, *arguments: str, listening: int = 1) -> Iterator[Server]:
    """Start a server, and see that it comes to a good end with the test."""
    server = Server(netecho.start("serve", *arguments, "--format", "ndjson"), listening)
    yield server
    if server.program.process.poll() is None:
        server.stop()


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:  # it has ended
        return []


def everything(client: socket.socket) -> bytes:
    """What comes until the server's FIN."""
    came = bytearray()
    while data := client.recv(1 << 20):
        came += data
    return bytes(came)


def exactly(client: socket.socket, size: int) -> bytes:
    """So many bytes, or what came before the FIN."""
    came = bytearray()
    while len(came) < size and (data := client.recv(size - len(came))):
        came += data
    return bytes(came)


def reset(client: socket.socket) -> None:
    """Close with a reset instead of a FIN."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def in_thread(work: Callable[..., None], *arguments: Any) -> threading.Thread:
    """Have something done at the same time; to be joined."""
    thread = threading.Thread(target=work, args=arguments)
    thread.start()
    return thread


def send_and_close(client: socket.socket, data: bytes) -> None:
    """Send everything and the FIN after it."""
    client.sendall(data)
    client.shutdown(socket.SHUT_WR)
