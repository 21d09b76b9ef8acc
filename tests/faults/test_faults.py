"""Each fault is there, in the direction it is said to be in and in no other: by plain sockets and the kernel's word.

Every proof also has to fail where nothing is wrong.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import select
import socket
from typing import TYPE_CHECKING

import pytest

from netecho.net.linux import tcp_info
from tests.faults.fault import faulty_network
from tests.faults.plain import connection, exchange, marks
from tests.faults.scenarios import BY_NAME, FAULTS
from tests.faults.topology import BETWEEN, CLIENT, SERVER, BrokenError, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.fault import Fault
    from tests.faults.topology import Network

REFUSAL = refusal()
pytestmark = pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))

MANY = 1000
"""Packets, of which 2 % are some beyond doubt: none would be in 1 of 10^8 runs, a tenth in fewer."""
FLOWS = 24
"""So many that both of two links have some beyond doubt: in all but 1 of 10^7 runs."""
IP_MTU = 14
ECT0 = 2
AF41 = 34 << 2
CS1 = 8 << 2


def clean(made: Network, *, count: int = 20, size: int = 64, tos: int = 0) -> bool:
    """Whether nothing is lost, both ways."""
    return exchange(made, count=count, size=size, tos=tos).lost == (0, 0)


def busy(made: Network) -> None:
    """There is a program for each core, and none of them waits for anything else than a core."""
    processes = made.run("client", "ps", "-eo", "state=,args=").splitlines()
    assert [line[0] for line in processes if line.endswith("-m tests.faults.burner")] == ["R"] * (os.cpu_count() or 1)


def loss_forward(made: Network) -> None:
    seen = exchange(made, count=MANY)
    assert 0 < seen.lost_forward < MANY / 10
    assert seen.lost_backward == 0


def loss_backward(made: Network) -> None:
    seen = exchange(made, count=MANY)
    assert seen.lost_forward == 0
    assert 0 < seen.lost_backward < MANY / 10


def loss_large(made: Network) -> None:
    assert clean(made, count=100, size=900)
    seen = exchange(made, count=100, size=1200)
    assert 0 < seen.lost_forward < 50
    assert seen.lost_backward == 0


def loss_bursts(made: Network) -> None:
    seen = exchange(made, count=600)
    assert seen.lost_forward == 0
    came = [each.number for each in seen.back]
    gaps = [later - earlier - 1 for earlier, later in itertools.pairwise([-1, *came, 600]) if later - earlier > 1]
    assert gaps == [6, 6, 6]


def mtu(made: Network) -> None:
    with marks(made) as settle, made.socket("client", socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((SERVER, 7007))
        client.send(bytes(1472))
        settle()
        assert client.getsockopt(socket.IPPROTO_IP, IP_MTU) == 1400
    assert clean(made, size=1372)


def black_hole_forward(made: Network) -> None:
    assert exchange(made, size=1472).lost == (20, 0)
    with marks(made) as settle, made.socket("client", socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((SERVER, 7007))
        client.send(bytes(1472))
        settle()
        assert client.getsockopt(socket.IPPROTO_IP, IP_MTU) == 1500
    assert clean(made, size=1372)


def black_hole_backward(made: Network) -> None:
    assert exchange(made, size=1472).lost == (0, 20)
    assert clean(made, size=1372)


def length_forward(made: Network) -> None:
    assert exchange(made, size=1273).lost == (20, 0)
    assert clean(made, size=1272)


def length_tcp(made: Network) -> None:
    assert clean(made, size=1400)
    with connection(made) as (client, server):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.send(bytes(1248))
        assert len(server.recv(1500)) == 1248
        client.send(bytes(1249))
        while not (retransmits_of(client) or select.select([server], [], [], 0.05)[0]):
            pass
        assert not select.select([server], [], [], 0)[0]


def retransmits_of(client: socket.socket) -> int:
    facts = tcp_info.read(client)
    assert facts is not None
    return facts.retransmits or 0


def mss(made: Network) -> None:
    with connection(made) as (client, server):
        sizes = [each.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) for each in (client, server)]
    assert all(500 < size <= 900 for size in sizes)


def balanced_loss(made: Network) -> None:
    seen = [exchange(made, count=30) for _ in range(FLOWS)]
    assert {each.lost_backward for each in seen} == {0}
    losses = [each.lost_forward for each in seen]
    assert 0 in losses
    assert 1 < max(losses) < 30


def balanced_delay(made: Network) -> None:
    links = set()
    for _ in range(FLOWS):
        before = taken_by_relay(made)
        assert exchange(made, count=3, held_up=True).lost == (0, 0)
        links.add(taken_by_relay(made) - before >= 3)
    assert links == {True, False}


def taken_by_relay(made: Network) -> int:
    """Packets that were routed to the relay until now."""
    return int(made.run("near", "cat", "/sys/class/net/relay/statistics/tx_packets"))


def reordering(made: Network) -> None:
    seen = exchange(made, count=100, held_up=True)
    there, back = ([each.number for each in some] for some in (seen.there, seen.back))
    assert there != sorted(there) == list(range(100))
    assert back == there


def duplicates(made: Network) -> None:
    seen = exchange(made, count=200)
    assert seen.lost_forward == 0
    assert len(seen.back) > 200
    assert {each.number for each in seen.back} == set(range(200))


def dscp_cleared(made: Network) -> None:
    assert tos_of(made, AF41) == ({0}, {AF41})
    assert tos_of(made, AF41 | ECT0) == ({ECT0}, {AF41 | ECT0})


def dscp_rewritten(made: Network) -> None:
    assert tos_of(made, AF41) == ({AF41}, {CS1})
    assert tos_of(made, 0) == ({0}, {CS1})


def ecn_bleached(made: Network) -> None:
    assert tos_of(made, ECT0) == ({0}, {ECT0})
    assert tos_of(made, AF41 | ECT0) == ({AF41}, {AF41 | ECT0})


def tos_of(made: Network, tos: int) -> tuple[set[int], set[int]]:
    """What arrived of a TOS that the client sent, and of the same one that the server sent."""
    seen = exchange(made, tos=tos)
    assert seen.lost == (0, 0)
    return {each.tos for each in seen.there}, {each.tos for each in seen.back}


def ecn_blocked(made: Network) -> None:
    assert exchange(made, tos=ECT0).lost == (20, 0)
    assert clean(made)


def nat(made: Network) -> None:
    seen = exchange(made, source_port=40_000)
    assert seen.lost == (0, 0)
    assert {each.source for each in seen.there} == {(BETWEEN, 40_000)}


def nat_ports(made: Network) -> None:
    seen = exchange(made, source_port=40_000)
    assert seen.lost == (0, 0)
    ((address, port),) = {each.source for each in seen.there}
    assert address == BETWEEN
    assert 20_000 <= port < 30_000


def udp_timeout(made: Network) -> None:
    assert clean(made)
    assert 0 < longest_timeout(made, "udp") <= 7
    assert exchange(made, before_echoes=lambda: forget(made)).lost == (0, 20)


def tcp_timeout(made: Network) -> None:
    with marks(made) as settle, connection(made) as (client, server):
        client.send(b"known")
        assert server.recv(16) == b"known"
        assert 0 < longest_timeout(made, "tcp") <= 7
        forget(made)
        client.send(b"forgotten")
        settle()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.recv(16)


def longest_timeout(made: Network, protocol: str) -> int:
    """In how many seconds the router will have forgotten all that it knows, at the latest; 0 if it knows nothing."""
    known = made.run("near", "conntrack", "-L", "-p", protocol)
    return max((int(each) for each in re.findall(r"^\w+ +\d+ (\d+) ", known, re.MULTILINE)), default=0)


def forget(made: Network) -> None:
    """The router forgets as it would after its timeout."""
    made.run("near", "conntrack", "-F")


def sip_alg(made: Network) -> None:
    via = f"Via: SIP/2.0/UDP {CLIENT}:5060;branch=z9hG4bK1"
    said = f"OPTIONS sip:{SERVER} SIP/2.0\r\n{via}\r\nContent-Length: 0\r\n\r\n".encode()
    (there,) = exchange(made, count=1, port=5060, source_port=5060, payload=said).there
    assert there.payload == said.replace(CLIENT.encode(), BETWEEN.encode())


def ftp_alg(made: Network) -> None:
    with connection(made, 21) as (client, server):
        server.send(b"220 ready\r\n")
        client.recv(64)
        # The helper reads no line before it has seen the end of one.
        client.send(b"USER somebody\r\n")
        server.recv(64)
        client.send(f"PORT {CLIENT.replace('.', ',')},200,10\r\n".encode())
        assert server.recv(64).startswith(f"PORT {BETWEEN.replace('.', ',')},".encode())


def corruption(made: Network) -> None:
    seen = exchange(made, count=100, size=64, held_up=True)
    changed = {each.payload for each in seen.there} - {number.to_bytes(4).ljust(64, b"\0") for number in range(100)}
    assert 0 < len(changed) < 50
    assert [each.payload for each in seen.back] == [each.payload for each in seen.there]


def policer(made: Network) -> None:
    assert clean(made)
    seen = exchange(made, count=600, size=1200)
    assert seen.lost_forward > 50
    assert seen.lost_backward == 0


def shaper(made: Network) -> None:
    assert clean(made, count=30, size=1200)
    (queue,) = json.loads(made.run("near", "tc", "-s", "-j", "qdisc", "show", "dev", "client"))
    assert queue["overlimits"] > 0
    seen = exchange(made, count=600, size=1200)
    assert seen.lost_forward == 0
    assert seen.lost_backward > 50


def udp_blocked(made: Network) -> None:
    assert exchange(made, port=7007).lost == (20, 0)
    assert exchange(made, port=7862).lost == (20, 0)
    with connection(made):
        pass


def udp_prohibited(made: Network) -> None:
    with pytest.raises(OSError, match="No route to host") as raised:
        exchange(made)
    assert raised.value.errno == errno.EHOSTUNREACH
    with connection(made):
        pass


def tcp_reset(made: Network) -> None:
    assert clean(made)
    with pytest.raises(ConnectionRefusedError), connection(made):
        pass


def tcp_proxy(made: Network) -> None:
    with connection(made) as (client, server):
        assert server.getpeername()[0] == BETWEEN
        client.send(b"passed on")
        assert server.recv(16) == b"passed on"
    assert {each.source[0] for each in exchange(made).there} == {CLIENT}


def dead_ipv6(made: Network) -> None:
    found = made.run("client", "getent", "ahosts", "server.test")
    (dead,) = set(re.findall(r"^(\S*:\S*)", found, re.MULTILINE))
    assert SERVER in found
    with marks(made) as settle, made.socket("client", socket.AF_INET6, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        assert client.connect_ex((dead, 7007)) == errno.EINPROGRESS
        settle()
        # Neither connected nor refused.
        assert client.connect_ex((dead, 7007)) == errno.EALREADY


def small_window(made: Network) -> None:
    with connection(made) as (client, _):
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < 10_000


PROOFS: dict[str, Callable[[Network], None]] = {
    proof.__name__.replace("_", "-"): proof
    for proof in (
        busy,
        loss_forward,
        loss_backward,
        loss_large,
        loss_bursts,
        mtu,
        black_hole_forward,
        black_hole_backward,
        length_forward,
        length_tcp,
        mss,
        balanced_loss,
        balanced_delay,
        reordering,
        duplicates,
        dscp_cleared,
        dscp_rewritten,
        ecn_bleached,
        ecn_blocked,
        nat,
        nat_ports,
        udp_timeout,
        tcp_timeout,
        sip_alg,
        ftp_alg,
        corruption,
        policer,
        shaper,
        udp_blocked,
        udp_prohibited,
        tcp_reset,
        tcp_proxy,
        dead_ipv6,
        small_window,
    )
}


@pytest.fixture(scope="module")
def clean_network() -> Iterator[Network]:
    """A network without any fault, for all tests that want one."""
    with faulty_network(()) as made:
        yield made


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_fault_is_there(fault: Fault) -> None:
    with faulty_network((fault,)) as made:
        PROOFS[fault.name](made)


@pytest.mark.parametrize("name", PROOFS)
def test_its_proof_fails_where_nothing_is_wrong(name: str, clean_network: Network) -> None:
    with pytest.raises((AssertionError, BrokenError, pytest.fail.Exception)):
        PROOFS[name](clean_network)


def test_nothing_is_wrong_with_the_clean_network(clean_network: Network) -> None:
    assert clean(clean_network, count=MANY)
    assert clean(clean_network, size=1472, tos=AF41 | ECT0)
    assert tos_of(clean_network, AF41 | ECT0) == ({AF41 | ECT0},) * 2
    assert {each.source[0] for each in exchange(clean_network).there} == {CLIENT}
    with connection(clean_network) as (client, _):
        assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) == 1448


def test_there_is_a_fault_for_every_proof() -> None:
    assert set(PROOFS) == set(BY_NAME)
