"""Whether `netecho trace` sees the hops that traceroute, mtr and scamper see, how soon, and which arm of two is bad.

In the networks of `tests.trace.networks`: a chain of four routers, and a diamond whose hash over the ports has another
seed in each round.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks import tools
from tests.benchmarks.bench import Benchmark, Figure
from tests.faults.topology import refusal
from tests.program import COMMAND, environment
from tests.trace.networks import HOPS, HOPS6, NORTH, SERVER, SERVER6, SOUTH, chain, diamond

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.benchmarks.bench import Scale
    from tests.faults.topology import Network

PORT = "7007"
SERVES = (*COMMAND, "serve", f":{PORT}")
# Each with its options for UDP and for TCP.
OTHERS: Mapping[str, Callable[[bool, bool, str], tuple[str, ...]]] = {
    "traceroute": lambda six, tcp, to: (
        *("traceroute", "-6" if six else "-4", "-n", "-q", "1"),
        *(("-T", "-p", PORT) if tcp else ()),
        to,
    ),
    "mtr": lambda six, tcp, to: (
        *("mtr", "-6" if six else "-4", "-n", "-r", "-c", "1"),
        *(("-T", "-P", PORT) if tcp else ("-u",)),
        to,
    ),
    "scamper": lambda six, tcp, to: (
        *("scamper", "-n", "127.0.0.1"),  # a name server it must have, though it asks for no name
        "-c",
        # Its udp-paris tells packets of IPv6 by a checksum that a veth leaves to be made by nobody.
        f"trace -P {'tcp' if tcp else 'udp' if six else 'udp-paris'} -d {PORT if tcp else '33435'} -q 1",
        "-i",
        to,
    ),
}
_SEEN = re.compile(r"^\s*\d+[.|\s-]+([0-9a-f.:]+)\s", re.MULTILINE)


def traced(network: Network, *arguments: str) -> dict[str, Any]:
    """The document of a trace from the client, whatever its exit code."""
    command = network.command("client", *COMMAND, "trace", *arguments, "-n", "--json")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def path(document: Mapping[str, Any]) -> list[str | None]:
    return [hop["addresses"][0] if hop["addresses"] else None for hop in document["hops"]]


def _hops(scale: Scale) -> dict[str, float]:
    """One of each kind, and the others beside it on the same network."""
    right: dict[str, list[bool]] = {name: [] for name in ("netecho", *OTHERS)}
    with chain() as network:
        network.start("server", *SERVES, ready="7007")
        for _ in range(scale.of(5, 1)):
            for six in (False, True):
                for tcp in (False, True):
                    to, hops = (SERVER6, list(HOPS6)) if six else (SERVER, list(HOPS))
                    target = f"{'tcp' if tcp else 'udp'}://{f'[{to}]' if six else to}"
                    right["netecho"].append(path(traced(network, target, "-c", "1")) == hops)
                    for name, command in OTHERS.items():
                        if shutil.which(name) is not None:
                            seen = _SEEN.findall(network.run("client", *command(six, tcp, to)))
                            right[name].append(seen == hops)
    return {name: 100 * sum(each) / len(each) for name, each in right.items() if each}


def _first(scale: Scale) -> dict[str, float]:
    """A trace of one round: until it is over, and that with the start and the end of the program."""
    inside, whole = [], []
    with chain() as network:
        network.start("server", *SERVES, ready="7007")
        for _ in range(scale.of(5, 1)):
            began = time.perf_counter()
            document = traced(network, SERVER, "-c", "1")
            whole.append(1000 * (time.perf_counter() - began))
            if path(document) == list(HOPS):
                inside.append(document["duration_ms"])
    return {"trace": max(inside), "command": max(whole)}


def _against_capture(scale: Scale) -> dict[str, float]:
    """Round trips of routers, and those of the same packets on the wire."""
    rounds = scale.of(100, 20)
    with chain() as network, tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "capture.pcap")
        network.start("server", *SERVES, ready="7007")
        capture = f"exec tcpdump -i r1 -n -U --time-stamp-precision=nano -w {file} 'udp or icmp' 2>&1"
        network.start("client", "sh", "-c", capture, ready="listening")
        arguments = (*COMMAND, "trace", SERVER, "-n", "-c", str(rounds), "-i", "50ms", "--format", "ndjson")
        events = [json.loads(line) for line in network.run("client", *arguments).splitlines()]
        time.sleep(2)  # tcpdump gets its packets in blocks, up to a second late
        seen = _round_trips(file)
    answers = [each for each in events if each["event"] == "answer" and each["kind"] == "router"]
    off = sorted(
        abs(1000 * each["rtt_ms"] - seen[each["ttl"], each["round"]])
        for each in answers
        if (each["ttl"], each["round"]) in seen
    )
    return {
        "compared": 100 * len(off) / len(answers),
        "error p50": off[len(off) // 2],
        "error p99": off[99 * len(off) // 100],
    }


def _round_trips(pcap: Path) -> dict[tuple[int, int], float]:
    """Microseconds from a packet to the ICMP error that quotes it, by its TTL and its number among those of that."""
    from scapy.error import Scapy_Exception
    from scapy.layers.inet import ICMP, IP, IPerror
    from scapy.utils import PcapReader

    sent: dict[int, tuple[int, int, Any]] = {}
    numbers: Counter[int] = Counter()
    found = {}
    with PcapReader(str(pcap)) as reader, suppress(Scapy_Exception, EOFError):  # the last may be half written
        for packet in reader:
            if ICMP not in packet and packet[IP].dst == SERVER:
                ttl = packet[IP].ttl
                sent[packet[IP].id] = ttl, numbers[ttl], packet.time
                numbers[ttl] += 1
            elif IPerror in packet and packet[IPerror].id in sent:
                ttl, number, at = sent.pop(packet[IPerror].id)
                found[ttl, number] = 1e6 * float(packet.time - at)
    return found


def _arms(every: int, scale: Scale) -> dict[str, float]:
    """Two ways, of which one loses one packet in `every`."""
    rules = f"""
ip netns exec south nft add table inet t
ip netns exec south nft add chain inet t forward '{{ type filter hook forward priority 0; }}'
ip netns exec south nft add rule inet t forward udp dport {PORT} numgen random mod {every} 0 drop
"""
    found, named, others = [], [], []
    for _ in range(scale.of(5, 1)):
        with diamond() as network:
            network.start("server", *SERVES, ready="7007")
            network.shell(rules)
            document = traced(network, SERVER, "--flows", "16", "-c", "100", "-i", "50ms")
        said = [each["sentence"] for each in document["findings"] if each["code"] == "bad-way"]
        found.append(set(document["hops"][1]["addresses"]) == {NORTH, SOUTH})
        named.append(any(f"by way of {SOUTH} " in each for each in said))
        others.append(any(SOUTH not in each for each in said))
        print(f"trace arms, 1 in {every}: {said}", file=sys.stderr, flush=True)
    shares = {"both arms": found, "bad arm named": named, "other named": others}
    return {name: 100 * sum(each) / len(each) for name, each in shares.items()}


_SHARE = "% of runs"
_ARMS = (
    Figure("both arms", _SHARE, (">=", 100)),
    Figure("bad arm named", _SHARE, (">=", 95)),
    Figure("other named", _SHARE, ("<=", 0)),
)

BENCHMARKS = (
    Benchmark(
        "trace-hops",
        "hops of a chain, over IPv4 and IPv6, by UDP and TCP, as they are",
        (Figure("netecho", _SHARE, (">=", 100)), *(Figure(name, _SHARE) for name in OTHERS)),
        _hops,
        refusal,
    ),
    Benchmark(
        "trace-first",
        "the first whole picture of five hops over UDP, longest of several",
        (Figure("trace", "ms", ("<=", 1000)), Figure("command", "ms")),
        _first,
        refusal,
    ),
    Benchmark(
        "trace-rtt",
        "round trips of routers against the packet capture",
        (Figure("compared", "% of answers"), Figure("error p50", "µs", ("<=", 10)), Figure("error p99", "µs")),
        _against_capture,
        lambda: refusal() or tools.need("tcpdump", root=True)(),
    ),
    *(
        Benchmark(
            f"trace-arms-{100 // every}",
            f"16 flows by two ways, of which one loses {100 // every} %",
            _ARMS,
            partial(_arms, every),
            refusal,
        )
        for every in (20, 5)
    ),
)
