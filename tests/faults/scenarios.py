"""The faults, and the scenarios made of them.

A new fault is a row here, its proof a row in `test_faults.py`, and what is to be found a row in `expected.py`.
`near` is the router that does it, unless a fault needs two.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from tests.faults.fault import Fault, Program, Rules
from tests.faults.topology import SERVER

FORWARD = 'iifname "client"'
BACKWARD = 'oifname "client"'
NO_FRAG_NEEDED = "icmp type destination-unreachable icmp code frag-needed drop"
BOTH_LINKS = """
ip netns exec near sysctl -qw net.ipv4.fib_multipath_hash_policy=1
ip -n near route replace 198.51.100.0/24 nexthop via 10.1.0.2 dev far nexthop {second}
"""
THROUGH_RELAY = """
ip -n near link set relay up txqueuelen 5000
ip -n near route add default dev relay table 101
ip -n near rule add iif {taken_from} {which} lookup 101
"""
# The second link begins with the relay: what leaves it goes on by a table of its own.
SLOW_LINK = """
ip -n near link set relay up txqueuelen 5000
ip -n near route add default via 10.2.0.2 dev far2 table 102
ip -n near rule add iif relay lookup 102
"""


def relay(*options: str) -> tuple[Program, ...]:
    return (Program(module="tests.faults.relay", arguments=("relay", *options)),)


def rule(*lines: str) -> tuple[Rules, ...]:
    return (Rules(lines=lines),)


DEEP = ("--deep", "-t", "90s")
"""Idle timeouts are waited for, and rates are tried, where that is asked for: silences of up to a minute."""

FAULTS = (
    Fault(
        name="busy",
        sentence="a program without end for each core of this machine; the network is clean",
        programs=(Program(at="client", module="tests.faults.burner"),) * (os.cpu_count() or 1),
        alone=True,
    ),
    # loss
    Fault(
        name="loss-forward",
        sentence="2 % of the packets to the server are lost",
        rules=rule(f"{FORWARD} numgen random mod 100 < 2 drop"),
    ),
    Fault(
        name="loss-backward",
        sentence="2 % of the packets to the client are lost",
        rules=rule(f"{BACKWARD} numgen random mod 100 < 2 drop"),
    ),
    Fault(
        name="loss-large",
        sentence="20 % of the packets above 1,000 bytes to the server are lost, and none below",
        rules=rule(f"{FORWARD} meta length > 1000 numgen random mod 100 < 20 drop"),
    ),
    Fault(
        name="loss-bursts",
        sentence="of every 200 packets to the client 6 in a row are lost",
        rules=rule(f"{BACKWARD} numgen inc mod 200 > 193 drop"),
    ),
    # size
    Fault(
        name="mtu",
        sentence="the link between the routers takes 1,400 bytes, and says so",
        commands="ip -n near link set far mtu 1400; ip -n far link set near mtu 1400",
    ),
    Fault(
        name="black-hole-forward",
        sentence="packets above 1,400 bytes to the server do not pass, and what would say so is filtered",
        commands="ip -n near route change 198.51.100.0/24 via 10.1.0.2 mtu 1400",
        rules=(Rules(hook="output", lines=(NO_FRAG_NEEDED,)),),
    ),
    Fault(
        name="black-hole-backward",
        sentence="packets above 1,400 bytes to the client do not pass, and what would say so is filtered",
        commands="ip -n far route change 192.0.2.0/24 via 10.1.0.1 mtu 1400",
        rules=(Rules(at="far", hook="output", lines=(NO_FRAG_NEEDED,)),),
    ),
    Fault(
        name="length-forward",
        sentence="a filter drops packets above 1,300 bytes to the server, whether they may be fragmented or not",
        rules=rule(f"{FORWARD} meta length > 1300 drop"),
    ),
    Fault(
        name="length-tcp",
        sentence="a filter drops TCP's packets above 1,300 bytes to the server, and no others",
        rules=rule(f"{FORWARD} meta l4proto tcp meta length > 1300 drop"),
    ),
    Fault(
        name="mss",
        sentence="a router rewrites the maximum segment size of every connection to 900",
        rules=rule("tcp flags syn tcp option maxseg size set 900"),
    ),
    # balancing
    Fault(
        name="balanced-loss",
        sentence="flows are spread over two links, and the second loses 30 %",
        commands=BOTH_LINKS.format(second="via 10.2.0.2 dev far2"),
        rules=rule('oifname "far2" numgen random mod 100 < 30 drop'),
    ),
    Fault(
        name="balanced-delay",
        sentence="flows are spread over two links, and the second takes 10 ms longer",
        programs=relay("--delay-ms=10"),
        commands=SLOW_LINK + BOTH_LINKS.format(second="dev relay"),
    ),
    Fault(
        name="reordering",
        sentence="every tenth datagram to the server is overtaken by the next",
        programs=relay("--reorder=0.1"),
        commands=THROUGH_RELAY.format(taken_from="client", which="ipproto udp"),
    ),
    Fault(
        name="duplicates",
        sentence="every twentieth datagram to the client comes twice",
        programs=relay("--duplicate=0.05"),
        commands=THROUGH_RELAY.format(taken_from="far", which="ipproto udp"),
    ),
    # marking
    Fault(
        name="dscp-cleared",
        sentence="packets to the server lose their DSCP",
        rules=rule(f"{FORWARD} ip dscp set cs0"),
    ),
    Fault(
        name="dscp-rewritten",
        sentence="packets to the client get the DSCP CS1",
        rules=rule(f"{BACKWARD} ip dscp set cs1"),
    ),
    Fault(
        name="ecn-bleached",
        sentence="packets to the server lose their ECN codepoint",
        rules=rule(f"{FORWARD} ip ecn != not-ect ip ecn set not-ect"),
    ),
    Fault(
        name="ecn-blocked",
        sentence="packets to the server that are capable of ECN are dropped",
        rules=rule(f"{FORWARD} ip ecn != not-ect drop"),
    ),
    # translation
    Fault(
        name="nat",
        sentence="the client's address is translated, its ports mostly kept",
        rules=(Rules(hook="srcnat", lines=('oifname "far" masquerade',)),),
    ),
    Fault(
        name="nat-ports",
        sentence="the client's address and its ports are translated",
        rules=(
            Rules(
                hook="srcnat",
                lines=('oifname "far" meta l4proto { tcp, udp } snat to 10.1.0.1:20000-29999 fully-random',),
            ),
        ),
    ),
    # timeouts
    Fault(
        name="udp-timeout",
        sentence="a firewall forgets a UDP flow after 7 s, and lets nothing in that it does not know",
        rules=(
            Rules(
                hook="track",
                declared="ct timeout brief { protocol udp; l3proto ip; policy = { unreplied : 7, replied : 7 }; }",
                lines=('meta l4proto udp ct timeout set "brief"',),
            ),
            Rules(lines=("ct state established,related accept", f"{BACKWARD} drop")),
        ),
        options=DEEP,
    ),
    Fault(
        name="tcp-timeout",
        sentence="a firewall forgets a TCP connection after 7 s, and drops what it does not know without a word",
        commands="ip netns exec near sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0",
        rules=(
            Rules(
                hook="track",
                declared="ct timeout brief { protocol tcp; l3proto ip; policy = { established : 7 }; }",
                lines=('meta l4proto tcp ct timeout set "brief"',),
            ),
            Rules(
                lines=(
                    "ct state established,related accept",
                    "ct state invalid drop",
                    f"{BACKWARD} meta l4proto tcp drop",
                )
            ),
        ),
        options=DEEP,
    ),
    # payload
    Fault(
        name="sip-alg",
        sentence="a translation rewrites addresses inside SIP messages, over UDP on port 5060",
        rules=(
            Rules(hook="srcnat", lines=('oifname "far" masquerade',)),
            Rules(
                hook="track",
                declared='ct helper sip { type "sip" protocol udp; }',
                lines=('udp dport 5060 ct helper set "sip"',),
            ),
        ),
        listens=("udp://:5060",),
        target=f"udp://{SERVER}:5060",
    ),
    Fault(
        name="ftp-alg",
        sentence="a translation rewrites addresses inside FTP commands, over TCP on port 21",
        rules=(
            Rules(hook="srcnat", lines=('oifname "far" masquerade',)),
            Rules(
                hook="track",
                declared='ct helper ftp { type "ftp" protocol tcp; }',
                lines=('tcp dport 21 ct helper set "ftp"',),
            ),
        ),
        listens=("tcp://:21",),
        target=f"tcp://{SERVER}:21",
    ),
    Fault(
        name="corruption",
        sentence="one byte of every tenth datagram to the server is changed, and no checksum tells",
        programs=relay("--corrupt=0.1"),
        commands=THROUGH_RELAY.format(taken_from="client", which="ipproto udp dport 7007"),
    ),
    # rate
    Fault(
        name="policer",
        # The bucket of nftables holds the burst and a second of the rate.
        sentence="what is above 2 Mbit/s to the server is dropped, once a bucket of 270 kB is empty",
        rules=rule(f"{FORWARD} limit rate over 250 kbytes/second burst 20 kbytes drop"),
        options=DEEP,
    ),
    Fault(
        name="shaper",
        sentence="what is above 2 Mbit/s to the client waits in a queue of at most 200 ms",
        commands="tc -n near qdisc add dev client root tbf rate 2mbit burst 5kb latency 200ms",
        options=DEEP,
    ),
    # transports
    Fault(
        name="udp-blocked",
        sentence="UDP to the server's ports is dropped without a word",
        rules=rule(f"{FORWARD} udp dport {{ 7007, 7862, 862 }} drop"),
    ),
    Fault(
        name="udp-prohibited",
        sentence="UDP to the server's ports is refused with an ICMP administratively prohibited",
        rules=rule(f"{FORWARD} udp dport {{ 7007, 7862, 862 }} reject with icmp admin-prohibited"),
    ),
    Fault(
        name="tcp-reset",
        sentence="TCP to the server's port is refused with a reset",
        rules=rule(f"{FORWARD} tcp dport 7007 reject with tcp reset"),
    ),
    Fault(
        name="tcp-proxy",
        sentence="a router ends each TCP connection and makes another one to the server",
        programs=(Program(module="tests.relay", arguments=("tcp", "198.51.100.2:7007", "--listen=0.0.0.0:9000")),),
        rules=(Rules(hook="dstnat", lines=(f"{FORWARD} tcp dport 7007 redirect to :9000",)),),
    ),
    # names
    Fault(
        name="dead-ipv6",
        sentence="the server's name has an IPv6 address too, to which nothing gets",
        commands="ip -n near route add blackhole 2001:db8:dead::/48",
        names=(("server.test", ("198.51.100.2", "2001:db8:dead::2")),),
        target="server.test",
    ),
    # the client itself
    Fault(
        name="small-window",
        sentence="the client's kernel gives a TCP connection a receive buffer of 4 KiB",
        commands="ip netns exec client sysctl -qw net.ipv4.tcp_rmem='4096 4096 4096'",
    ),
)

BY_NAME = {fault.name: fault for fault in FAULTS}

PAIRS = (
    ("loss-forward", "loss-backward"),
    ("loss-backward", "black-hole-forward"),
    ("loss-forward", "nat"),
    ("black-hole-forward", "dscp-cleared"),
    ("balanced-loss", "dscp-rewritten"),
    ("ecn-blocked", "shaper"),
    ("nat", "udp-timeout"),
    ("tcp-reset", "loss-forward"),
    ("udp-blocked", "mtu"),
    ("udp-blocked", "black-hole-forward"),
    ("udp-blocked", "black-hole-backward"),
    ("dead-ipv6", "loss-backward"),
    ("busy", "loss-forward"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A network with some faults; without any it is clean."""

    faults: tuple[Fault, ...] = ()

    @property
    def name(self) -> str:
        return "+".join(fault.name for fault in self.faults) or "clean"

    @property
    def sentence(self) -> str:
        return "; ".join(fault.sentence for fault in self.faults) or "nothing is wrong"

    @property
    def target(self) -> str:
        """What the client is told to reach: by a name or at a port, where one of the faults is there."""
        return next((fault.target for fault in self.faults if fault.target != SERVER), SERVER)

    @property
    def options(self) -> tuple[str, ...]:
        """What a diagnosis is given."""
        return next((fault.options for fault in self.faults if fault.options), ())

    @property
    def alone(self) -> bool:
        return any(fault.alone for fault in self.faults)


SCENARIOS = (
    Scenario(),
    *(Scenario(faults=(fault,)) for fault in FAULTS),
    *(Scenario(faults=tuple(BY_NAME[name] for name in pair)) for pair in PAIRS),
)
