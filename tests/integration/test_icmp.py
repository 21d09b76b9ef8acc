"""ICMP errors of every kind, quoting the probe's own packets, beside replies and without: what the probe says of them.

They are sent by a raw socket on loopback, as a router on the way would send them.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.integration.test_probe_trouble import full_backlog
from tests.rogues import Rogue, datagrams
from tests.stamp.test_session_sender import reflect, there

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.program import Ended, Netecho, Program


def _permitted() -> bool:
    with contextlib.suppress(OSError):
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
        return sys.platform == "linux"
    return False


pytestmark = pytest.mark.skipif(not _permitted(), reason="ICMP errors are sent by raw sockets, which are root's")


class Kind(NamedTuple):
    """A type and code, and what is made of it: reason and words; None for what Linux keeps from the program."""

    type: int
    code: int
    said: tuple[str, str] | None


UNREACHABLE, REFUSED, REJECTED, TTL = "icmp_unreachable", "refused", "rejected", "icmp_ttl"
KINDS = [
    Kind(3, 0, (UNREACHABLE, "network unreachable")),
    Kind(3, 1, (UNREACHABLE, "host unreachable")),
    Kind(3, 2, (UNREACHABLE, "protocol unreachable")),
    Kind(3, 3, (REFUSED, "port unreachable")),
    Kind(3, 4, None),  # its packets may be fragmented: Linux remembers the MTU, and no more
    Kind(3, 5, (UNREACHABLE, "source route failed")),
    Kind(3, 6, (UNREACHABLE, "network unknown")),
    Kind(3, 7, (UNREACHABLE, "host unknown")),
    Kind(3, 8, (UNREACHABLE, "source host isolated")),
    Kind(3, 9, (UNREACHABLE, "network administratively prohibited")),
    Kind(3, 10, (UNREACHABLE, "host administratively prohibited")),
    Kind(3, 11, (UNREACHABLE, "network unreachable for this type of service")),
    Kind(3, 12, (UNREACHABLE, "host unreachable for this type of service")),
    Kind(3, 13, (UNREACHABLE, "communication administratively prohibited")),
    Kind(3, 14, (UNREACHABLE, "host precedence violation")),
    Kind(3, 15, (UNREACHABLE, "precedence cutoff in effect")),
    Kind(4, 0, None),  # source quench, which RFC 6633 has ignored
    Kind(11, 0, (TTL, "time to live exceeded")),
    Kind(12, 0, (REJECTED, "parameter problem")),
]
KINDS6 = [
    Kind(1, 0, (UNREACHABLE, "no route")),
    Kind(1, 1, (UNREACHABLE, "administratively prohibited")),
    Kind(1, 2, (UNREACHABLE, "beyond the scope of the source address")),
    Kind(1, 3, (UNREACHABLE, "address unreachable")),
    Kind(1, 4, (REFUSED, "port unreachable")),
    Kind(1, 5, (UNREACHABLE, "source address failed the policy")),
    Kind(1, 6, (UNREACHABLE, "reject route")),
    Kind(2, 0, ("too_large", "packet too big")),
    Kind(3, 0, (TTL, "hop limit exceeded")),
    Kind(4, 0, (REJECTED, "erroneous header field")),
    Kind(4, 1, (REJECTED, "unrecognised next header")),
    Kind(4, 2, (REJECTED, "unrecognised option")),
]
MTU = 65_535
"""Less than loopback's, as it must be to be believed, and by no more: the system remembers it for all."""
ROUTER = {"127.0.0.1": "127.0.0.9", "::1": "::1"}
"""The address that the errors about packets to a target come from."""


def sent(kind: Kind, host: str, source: int, port: int, after_ports: bytes, protocol: int = socket.IPPROTO_UDP) -> None:
    """Send an error about the packet that went from a port to another of `host`, as far as RFC 792 has it quoted."""
    transport = struct.pack("!HH", source, port) + after_ports
    if ":" in host:
        address = socket.inet_pton(socket.AF_INET6, host)
        quoted = struct.pack("!IHBB", 6 << 28, len(transport), protocol, 64) + 2 * address + transport
        raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        message = struct.pack("!BBHI", kind.type, kind.code, 0, MTU if kind.type == 2 else 0) + quoted
    else:
        address = socket.inet_aton(host)
        quoted = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(transport), 0, 0, 64, protocol, 0) + 2 * address + transport
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        message = struct.pack("!BBHHH", kind.type, kind.code, 0, 0, MTU if kind.code == 4 else 0) + quoted
        message = message[:2] + struct.pack("!H", _checksum(message)) + message[4:]
    with raw:
        raw.bind((ROUTER[host], 0))
        raw.sendto(message, (host, 0))


def _checksum(message: bytes) -> int:
    """RFC 1071; the kernel makes that of ICMPv6."""
    total: int = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


class Router:
    """Answers like a server; or sends, for each request, an error of the next kind: instead, before or after."""

    def __init__(self, host: str, kinds: list[Kind], order: str, reply: Callable[[bytes], bytes] = bytes) -> None:
        self.host = host
        self.rogue: Rogue
        self.begins = False
        """Whether the errors begin."""
        self._left = list(kinds)
        self._order = order
        self._reply = reply

    def answer(self, data: bytes) -> bytes | None:
        reply = self._reply(data)
        if not self.begins or not self._left:
            return reply
        if self._order == "after":
            self.rogue.listener.sendto(reply, self.rogue.client)
        after_ports = struct.pack("!HH", 8 + len(data), 0)
        sent(self._left.pop(0), self.host, self.rogue.client[1], self.rogue.port, after_ports)
        return reply if self._order == "before" else None

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        with datagrams(self.answer, host=self.host) as self.rogue:
            yield f"[{self.host}]:{self.rogue.port}" if ":" in self.host else f"{self.host}:{self.rogue.port}"


def begun(netecho: Netecho, target: str, count: int, timeout: str) -> Program:
    """A run that has had a reply; what comes then does not end it."""
    program = netecho.start(
        *("probe", target, "-c", str(count), "-i", "1ms", "-w", "1", "-W", timeout, "--format", "ndjson")
    )
    program.event_named("reply")
    return program


def assert_no_bug(ended: Ended) -> None:
    assert ended.code in (0, 1, 3), ended
    assert "Traceback" not in ended.err


EVERY = [("127.0.0.1", KINDS), ("::1", KINDS6)]
ADDRESSES = ["IPv4", "IPv6"]


@pytest.mark.parametrize(("host", "kinds"), EVERY, ids=ADDRESSES)
def test_each_is_the_reason_of_the_loss_and_says_who_sent_it(netecho: Netecho, host: str, kinds: list[Kind]) -> None:
    router = Router(host, kinds, "instead")
    with router.running() as address:
        program = begun(netecho, f"udp://{address}", 100_000, "300ms")
        router.begins = True
        lost = [program.event_named("lost") for _ in kinds]
        program.event_named("reply")
        program.interrupt()
        ended = program.end()
    assert_no_bug(ended)
    name = "ICMPv6" if ":" in host else "ICMP"
    for kind, event in zip(kinds, lost, strict=True):
        if kind.said is None:
            assert event["reason"] == "timeout", kind
            continue
        reason, words = kind.said
        mtu = f", path MTU {MTU}" if reason == "too_large" else ""
        assert (event["reason"], event["detail"]) == (reason, f"{name} {words} from {ROUTER[host]}{mtu}")


@pytest.mark.parametrize(("host", "kinds"), EVERY, ids=ADDRESSES)
@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("scheme", ["udp", "stamp"])
def test_none_ends_a_run_whose_probes_are_answered(
    netecho: Netecho, scheme: str, order: str, host: str, kinds: list[Kind]
) -> None:
    reflector = there()
    router = Router(host, kinds, order, bytes if scheme == "udp" else lambda request: reflect(reflector, request))
    count = len(kinds) + 300
    with router.running() as address:
        program = begun(netecho, f"{scheme}://{address}", count, "10s")
        router.begins = True
        ended = program.end()
    assert_no_bug(ended)
    probes = ended.events[-1]["probes"]
    lost = [(each["seq"], each["reason"], each["detail"]) for each in ended.events if each["event"] == "lost"]
    assert (probes["sent"], probes["received"], lost) == (count, count, [])
    assert ended.code == 0


FIRST = [each for each in KINDS if each.said and each[:2] in ((3, 1), (3, 3), (3, 13), (11, 0), (12, 0))]


@pytest.mark.parametrize("kind", FIRST, ids=lambda kind: f"{kind.type}/{kind.code}")
def test_without_a_reply_it_is_said_and_the_rest_is_not_left_out_in_silence(netecho: Netecho, kind: Kind) -> None:
    count = 4
    router = Router("127.0.0.1", [kind] * count, "instead")
    router.begins = True
    with router.running() as address:
        ended = netecho("probe", f"udp://{address}", "-c", str(count), "-i", "1ms", "-W", "300ms", "--json")
    assert_no_bug(ended)
    document = ended.document
    if ended.code == 3:
        assert kind.said is not None
        said = "" if kind.said[0] == REFUSED else f": ICMP {kind.said[1]} from {ROUTER['127.0.0.1']}"
        assert document["error"]["sentence"].endswith(address + said)
        assert "this machine has no route" not in str(document["error"]["hint"])
        return
    assert ended.code == 1
    assert document["probes"]["sent"] == count
    assert kind.said is not None
    assert document["loss_by_reason"] == {kind.said[0]: count}
    (losses,) = document["losses"]
    assert losses["detail"].startswith(f"ICMP {kind.said[1]} from {ROUTER['127.0.0.1']}")


IGNORED = [each for each in KINDS if each.said is None]


@pytest.mark.parametrize("kind", FIRST + IGNORED, ids=lambda kind: f"{kind.type}/{kind.code}")
def test_a_connection_that_is_being_made(netecho: Netecho, kind: Kind) -> None:
    """Its first packet is never answered; what TCP makes of the error is the system's."""
    with full_backlog() as port, socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as wire:
        program = netecho.start("probe", f"tcp://127.0.0.1:{port}", "-c", "3", "-W", "500ms", "--json")
        while True:
            packet = wire.recv(200)
            header = 4 * (packet[0] & 15)
            source, destination = struct.unpack_from("!HH", packet, header)
            if destination == port:
                break
        sent(kind, "127.0.0.1", source, port, packet[header + 4 : header + 20], socket.IPPROTO_TCP)
        ended = program.end()
    assert ended.code == 3, ended
    assert "Traceback" not in ended.err
    assert f"127.0.0.1:{port}" in ended.err
