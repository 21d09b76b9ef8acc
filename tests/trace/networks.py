"""Networks to trace: a chain of routers, a diamond, a detour on the way back. They are made as those with faults are.

        client --- r1 --- r2 --- r3 --- r4 --- server            client --- r1 --- north --- r4 --- server
          10.0.1.0  10.0.2.0 ...      10.0.5.0                                `-- south ---'

On the link before router n are 10.0.n.1 and 10.0.n.2, 2001:db8:n::1 and ::2; .2 is the router's. What a router says of
a packet whose TTL has expired comes from .2, as that is its way back to the client.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.faults.topology import arranged, network

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.faults.topology import Network

ROUTERS = ("r1", "r2", "r3", "r4")
CHAIN = ("client", *ROUTERS, "server")
HOPS = tuple(f"10.0.{n}.2" for n in range(1, len(CHAIN)))
HOPS6 = tuple(f"2001:db8:{n}::2" for n in range(1, len(CHAIN)))
SERVER, SERVER6 = HOPS[-1], HOPS6[-1]
DIAMOND = ("client", "r1", "north", "south", "r4", "server")
NORTH, SOUTH = "10.0.2.2", "10.0.3.2"

# What is sent is what is on the wire: with offloading, a packet quoted by the first router has half a checksum.
_HOST = """
ip netns add {host}
ip -n {host} link set lo up
ip netns exec {host} sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 \
  net.ipv4.conf.default.rp_filter=0 net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
  net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1
"""
_UNLIMITED = "ip netns exec {host} sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0\n"
# Neighbours are known: until then a burst of datagrams over IPv6 is cut short.
_REACHABLE = "until ip netns exec client ping -6 -q -c 1 -W 1 2001:db8:5::2 >/dev/null; do :; done\n"
_LINK = """
ip -n {left} link add {right} type veth peer name {left} netns {right}
ip -n {left} address add 10.0.{n}.1/24 dev {right}
ip -n {right} address add 10.0.{n}.2/24 dev {left}
ip -n {left} address add 2001:db8:{n}::1/64 dev {right} nodad
ip -n {right} address add 2001:db8:{n}::2/64 dev {left} nodad
ip -n {left} link set {right} up
ip -n {right} link set {left} up
"""


def _hosts(names: tuple[str, ...], *, limited: bool) -> str:
    return "".join(_HOST.format(host=host) + ("" if limited else _UNLIMITED.format(host=host)) for host in names)


def _routes(host: str, back: int, on: int | None) -> str:
    """Of a host in a row of links: `back` is the link towards the client, `on` that towards the server."""
    routes = ""
    if back:
        routes += "".join(
            f"ip -n {host} route add 10.0.{n}.0/24 via 10.0.{back}.1\n"
            f"ip -n {host} route add 2001:db8:{n}::/64 via 2001:db8:{back}::1\n"
            for n in range(1, back)
        )
    if on is not None:
        routes += f"ip -n {host} route add default via 10.0.{on}.2\n"
        routes += f"ip -n {host} route add default via 2001:db8:{on}::2\n"
    return routes


@contextlib.contextmanager
def chain(*, limited: bool = False, names: Mapping[str, tuple[str, ...]] | None = None) -> Iterator[Network]:
    """Make four routers in a row; `limited` leaves Linux's own limit of ICMP errors, one a second, as it is."""
    links = _hosts(CHAIN, limited=limited)
    links += "".join(_LINK.format(left=CHAIN[n - 1], right=CHAIN[n], n=n) for n in range(1, len(CHAIN)))
    last = len(CHAIN) - 1
    links += "".join(_routes(host, n, n + 1 if n < last else None) for n, host in enumerate(CHAIN))
    with network(names, arranged(links)) as made:
        made.shell(_REACHABLE)
        yield made


@contextlib.contextmanager
def diamond() -> Iterator[Network]:
    """Make two ways of two hops between the first router and the last; flows are spread over them by their ports.

    Links: 1 client r1, 2 r1 north, 3 r1 south, 4 north r4, 6 south r4, 5 r4 server. There is one way back, by `north`.
    """
    pairs = {
        1: ("client", "r1"),
        2: ("r1", "north"),
        3: ("r1", "south"),
        4: ("north", "r4"),
        6: ("south", "r4"),
        5: ("r4", "server"),
    }
    links = _hosts(DIAMOND, limited=False)
    links += "".join(_LINK.format(left=left, right=right, n=n) for n, (left, right) in pairs.items())
    for prefix, via in (("10.0.{}.0/24", "10.0.{}.{}"), ("2001:db8:{}::/64", "2001:db8:{}::{}")):

        def route(host: str, to: str, *ways: tuple[int, int], via: str = via) -> str:
            hops = "".join(f" nexthop via {via.format(*way)}" for way in ways)
            return f"ip -n {host} route add {to}{hops}\n"

        here, there = prefix.format(1), prefix.format(5)
        links += route("client", "default", (1, 2)) + route("server", "default", (5, 1))
        links += route("r1", there, (2, 2), (3, 2))
        links += route("north", there, (4, 2)) + route("south", there, (6, 2))
        links += route("north", here, (2, 1)) + route("south", here, (3, 1)) + route("r4", here, (4, 1))
    with network(None, arranged(links)) as made:
        made.shell(_REACHABLE)
        yield made


@contextlib.contextmanager
def detour() -> Iterator[Network]:
    """Make a way back that is longer than the way there: it leads over `far`.

    Links: 1 client r1, 2 r1 r4, 3 r1 far, 4 far r4, 5 r4 server. What r4 says to the client is from its end of link 4.
    """
    pairs = {1: ("client", "r1"), 2: ("r1", "r4"), 3: ("r1", "far"), 4: ("far", "r4"), 5: ("r4", "server")}
    links = _hosts(("client", "r1", "far", "r4", "server"), limited=False)
    links += "".join(_LINK.format(left=left, right=right, n=n) for n, (left, right) in pairs.items())
    for prefix, via in (("10.0.{}.0/24", "10.0.{}.{}"), ("2001:db8:{}::/64", "2001:db8:{}::{}")):
        ways = (
            ("client", "default", (1, 2)),
            ("server", "default", (5, 1)),
            ("r1", prefix.format(5), (2, 2)),
            ("far", prefix.format(5), (4, 2)),
            ("far", prefix.format(1), (3, 1)),
            ("r4", prefix.format(1), (4, 1)),
        )
        links += "".join(f"ip -n {host} route add {to} via {via.format(*way)}\n" for host, to, way in ways)
    with network(None, arranged(links)) as made:
        made.shell(_REACHABLE)
        yield made
