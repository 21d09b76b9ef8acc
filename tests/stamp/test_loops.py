"""One forged packet between any two servers that answer: it must end, whatever their ports, sizes, TTLs and clocks.

Played without a network: each server is given what the other one answers, from the other's address. The foreign
reflector is RFC 8762's in the shortest way, with the liberties that such programs take.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

import pytest
from hypothesis import given, strategies as st

from netecho.echo import loop_guard
from netecho.stamp.auth import truncated_hmac
from netecho.stamp.control import Ask
from netecho.stamp.control_sender import ControlSender
from netecho.stamp.location import Endpoint
from netecho.stamp.packet import Request
from netecho.stamp.prepared_reply import PreparedReply
from netecho.stamp.reply_control import ReplyControl, ReplyPlan
from netecho.stamp.session_reflector import Arrival, Clock, Reflector, Refusal, Rules
from netecho.stamp.times import ErrorEstimate, to_ntp, to_ptp
from netecho.units import SECOND

NOW = 1_795_412_400_500_000_000
DAY = 86_400 * SECOND
KEY = b"an orchestrator gave us this key"
MOST = 100
"""Packets after which it is a loop."""

COOKIE_KEY = b"of the run"


class Purse:
    """All that is asked for is granted."""

    def take(self, client: str, plan: ReplyPlan, now: int) -> str | None:
        del client, plan, now
        return None


Server = Callable[[bytes, int, int, int], tuple[bytes, int] | None]
"""Given a datagram, the port it came from, its TTL and the true time: what is answered, with its initial TTL."""


def netecho_reflector(port: int, offset: int = 0, *, stateful: bool = False, key: bytes | None = None) -> Server:
    rules = Rules(stateful=stateful, key=key, marked_ttls=loop_guard.MARKED)
    control = ReplyControl(COOKIE_KEY, Purse())
    reflector = Reflector(rules, Clock(ErrorEstimate(False, False, 0, 1)), control=control)
    reflector.ports.add(port)

    def serve(data: bytes, source: int, ttl: int, now: int) -> tuple[bytes, int] | None:
        if source in loop_guard.NEVER_ANSWERED - {862, 7862}:
            return None
        prepared = reflector.take(Arrival(data, source, source, now + offset, now, ttl, 0))
        if isinstance(prepared, Refusal):
            return None
        return bytes(prepared.timestamped(now + offset + 20_000)), loop_guard.ANSWER_TTL

    return serve


def netecho_echo(port: int) -> Server:
    def serve(data: bytes, source: int, ttl: int, now: int) -> tuple[bytes, int] | None:
        del now
        return None if loop_guard.refusal(source, ttl, port) else (data, loop_guard.ANSWER_TTL)

    return serve


def plain_echo(data: bytes, source: int, ttl: int, now: int) -> tuple[bytes, int]:
    del source, ttl, now
    return data, 64


_REPLY = Struct("!IQHHQIQHHB3s")


def foreign_reflector(
    offset: int = 0, *, ptp: bool = False, stateful: bool = False, sloppy: bool = False, unset: bool = False
) -> Server:
    """RFC 8762's reflector. `sloppy`: it leaves what came where zeroes belong; `unset`: it never fills in T2."""
    wire = to_ptp if ptp else to_ntp
    sent = 0

    def serve(data: bytes, source: int, ttl: int, now: int) -> tuple[bytes, int] | None:
        nonlocal sent
        del source
        if len(data) < 14:
            return None
        sequence, t1, error, ssid = Struct("!IQHH").unpack_from(data.ljust(44, b"\0"))
        zero, end = (int.from_bytes(data[38:40]), data[41:44].ljust(3, b"\0")) if sloppy else (0, bytes(3))
        t2 = 0 if unset else wire(now + offset)
        own, sent = sent if stateful else sequence, sent + 1
        t3 = wire(now + offset + 15_000)
        reply = _REPLY.pack(own, t3, 0x4001 if ptp else 1, ssid, t2, sequence, t1, error, zero, ttl, end)
        return reply + data[44:], 255

    return serve


def packets(one: Server, other: Server, ports: tuple[int, int], data: bytes, ttl: int, *, hidden: bool = False) -> int:
    """How many answers a packet to `one`, forged to come from `other`, leads to. `hidden`: a router rewrites TTLs."""
    now = NOW
    for count in range(MOST + 1):
        at, source = ((one, ports[1]), (other, ports[0]))[count % 2]
        answer = at(data, source, ttl, now)
        if answer is None:
            return count
        data, ttl = answer
        ttl = 64 if hidden else ttl - 3
        now += 50_000
    return MOST + 1


PEERS: dict[str, Callable[[int], Server]] = {
    "netecho": netecho_reflector,
    "netecho, stateful, a day off": lambda port: netecho_reflector(port, 3 * DAY, stateful=True),
    "netecho's echo": netecho_echo,
    "a plain echo": lambda _: plain_echo,
    "RFC 8762": lambda _: foreign_reflector(),
    "a day off": lambda _: foreign_reflector(-DAY - SECOND),
    "from 1970": lambda _: foreign_reflector(-NOW + 5 * SECOND, stateful=True),
    "in PTP": lambda _: foreign_reflector(40 * DAY, ptp=True),
    "sloppy": lambda _: foreign_reflector(DAY * 2, sloppy=True),
    "without T2": lambda _: foreign_reflector(DAY * 2, unset=True, sloppy=True),
}
SIZES = [*range(14, 48), 60, 112, 200]
PORTS = [(862, 862), (8861, 8862), (862, 9999), (7862, 7862), (862, 7007), (40_000, 50_000)]


@pytest.mark.parametrize("hidden", [False, True], ids=["", "TTLs rewritten"])
@pytest.mark.parametrize("stateful", [False, True], ids=["stateless", "stateful"])
@pytest.mark.parametrize("peer", PEERS)
def test_a_forged_packet_ends(peer: str, stateful: bool, hidden: bool) -> None:
    for ports in PORTS:
        for size in SIZES:
            for content in (bytes(size), b"\xff" * size, Request(7, to_ntp(NOW), 1).encode().ljust(size, b"x")[:size]):
                one, other = netecho_reflector(ports[0], stateful=stateful), PEERS[peer](ports[1])
                answers = packets(one, other, ports, content, 255, hidden=hidden)
                assert answers < 4, (ports, size, content)


@given(
    peer=st.sampled_from(list(PEERS)),
    data=st.binary(min_size=14, max_size=200),
    ports=st.tuples(st.integers(1, 65535), st.integers(1, 65535)),
    ttl=st.integers(1, 255),
    hidden=st.booleans(),
    towards_it=st.booleans(),
)
def test_any_forged_packet_ends(
    peer: str, data: bytes, ports: tuple[int, int], ttl: int, hidden: bool, towards_it: bool
) -> None:
    one, other = netecho_reflector(ports[0]), PEERS[peer](ports[1])
    if towards_it:
        one, other, ports = other, one, ports[::-1]
    assert packets(one, other, ports, data, ttl, hidden=hidden) <= 4


@pytest.mark.parametrize("ask", [Ask(0), Ask(1400), Ask(96, 5, SECOND)])
@pytest.mark.parametrize("hidden", [False, True], ids=["", "TTLs rewritten"])
@pytest.mark.parametrize("peer", PEERS)
def test_one_that_asks_for_other_replies_ends_too_even_with_a_cookie(peer: str, hidden: bool, ask: Ask) -> None:
    for ports in PORTS:
        sender = ControlSender(ssid=9)
        sender.cookie = ReplyControl(COOKIE_KEY, Purse()).cookie(Endpoint(), NOW)
        data = sender.request(NOW, 400, ask, ErrorEstimate(False, False, 0, 1))
        one, other = netecho_reflector(ports[0]), PEERS[peer](ports[1])
        assert packets(one, other, ports, data, 255, hidden=hidden) < 4, ports


@pytest.mark.parametrize("offset", [0, DAY * 2, -NOW + SECOND])
def test_two_reflectors_that_share_a_key_fall_silent_too(offset: int) -> None:
    data = Request(7, to_ntp(NOW), 1).encode(KEY)
    one, other = netecho_reflector(862, key=KEY), netecho_reflector(8862, offset, key=KEY)
    assert packets(one, other, (862, 8862), data, 255, hidden=True) <= 2


class TestSendersAreNotTakenForReflectors:
    @given(
        size=st.integers(14, 300),
        t1=st.integers(0, 2**64 - 1),
        sequence=st.integers(0, 2**32 - 1),
        port=st.integers(1024, 65535),
        ttl=st.sampled_from([1, 64, 128, 255, 30, 97]),
    )
    def test_with_zeroes_for_padding(self, size: int, t1: int, sequence: int, port: int, ttl: int) -> None:
        """RFC 8762 section 4.2.1: whatever their clock says."""
        data = Request(sequence, t1, 1, ssid=9).encode().ljust(size, b"\0")[:size]
        assert self.answered(data, port, ttl)

    @given(st.integers(14, 300), st.randoms(use_true_random=False))
    def test_with_random_padding(self, size: int, random: object) -> None:
        """RFC 5357 section 4.1.2, which begins where RFC 8762 has its session identifier."""
        padding = random.randbytes(size)  # type: ignore[attr-defined]
        assert self.answered((Request(1, to_ntp(NOW - DAY), 1).encode()[:14] + padding)[:size], 40_000, 64)

    def test_from_the_well_known_port(self) -> None:
        assert self.answered(Request(1, to_ntp(NOW), 1).encode(), 862, 255)
        assert self.answered(Request(1, to_ntp(NOW), 1).encode() + b"\xff" * 100, 862, 255)

    def answered(self, data: bytes, port: int, ttl: int) -> bool:
        rules = Rules(marked_ttls=loop_guard.MARKED)
        reflector = Reflector(rules, Clock(ErrorEstimate(False, False, 0, 1)))
        return isinstance(reflector.take(Arrival(data, "192.0.2.1", port, NOW, 0, ttl, 0)), PreparedReply)


def test_a_sealed_reply_is_known_by_the_same_rules() -> None:
    reply = Struct("!I12xQHH4xQ8xI12xQH6xB15x").pack(1, to_ntp(5 * DAY), 1, 0, to_ntp(5 * DAY), 1, 0, 1, 255)
    reflector = Reflector(Rules(key=KEY), Clock(ErrorEstimate(False, False, 0, 1)))
    data = reply + truncated_hmac(KEY, reply)
    assert reflector.take(Arrival(data, "192.0.2.1", 40_000, NOW, 0, 255, 0)) is Refusal.REPLY
