"""Forged datagrams: nobody can make two servers talk to each other, or one to a service that answers everything.

In a network namespace, where the packets are nobody else's, and raw sockets are permitted to whoever made it.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from netecho.echo.loop_guard import LOOP
from tests.namespace import namespace
from tests.peers import needed
from tests.server import LOOPBACK, Server, in_thread, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.namespace import Namespace
    from tests.program import Netecho

FORGE = """
import socket, struct, sys
source, sport, target, dport, ttl, count = sys.argv[1:]
v6 = ":" in source
raw = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
raw.bind((source, 0))
if v6:
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, int(ttl))
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_CHECKSUM, 6)
else:
    raw.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, int(ttl))
for number in range(int(count)):
    payload = b"forged %d" % number
    header = struct.pack("!HHHH", int(sport), int(dport), 8 + len(payload), 0)
    raw.sendto(header + payload, (target, 0))
"""

ASK = """
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(20)
client.sendto(b"are you there?", (host, port))
assert client.recv(100) == b"are you there?"
"""


class Field:
    """A namespace with servers in it, and somebody who forges."""

    def __init__(self, inside: Namespace, netecho: Netecho) -> None:
        self.inside = inside
        self.netecho = netecho
        netecho.prefix = inside.prefix

    def servers(self, *addresses: tuple[str, int]) -> list[Server]:
        """Start them, all at the same time."""
        urls = [f"udp://[{host}]:{port}" if ":" in host else f"udp://{host}:{port}" for host, port in addresses]
        programs = [self.netecho.start("serve", url, "--format", "ndjson") for url in urls]
        return [Server(program, 1) for program in programs]

    def forge(self, source: str, sport: int, target: str, dport: int, *, ttl: int = 64, count: int = 1) -> None:
        self._python(FORGE, source, sport, target, dport, ttl, count)

    def ask(self, host: str, port: int) -> None:
        """Have a datagram echoed: everything that came to the server before it is dealt with then."""
        self._python(ASK, host, port)

    def _python(self, script: str, *arguments: Any) -> None:
        command = [*self.inside.prefix, sys.executable, "-c", script, *map(str, arguments)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def field(netecho: Netecho) -> Iterator[Field]:
    with ExitStack() as stack:
        yield Field(stack.enter_context(namespace()), netecho)


def counts(server: Server) -> tuple[int, int, int]:
    """Stop it, and return how many datagrams came, were answered, and were refused an answer."""
    totals = server.stop().events[-1]
    return totals["datagrams"], totals["datagrams_answered"], totals["datagrams_refused"]


@pytest.mark.parametrize(
    ("one", "other", "ttl"),
    [
        (("127.0.0.1", 9001), ("127.0.0.2", 9002), 64),
        (("127.0.0.1", 9001), ("127.0.0.1", 41234), 255),
        (("::1", 9001), ("::1", 9002), 64),
    ],
    ids=["two hosts", "one host", "IPv6"],
)
def test_two_servers_fall_silent(field: Field, one: tuple[str, int], other: tuple[str, int], ttl: int) -> None:
    first, second = field.servers(one, other)
    field.forge(*one, *other, ttl=ttl, count=5)
    field.ask(*other)
    field.ask(*one)
    # The other answered the five, as it must: they could be anybody's. The one answered none of the answers.
    assert counts(second) == (6, 6, 0)
    assert counts(first) == (6, 1, 5)


@pytest.mark.parametrize("port", [9001, 7007])
def test_two_servers_on_the_same_port_do_not_even_begin(field: Field, port: int) -> None:
    first, second = field.servers(("127.0.0.1", port), ("127.0.0.2", port))
    field.forge("127.0.0.1", port, "127.0.0.2", port)
    field.ask("127.0.0.2", port)
    assert counts(second) == (2, 1, 1)
    assert counts(first) == (0, 0, 0)


def test_a_server_does_not_talk_to_itself(field: Field) -> None:
    (server,) = field.servers(("127.0.0.1", 9001))
    field.forge("127.0.0.1", 9001, "127.0.0.1", 9001, count=3)
    field.ask("127.0.0.1", 9001)
    assert counts(server) == (4, 1, 3)


def test_nor_do_two_of_its_sockets(field: Field) -> None:
    program = field.netecho.start("serve", "udp://127.0.0.1:9001", "udp://127.0.0.1:9002", "--format", "ndjson")
    server = Server(program, 2)
    field.forge("127.0.0.1", 9001, "127.0.0.1", 9002)
    field.ask("127.0.0.1", 9001)
    field.ask("127.0.0.1", 9002)
    assert counts(server) == (4, 3, 1)


def test_services_that_answer_everything_are_not_answered(field: Field) -> None:
    (server,) = field.servers(("127.0.0.1", 9001))
    ports = [7, 13, 17, 19, 37, 53, 123]
    for port in ports:
        field.forge("127.0.0.5", port, "127.0.0.1", 9001)
    field.ask("127.0.0.1", 9001)
    assert counts(server) == (8, 1, 7)


def test_two_servers_behind_a_router_that_rewrites_ttls_fall_silent(field: Field) -> None:
    """Neither knows the other's answers by their mark, and the ports are of no known service; one has no limits."""
    needed("nft")
    field.inside.run("nft", "add table ip router")
    field.inside.run("nft", "add chain ip router out { type filter hook output priority -150; }")
    field.inside.run("nft", "add rule ip router out udp dport { 9001, 9002 } ip ttl set 64")
    one, other = (
        field.netecho.start("serve", f"udp://{address}", "--format", "ndjson", *options)
        for address, options in (("127.0.0.1:9001", ()), ("127.0.0.2:9002", ("--max-rate", "0")))
    )
    first, second = Server(one, 1), Server(other, 1)
    field.forge("127.0.0.2", 9002, "127.0.0.1", 9001)
    # With that the loop is over.
    assert first.program.event_named("refused")["reason"] == LOOP
    assert counts(first)[0] + counts(second)[0] <= 100


@pytest.mark.parametrize("options", [(), ("-vv",), ("--mode", "text")], ids=["batched", "one by one", "text"])
def test_a_plain_echo_on_another_port_falls_silent(netecho: Netecho, options: tuple[str, ...]) -> None:
    with (
        serving(netecho, "udp://127.0.0.1:0", *options) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain,
    ):
        plain.bind((LOOPBACK, 0))
        plain.settimeout(0.05)
        over = threading.Event()
        returned: list[bytes] = []
        echoing = in_thread(echo, plain, returned, over)
        plain.sendto(b"forged", (LOOPBACK, server.port["udp"]))
        try:
            assert server.program.event_named("refused")["reason"] == LOOP
        finally:
            over.set()
            echoing.join()
    assert 0 < len(returned) < 50


def echo(plain: socket.socket, returned: list[bytes], over: threading.Event) -> None:
    """Return whatever comes, as any echo does."""
    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            data, peer = plain.recvfrom(100)
            returned.append(data)
            plain.sendto(data, peer)
