"""One forged packet between a STAMP reflector and whatever answers: silent within a hundred packets.

The rules are tested without a network in tests/stamp/test_loops.py; here it is the sockets, and the TTL that packets
really have. In a network namespace, where raw sockets are permitted.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.namespace import namespace
from tests.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.namespace import Namespace
    from tests.program import Netecho

SIZES = (14, 22, 24, 41, 44, 60, 200)

FORGE = """
import socket, struct, sys
sport, dport, *sizes = map(int, sys.argv[1:])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
raw.bind(("127.0.0.2", 0))
for size in sizes:
    for fill in (b"\\0", b"\\xff", b"ab\\0"):
        payload = (fill * size)[:size]
        raw.sendto(struct.pack("!HHHH", sport, dport, 8 + size, 0) + payload, ("127.0.0.1", 0))
        raw.sendto(struct.pack("!HHHH", sport, dport, 8 + size, 0) + payload, ("127.0.0.1", 0))
"""

ASK = """
import socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(20)
client.sendto(bytes(44), ("127.0.0.1", int(sys.argv[1])))
assert len(client.recv(100)) == 44
"""

PLAIN_ECHO = """
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.2", int(sys.argv[1])))
print("ready", flush=True)
while True:
    server.sendto(*server.recvfrom(65535))
"""

REFLECTOR = """
import socket, struct, sys, time
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.2", int(sys.argv[1])))
server.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
print("ready", flush=True)
def stamp():
    seconds = time.time() + 2208988800 - 3 * 86400
    return int(seconds) << 32 | int(seconds % 1 * (1 << 32))
while True:
    data, source = server.recvfrom(65535)
    received = stamp()
    if len(data) >= 14:
        sequence, t1, error = struct.unpack_from("!IQH", data)
        reply = struct.pack("!IQHHQIQH2xB3x", sequence, stamp(), 1, 0, received, sequence, t1, error, 255)
        server.sendto(reply + data[44:], source)
"""


@pytest.fixture
def inside(netecho: Netecho) -> Iterator[Namespace]:
    with ExitStack() as stack:
        inside = stack.enter_context(namespace())
        netecho.prefix = inside.prefix
        yield inside


def run(inside: Namespace, script: str, *arguments: Any) -> None:
    command = [*inside.prefix, sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@contextmanager
def foreign(inside: Namespace, script: str, port: int) -> Iterator[None]:
    command = [*inside.prefix, sys.executable, "-c", script, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield
        finally:
            process.kill()


def datagrams(server: Server) -> int:
    return int(server.stop().events[-1]["datagrams"])


@pytest.mark.parametrize("ports", [(8861, 8862), (862, 862)], ids=str)
@pytest.mark.parametrize("stateful", [[], ["--stateful"]], ids=["stateless", "stateful"])
def test_two_reflectors(netecho: Netecho, inside: Namespace, ports: tuple[int, int], stateful: list[str]) -> None:
    one = Server(netecho.start("serve", f"stamp://127.0.0.1:{ports[0]}", "--format", "ndjson", *stateful), 1)
    other = Server(netecho.start("serve", f"stamp://127.0.0.2:{ports[1]}", "--format", "ndjson"), 1)
    run(inside, FORGE, ports[1], ports[0], *SIZES)
    run(inside, ASK, ports[0])
    forged = 6 * len(SIZES)
    assert datagrams(one) <= forged + 1
    assert datagrams(other) <= forged


@pytest.mark.parametrize("kind", ["echo", "reflector"])
def test_a_reflector_and_a_foreign_server(netecho: Netecho, inside: Namespace, kind: str) -> None:
    port, script = {"echo": (9999, PLAIN_ECHO), "reflector": (862, REFLECTOR)}[kind]
    with foreign(inside, script, port):
        server = Server(netecho.start("serve", "stamp://127.0.0.1:862", "--format", "ndjson"), 1)
        run(inside, FORGE, port, 862, *SIZES)
        run(inside, ASK, 862)
        # Each forged packet, and at most one that came back for each.
        assert datagrams(server) <= 2 * 6 * len(SIZES) + 1


def test_a_reflector_and_an_echo_of_ours(netecho: Netecho, inside: Namespace) -> None:
    reflector = Server(netecho.start("serve", "stamp://127.0.0.1:8862", "--format", "ndjson"), 1)
    echo = Server(netecho.start("serve", "udp://127.0.0.2:9001", "--format", "ndjson"), 1)
    run(inside, FORGE, 9001, 8862, *SIZES)
    run(inside, ASK, 8862)
    assert datagrams(reflector) <= 6 * len(SIZES) + 1
    assert datagrams(echo) <= 6 * len(SIZES)
