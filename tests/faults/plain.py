"""Datagrams and connections by plain sockets, between client and server of a network, and what became of them.

Nothing here waits for a time: what was sent before a mark has arrived once the mark has, or never will. Marks go by a
port of their own, which no fault is about, and are sent until one is through.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.topology import SERVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.topology import Network

PATIENCE = 20.0
"""Seconds for what has to come, on however busy a machine."""
MARK_PORT = 9
MARKS = 200
MARK_WAIT = 0.1
"""Seconds after which another mark is sent."""
IP_MTU_DISCOVER = 10
IP_PMTUDISC_PROBE = 3
"""Don't Fragment on every packet, whatever is known of the path."""
IP_RECVTOS = 13
SO_RCVBUFFORCE = 33
ROOM = 16 << 20


@dataclass(frozen=True, slots=True)
class Datagram:
    """One that arrived."""

    payload: bytes
    tos: int
    source: tuple[str, int]

    @property
    def number(self) -> int:
        """Which it was of those that were sent."""
        return int.from_bytes(self.payload[:4])


@dataclass(frozen=True, slots=True)
class Exchange:
    """Datagrams from the client, those that reached the server, and the echoes that came back, as they came."""

    sent: int
    there: list[Datagram]
    back: list[Datagram]

    @property
    def lost_forward(self) -> int:
        return self.sent - len(self.there)

    @property
    def lost_backward(self) -> int:
        return len(self.there) - len(self.back)

    @property
    def lost(self) -> tuple[int, int]:
        """On the way to the server, and of the rest on the way back."""
        return self.lost_forward, self.lost_backward


def _udp(made: Network, host: str) -> socket.socket:
    made_there = made.socket(host, socket.AF_INET, socket.SOCK_DGRAM)
    made_there.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
    made_there.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
    made_there.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
    return made_there


@contextlib.contextmanager
def _one_core() -> Iterator[None]:
    """Stay on one core: packets wait in a queue of the core that sent them, and a mark could overtake in another."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def marks(made: Network) -> Iterator[Callable[[], None]]:
    """Give a function that returns when all that was sent between client and server has arrived, or never will."""
    with _one_core(), _udp(made, "client") as client, _udp(made, "server") as server:
        server.bind((SERVER, MARK_PORT))
        client.connect((SERVER, MARK_PORT))

        numbers = itertools.count()

        def settle() -> None:
            first = next(numbers)  # those before may still be under way, and say nothing of what was sent since
            for number in itertools.chain([first], itertools.islice(numbers, MARKS)):
                client.send(number.to_bytes(4))
                if any(int.from_bytes(each) >= first for each in echoes()):
                    return
            raise AssertionError("no mark came through")

        def echoes() -> Iterator[bytes]:
            while select.select([server], [], [], MARK_WAIT)[0]:
                payload, source = server.recvfrom(16)
                server.sendto(payload, source)
                if select.select([client], [], [], MARK_WAIT)[0]:
                    yield client.recv(16)

        yield settle


def _take(sock: socket.socket) -> Iterator[Datagram]:
    """What has arrived."""
    with contextlib.suppress(BlockingIOError):
        while True:
            payload, ancillary, _, source = sock.recvmsg(65_535, 64, socket.MSG_DONTWAIT)
            yield Datagram(payload, ancillary[0][2][0], source)


def _take_all(sock: socket.socket, count: int) -> Iterator[Datagram]:
    """So many, however long they take."""
    for _ in range(count):
        assert select.select([sock], [], [], PATIENCE)[0], "a datagram that had to come did not"
        payload, ancillary, _, source = sock.recvmsg(65_535, 64)
        yield Datagram(payload, ancillary[0][2][0], source)


def exchange(
    made: Network,
    *,
    count: int = 20,
    size: int = 64,
    tos: int = 0,
    port: int = 7007,
    source_port: int = 0,
    payload: bytes = b"",
    held_up: bool = False,
    before_echoes: Callable[[], None] = lambda: None,
) -> Exchange:
    """Send datagrams to a server and let it echo them, with the same TOS.

    With `held_up` all of them arrive, but a mark may overtake them.
    """
    with marks(made) as settle, _udp(made, "client") as client, _udp(made, "server") as server:
        server.bind((SERVER, port))
        client.bind(("", source_port))
        client.connect((SERVER, port))
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
        for number in range(count):
            client.send(payload or number.to_bytes(4).ljust(size, b"\0"))
        settle()
        there = list(_take_all(server, count) if held_up else _take(server))
        before_echoes()
        for each in there:
            server.sendto(each.payload, each.source)
        settle()
        return Exchange(count, there, list(_take_all(client, len(there)) if held_up else _take(client)))


@contextlib.contextmanager
def connection(made: Network, port: int = 7007) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Connect the client to the server by TCP; both ends."""
    with (
        made.socket("server", socket.AF_INET, socket.SOCK_STREAM) as listener,
        made.socket("client", socket.AF_INET, socket.SOCK_STREAM) as client,
    ):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((SERVER, port))
        listener.listen()
        client.settimeout(PATIENCE)
        listener.settimeout(PATIENCE)
        client.connect((SERVER, port))
        server, _ = listener.accept()
        with server:
            server.settimeout(PATIENCE)
            yield client, server
