"""`netecho trace` in real networks: chains of routers, faults in them, and the same paths by other tools."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from netecho.net.linux import tcp_info, tcp_probe
from tests.faults.topology import refusal
from tests.peers import needed
from tests.program import command_line, environment
from tests.trace.networks import HOPS, HOPS6, NORTH, SERVER, SERVER6, SOUTH, chain, diamond

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.topology import Network

REFUSAL = refusal()
pytestmark = pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))

# Root by name alone, who can read the code under test wherever it lies.
UNPRIVILEGED = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
BRIEF = ("-c", "2", "-i", "100ms", "-n")
HANGS_UP = """
import socket
server = socket.create_server(("", 7009))
print("ready", flush=True)
while True:
    server.accept()[0].close()
"""
TABLE = """
ip netns exec {0} nft add table inet t
ip netns exec {0} nft add chain inet t output '{{ type filter hook output priority 0; }}'
ip netns exec {0} nft add chain inet t forward '{{ type filter hook forward priority 0; }}'
"""


def served(network: Network) -> Network:
    """The same, with an echo server and a reflector at the end."""
    network.start("server", *command_line(), "serve", ":7007", "stamp://:7862", "tls://:7443", ready="7443")
    return network


@pytest.fixture(scope="module")
def row() -> Iterator[Network]:
    """A chain without a fault."""
    with chain() as network:
        yield served(network)


def traced(network: Network, *arguments: str, prefix: tuple[str, ...] = (), code: int | None = 0) -> dict[str, Any]:
    """Trace from the client; `code` None: whatever the document says."""
    command = network.command("client", *prefix, *command_line(), "trace", *arguments, "--json")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    assert done.returncode == (document["verdict"]["exit_code"] if code is None else code), done
    return document


def path(document: dict[str, Any]) -> list[str | None]:
    return [hop["addresses"][0] if hop["addresses"] else None for hop in document["hops"]]


def codes(document: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in document["findings"]}


@pytest.mark.parametrize("prefix", [(), UNPRIVILEGED], ids=["root", "nobody"])
@pytest.mark.parametrize(
    ("target", "hops"),
    [
        (f"udp://{SERVER}", HOPS),
        (f"udp://[{SERVER6}]", HOPS6),
        (f"stamp://{SERVER}:7862", HOPS),
        (f"stamp://[{SERVER6}]:7862", HOPS6),
        (f"{SERVER}:9", HOPS),
        (f"[{SERVER6}]:9", HOPS6),
    ],
)
def test_a_path_is_every_router_and_the_target(
    row: Network, target: str, hops: tuple[str, ...], prefix: tuple[str, ...]
) -> None:
    document = traced(row, target, *BRIEF, "--dscp", "EF", prefix=prefix)
    assert path(document) == list(hops)
    assert document["reached"]
    assert [(hop["asked"], hop["answered"]) for hop in document["hops"]] == [(2, 2)] * 5
    assert [hop["kind"] for hop in document["hops"]] == ["router"] * 4 + ["target"]
    assert codes(document) == set()
    assert document["ignored"] == {"forged": 0, "late": 0, "short": 0}
    assert document["icmp"] == ("error_queue" if prefix else "raw")
    if document["icmp"] == "raw" or ":" in hops[0]:
        assert [hop["dscp"] for hop in document["hops"][:4]] == [46] * 4


@pytest.mark.parametrize("target", [f"tcp://{SERVER}", f"tcp://[{SERVER6}]", f"tls://{SERVER}"])
def test_a_path_of_tcp_is_the_same(row: Network, target: str) -> None:
    document = traced(row, target, "-c", "2", "-i", "600ms", "-n", "--dscp", "EF", "--flows", "2")
    assert path(document) == list(HOPS6 if "[" in target else HOPS)
    assert [(hop["asked"], hop["answered"]) for hop in document["hops"]] == [(4, 4)] * 5
    assert [hop["dscp"] for hop in document["hops"][:4]] == [46] * 4
    assert codes(document) == set()
    assert document["tcp"] == {"retransmits": 0}


@pytest.mark.parametrize("prefix", [(), UNPRIVILEGED], ids=["root", "nobody"])
def test_a_router_that_has_no_room_for_a_packet_says_how_large_it_may_be(row: Network, prefix: tuple[str, ...]) -> None:
    row.shell("ip -n r2 link set r3 mtu 1400")
    try:
        refused = traced(row, SERVER, *BRIEF, "--size", "1472", prefix=prefix, code=1)
        passed = traced(row, SERVER, *BRIEF, "--size", "1372", prefix=prefix)
    finally:
        row.shell("ip -n r2 link set r3 mtu 1500")
    assert path(refused) == [HOPS[0], HOPS[1], HOPS[1]]
    # What the kernel has learned of the path does not keep the second round's packets back.
    assert [(hop["kind"], hop["answered"], hop["mtu"]) for hop in refused["hops"][1:]] == [
        ("router", 2, None),
        ("refused", 2, 1400),
    ]
    assert codes(refused) == {"refused", "mtu"}
    assert path(passed) == list(HOPS)


def test_tcp_takes_privileges_and_says_what_takes_none(row: Network) -> None:
    command = row.command("client", *UNPRIVILEGED, *command_line(), "trace", f"tcp://{SERVER}")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert (done.returncode, done.stdout) == (2, "")
    assert f"by UDP it takes no privileges: netecho trace {SERVER}" in done.stderr


@pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
def test_a_connection_goes_on_as_if_it_had_not_been_traced(row: Network, six: bool) -> None:
    with row.socket("client", socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.settimeout(30)
        connection.connect((SERVER6 if six else SERVER, 7007))
        every = []
        for number in range(20):
            for ttl in range(1, 7):
                tcp_probe.set_ttl(connection, ttl)
                tcp_probe.send_probe(connection)
                tcp_probe.default_ttl(connection)
            said = b"%04d" % number * 100
            connection.sendall(said)
            assert connection.recv(len(said), socket.MSG_WAITALL) == said
            facts = tcp_info.read(connection)
            assert facts is not None
            every.append(facts)
        assert {(facts.retransmits, facts.retransmits_needless) for facts in every} == {(0, 0)}
        assert (every[-1].segments_sent or 0) >= 20 * 7
        assert (every[-1].congestion_window or 0) >= (every[0].congestion_window or 0)
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_a_connection_of_tls_goes_on_as_if_it_had_not_been_traced(row: Network) -> None:
    with row.socket("client", socket.AF_INET, socket.SOCK_STREAM) as plain:
        plain.settimeout(30)
        plain.connect((SERVER, 7443))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain) as connection:
            for number in range(20):
                for ttl in range(1, 7):
                    tcp_probe.set_ttl(connection, ttl)
                    tcp_probe.send_probe(connection)
                    tcp_probe.default_ttl(connection)
                said = b"%04d" % number * 100
                connection.sendall(said)
                echo = b""
                while len(echo) < len(said):
                    echo += connection.recv(len(said))
                assert echo == said
            facts = tcp_info.read(connection)
            assert facts is not None
            assert (facts.retransmits, facts.retransmits_needless) == (0, 0)
            assert (facts.segments_sent or 0) >= 20 * 7


def test_a_port_that_does_not_speak_tls_is_said(row: Network) -> None:
    command = row.command("client", *command_line(), "trace", f"tls://{SERVER}:7007", "-n", "-W", "100ms")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert (done.returncode, done.stdout) == (3, "")
    assert "TLS failed with" in done.stderr


def test_a_target_that_ends_the_connection_ends_the_trace(row: Network) -> None:
    row.start("server", sys.executable, "-c", HANGS_UP, ready="ready")
    # It may have answered a keepalive probe before that: then it was reached.
    document = traced(row, f"tcp://{SERVER}:7009", "-c", "0", "-n", code=None)
    assert "connection-ended" in codes(document)


@pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("tool", ["traceroute", "mtr"])
def test_other_tools_see_the_same_path(row: Network, tool: str, six: bool) -> None:
    needed(tool)
    to, hops = (SERVER6, HOPS6) if six else (SERVER, HOPS)
    commands = {
        "traceroute": ("traceroute", "-6" if six else "-4", "-n", "-q", "1", to),
        "mtr": ("mtr", "-6" if six else "-4", "-n", "-u", "-r", "-c", "1", to),
    }
    said = row.run("client", *commands[tool])
    seen = re.findall(r"^\s*\d+[.|\s-]+([0-9a-f.:]+)\s", said, re.MULTILINE)
    assert seen == list(hops)
    assert path(traced(row, f"udp://[{to}]" if six else to, *BRIEF)) == seen


@pytest.mark.parametrize("prefix", [(), UNPRIVILEGED], ids=["root", "nobody"])
def test_faults_of_a_chain_are_told_apart(prefix: tuple[str, ...]) -> None:
    """A silent router, one that limits its ICMP, one that drops a tenth, and one that rewrites DSCP."""
    rules = """
ip netns exec r1 nft add rule inet t output icmp type time-exceeded drop
ip netns exec r1 nft add rule inet t forward ip protocol udp ip dscp set cs1
ip netns exec r2 nft add rule inet t output icmp type time-exceeded limit rate 2/second burst 2 packets accept
ip netns exec r2 nft add rule inet t output icmp type time-exceeded drop
ip netns exec r3 nft add rule inet t forward udp dport 7007 numgen inc mod 7 0 drop
"""
    with chain() as network:
        served(network).shell("".join(TABLE.format(router) for router in ("r1", "r2", "r3")) + rules)
        document = traced(network, SERVER, "-c", "100", "-i", "20ms", "-W", "5s", "-n", "--dscp", "EF", prefix=prefix)
    assert path(document) == [None, *HOPS[1:]]
    assert {"silent", "icmp-limited", "loss"} <= codes(document)
    assert ("dscp-changed" in codes(document)) == (not prefix)
    (loss,) = (finding["sentence"] for finding in document["findings"] if finding["code"] == "loss")
    assert f"between hop 3 ({HOPS[2]}) and hop 4 ({HOPS[3]})" in loss


def test_a_loop_ends_with_the_last_hop_and_is_said() -> None:
    with chain() as network:
        network.shell("ip -n r3 route del 10.0.4.0/24\nip -n r3 route replace default via 10.0.3.1")
        document = traced(network, SERVER, *BRIEF, "-m", "8", code=1)
    assert path(document) == [HOPS[0], HOPS[1], HOPS[2], HOPS[1], HOPS[2], HOPS[1], HOPS[2], HOPS[1]]
    assert {"loop", "not-reached"} <= codes(document)


@pytest.mark.parametrize("prefix", [(), UNPRIVILEGED], ids=["root", "nobody"])
def test_linux_own_limit_of_icmp_is_no_loss(prefix: tuple[str, ...]) -> None:
    """Time Exceeded once a second, six times at once; a server that echoes has no such limit."""
    with chain(limited=True) as network:
        document = traced(served(network), SERVER, "-c", "60", "-i", "20ms", "-W", "5s", "-n", prefix=prefix)
    assert document["end_to_end"]["lost"] == 0
    assert codes(document) == {"icmp-limited"}


def test_a_nat_that_does_not_mend_what_is_quoted_is_seen_after_it() -> None:
    """Addresses rewritten without state: those of packets there, and those of answers back, but not what they quote."""
    rules = """
ip netns exec r2 nft add rule inet t forward ip saddr 10.0.1.1 ip saddr set 192.0.2.77
ip netns exec r2 nft add chain inet t back '{ type filter hook prerouting priority -300; }'
ip netns exec r2 nft add rule inet t back ip daddr 192.0.2.77 ip daddr set 10.0.1.1
ip -n r3 route add 192.0.2.77 via 10.0.3.1
ip -n r4 route add 192.0.2.77 via 10.0.4.1
ip -n server route add 192.0.2.77 via 10.0.5.1
"""
    with chain() as network:
        served(network).shell(TABLE.format("r2") + rules)
        document = traced(network, SERVER, *BRIEF)
    assert path(document) == list(HOPS)
    assert [hop["translated"] for hop in document["hops"]] == [False, False, True, True, None]
    assert codes(document) == {"translated"}


@pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
def test_both_ways_of_a_diamond_are_found_and_the_bad_one_has_a_name(six: bool) -> None:
    rules = "ip netns exec south nft add rule inet t forward udp dport 7007 numgen inc mod 19 0 drop"
    with diamond() as network:
        served(network).shell(TABLE.format("south") + rules)
        to = f"udp://[{SERVER6}]" if six else SERVER
        # The hash has a seed of its own each time: of so many flows, fewer than 3 go one way once in 50,000 runs.
        document = traced(network, to, "-c", "30", "-i", "50ms", "-n", "--flows", "24", "-W", "5s")
    north, south = ("2001:db8:2::2", "2001:db8:3::2") if six else (NORTH, SOUTH)
    assert set(document["hops"][1]["addresses"]) == {north, south}
    assert "per-flow" in codes(document)
    assert "per-packet" not in codes(document)
    (bad,) = (finding["sentence"] for finding in document["findings"] if finding["code"] == "bad-way")
    assert f"by way of {south} (hop 2) lose" in bad
    assert {flow["path"][1] for flow in document["flows"] if flow["lost"]} == {south}


def test_packets_of_one_flow_that_take_turns_are_no_flows_that_differ_and_no_path_that_changed() -> None:
    """By two ways in turns, and with as many packets a round that each TTL would keep step with them."""
    rules = """
ip netns exec r1 nft add table ip turns
ip netns exec r1 nft add chain ip turns pre '{ type filter hook prerouting priority mangle; }'
ip netns exec r1 nft add rule ip turns pre udp dport 9 meta mark set numgen inc mod 2 offset 1
ip -n r1 rule add fwmark 1 table 101
ip -n r1 rule add fwmark 2 table 102
ip -n r1 route add 10.0.5.0/24 via 10.0.2.2 table 101
ip -n r1 route add 10.0.5.0/24 via 10.0.3.2 table 102
"""
    with diamond() as network:
        network.shell(rules)
        document = traced(network, f"{SERVER}:9", "-c", "40", "-i", "20ms", "-W", "5s", "-n", "--flows", "2")
    assert len(document["hops"]) == 4
    assert set(document["hops"][1]["addresses"]) == {NORTH, SOUTH}
    assert codes(document) == {"per-packet"}


def test_a_path_that_changes_in_mid_run_is_told_with_the_time() -> None:
    """The way is changed once the first is seen, and the trace is ended once the second is."""
    traced_here = ("trace", SERVER, "-c", "0", "-i", "50ms", "-n", "--format", "ndjson")
    with diamond() as network:
        served(network).shell("ip -n r1 route replace 10.0.5.0/24 via 10.0.2.2")
        command = network.command("client", "sh", "-c", 'echo $$; exec "$@"', "sh", *command_line(), *traced_here)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as run:
            assert run.stdout is not None
            process = run.stdout.readline().strip()
            events = (json.loads(line) for line in run.stdout)
            assert next(event for event in events if event.get("address") == NORTH)["ttl"] == 2
            network.shell("ip -n r1 route replace 10.0.5.0/24 via 10.0.3.2")
            assert next(event for event in events if event.get("address") == SOUTH)["ttl"] == 2
            network.run("client", "kill", "-INT", process)
            *_, last = events
    assert last["interrupted"]
    assert "path-changed" in codes(last)
    change = last["changes"][0]
    assert (change["ttl"], change["before"], change["after"]) == (2, NORTH, SOUTH)
    assert change["time"] > last["started"]


def test_a_host_without_a_route_is_said_at_once(row: Network) -> None:
    command = row.command("server", *command_line(), "trace", "203.0.113.1")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 3
    assert "network is unreachable" in done.stderr
