"""Hostile servers for the probe, made from a seed: they answer wrong, early, late, in part, twice, with floods, or end.

Each keeps count of what it sent. What the probe makes of it (replies, duplicates, late ones, stray bytes) may never be
more, and is exactly that where the server was calm: it left the probe the time to read everything.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from netecho.net.certificates import make_identity
from tests.attacks.attack import LOOPBACK
from tests.attacks.table import MIB
from tests.program import COMMAND, environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

TRANSPORTS = ("tcp", "udp", "tls", "unix")
SIZE = 64
MEMORY = 60 * MIB
PATIENCE = 60

OPTIONS = (
    ("-i", "5ms"),
    ("-i", "0"),
    ("-i", "2ms", "-w", "2"),
    ("-i", "2ms", "--connections", "3"),
    ("-i", "5ms", "--reconnect"),
    ("-i", "5ms", "--payload", "x" * SIZE),
    ("-i", "5ms", "--pattern", "zeros"),
)
"""Of the probe; each server is for one of them."""


class OverError(Exception):
    """The server has ended the connection."""


class Peer:
    """One connection, or the datagrams of one client, and what is done to it."""

    def __init__(self, server: HostileServer, sock: socket.socket, send: Callable[[bytes], object]) -> None:
        self.server = server
        self.random = server.random
        self.sock = sock
        self._send = send
        self.earlier = b"nothing yet"

    def send(self, data: bytes) -> None:
        with self.server.lock:
            self.server.sent += 1 if self.server.transport == "udp" else len(data)
        try:
            self._send(data)
        except OSError:
            self.server.is_calm = False  # of a stream a part may have been received
            raise

    def together(self, *parts: bytes) -> None:
        """Send more than was asked for. On a stream all probes may be answered by it before the last of it is sent."""
        self.server.is_calm = False
        for part in (b"".join(parts),) if self.server.transport != "udp" else parts:
            self.send(part)

    def echo(self, data: bytes) -> None:
        self.send(data)

    def wrong(self, data: bytes) -> None:
        at = self.random.randrange(len(data))
        self.send(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])

    def in_part(self, data: bytes) -> None:
        at = self.random.randrange(len(data))
        self.send(data[:at])
        time.sleep(self.random.random() / 50)
        self.send(data[at:])

    def cut(self, data: bytes) -> None:
        self.send(data[: self.random.randrange(len(data))])

    def twice(self, data: bytes) -> None:
        self.together(data, data)

    def reversed(self, data: bytes) -> None:
        self.send(data[::-1])

    def stale(self, data: bytes) -> None:
        self.together(self.earlier, data)

    def junk(self, data: bytes) -> None:
        self.together(self.random.randbytes(self.random.choice((1, 7, 64, 65, 5000))), data)

    def instead(self, _: bytes) -> None:
        self.send(b"HTTP/1.1 400 Bad Request\r\n\x1b]0;owned\x07\r\n")

    def nothing(self, _: bytes) -> None:
        pass

    def flood(self, data: bytes) -> None:
        self.server.is_calm = False
        for _ in range(40):
            self.send(self.random.randbytes(50_000))
        self.send(data)

    def late(self, data: bytes) -> None:
        self.server.is_calm = False
        time.sleep(0.25)
        self.send(data)

    def close(self, _: bytes) -> None:
        self.server.is_calm = False  # where bytes wait to be read, a close is a reset
        raise OverError

    def reset(self, _: bytes) -> None:
        self.server.is_calm = False
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise OverError

    def half_close(self, data: bytes) -> None:
        self.send(data)
        self.sock.shutdown(socket.SHUT_WR)
        while self.server.received(self.sock):
            pass
        raise OverError


ALL = ("wrong", "in_part", "cut", "twice", "reversed", "stale", "junk", "instead", "nothing", "flood", "late")
"""What any server may do; streams may end as well."""
ENDS = ("close", "reset", "half_close")


class HostileServer:
    """A server of one transport; what it does is by its seed."""

    def __init__(self, seed: int, transport: str, folder: Path) -> None:
        self.random = random.Random(f"{transport} {seed}")
        self.transport = transport
        self.options = self.random.choice(OPTIONS)
        if transport == "udp" and "--reconnect" in self.options:
            self.options = OPTIONS[0]
        self.lock = threading.Lock()
        self.sent = 0
        """Bytes of a stream; datagrams."""
        # What is sent before and after TLS is not the probe's to count.
        self.is_calm = transport != "tls"
        may = ALL if transport == "udp" else ALL + ENDS
        self._moves = ["echo"] * self.random.choice((1, 4, 12)) + self.random.sample(may, self.random.randint(1, 4))
        self._speaks_first = self.random.random() < 0.3
        self._spoils_handshake = self.random.random() < 0.3
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._tls: ssl.SSLContext | None = None
        if transport == "unix":
            path = str(folder / f"{seed}")
            self._sock = socket.socket(socket.AF_UNIX)
            self._sock.bind(path)
            self.url = f"unix:{path}"
        else:
            self._sock = socket.socket(type=socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
            self._sock.bind((LOOPBACK, 0))
            self.url = f"{transport}://{LOOPBACK}:{self._sock.getsockname()[1]}"
        if transport == "tls":
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            pem = folder / f"{seed}.pem"
            pem.write_text(make_identity([LOOPBACK]))
            self._tls.load_cert_chain(pem)
        self._sock.settimeout(0.05)

    def __enter__(self) -> Self:
        if self.transport != "udp":
            self._sock.listen(100)
        self._begin(self._answer_datagrams if self.transport == "udp" else self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stopping = True
        for thread in self._threads:
            thread.join()
        self._sock.close()

    def _begin(self, work: Callable[..., None], *arguments: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments))
        self._threads[-1].start()

    def _accept(self) -> None:
        while not self._stopping:
            with contextlib.suppress(TimeoutError):
                sock, _ = self._sock.accept()
                self._begin(self._serve, sock)

    def _serve(self, plain: socket.socket) -> None:
        # An end in the middle of anything is what the other side is tested for.
        with contextlib.suppress(OSError, OverError), plain:
            plain.settimeout(5)
            sock = plain
            if self._tls is not None:
                if self._spoils_handshake and self.random.random() < 0.5:
                    plain.sendall(self.random.randbytes(200))
                    return
                sock = self._tls.wrap_socket(plain, server_side=True)
            with sock:
                peer = Peer(self, sock, sock.sendall)
                if self._speaks_first:
                    peer.send(b"220 hello \x1b[31m\xff\r\n")
                while data := self.received(sock):
                    self._answer(peer, data)

    def received(self, sock: socket.socket) -> bytes:
        while not self._stopping:
            sock.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                data = sock.recv(4096)
                sock.settimeout(5)
                return data
        return b""

    def _answer_datagrams(self) -> None:
        while not self._stopping:
            try:
                data, source = self._sock.recvfrom(65_536)
            except TimeoutError:
                continue
            except OSError:  # an ICMP error: the probe is gone
                continue
            with contextlib.suppress(OSError):
                self._answer(Peer(self, self._sock, partial(self._send_to, source)), data)

    def _send_to(self, source: Any, data: bytes) -> None:
        self._sock.sendto(data, source)

    def _answer(self, peer: Peer, data: bytes) -> None:
        getattr(peer, self.random.choice(self._moves))(data)
        peer.earlier = data


@dataclass(frozen=True)
class Outcome:
    """How a run of the probe against a server ended."""

    url: str
    options: tuple[str, ...]
    sent: int
    """By the server: bytes of a stream, datagrams."""
    is_calm: bool
    code: int
    out: str
    err: str
    memory: int
    """Bytes that the probe had resident at most."""

    def accounted(self) -> int:
        """What the probe has said something about."""
        probes = json.loads(self.out)["probes"]
        replies = int(probes["received"] + probes["duplicate"] + probes["late"])
        if self.url.startswith("udp"):
            return replies + int(probes["stray"])
        return replies * SIZE + int(probes["stray_bytes"])

    def faults(self, *, in_time: bool = True) -> list[str]:
        """Say what a probe may not do, whatever a server does.

        `in_time`: the machine is quiet enough for a server that is calm to send everything before the run ends.
        """
        found = []
        if self.code not in {0, 1, 3}:
            found.append(f"exit code {self.code}")
        if "Traceback" in self.err or "bug" in self.err:
            found.append(self.err)
        if self.memory > MEMORY:
            found.append(f"{self.memory / MIB:.1f} MiB")
        if self.code in {0, 1}:
            accounted = self.accounted()
            if accounted > self.sent:
                found.append(f"{accounted} accounted for, of {self.sent} sent")
            if in_time and self.is_calm and accounted != self.sent:
                found.append(f"{accounted} accounted for, and {self.sent} were sent")
            probes = json.loads(self.out)["probes"]
            ends = ("received", "lost", "pending", "dropped_here")
            if probes["sent"] != sum(probes[each] for each in ends):
                found.append(f"sums: {probes}")
        return found


def probe(server: HostileServer) -> Outcome:
    """Run the probe against a server to its end."""
    options = ("-c", "12", "-W", "150ms", "--json", *server.options)
    if server.transport == "tls":
        options += ("--insecure",)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [*COMMAND, "probe", server.url, *options],
            stdout=out,
            stderr=err,
            env=environment(),
            stdin=subprocess.DEVNULL,
        )
        memory, until = 0, time.monotonic() + PATIENCE
        while process.poll() is None:
            memory = max(memory, _peak(process.pid))
            if time.monotonic() > until:
                process.kill()
            time.sleep(0.01)
        out.seek(0)
        err.seek(0)
        return Outcome(
            server.url,
            options,
            server.sent,
            server.is_calm,
            process.returncode,
            out.read().decode(),
            err.read().decode(),
            memory,
        )


def _peak(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


def play(seed: int, transport: str, folder: Path) -> Outcome:
    """Make a server, and run the probe against it."""
    with HostileServer(seed, transport, folder) as server:
        return probe(server)


def hostile_servers(count: int) -> None:
    """Run the probe against so many; raises SystemExit where one got through."""
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            transport = TRANSPORTS[number % len(TRANSPORTS)]
            outcome = play(number, transport, Path(folder))
            found = outcome.faults()
            bad += bool(found)
            if found:
                print(f"{transport} {number} ({' '.join(outcome.options)}): {'; '.join(found)}", flush=True)
    print(f"{count} hostile servers, {bad} got through")
    if bad:
        sys.exit(1)
