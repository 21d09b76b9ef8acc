"""Whether `netecho load` names the direction of a queue, and its length, behind bottlenecks that are known.

In the network of `tests.faults`, with `tbf` between the routers: 10 Mbit/s and a queue of 625,000 bytes, which is
500 ms, in the upload, the download, or both; and 100 Mbit/s each way with a queue of 25,000 bytes, 2 ms, which is none
to speak of.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.benchmarks.bench import Benchmark, Figure
from tests.faults.topology import SERVER, network, refusal
from tests.program import COMMAND, environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.benchmarks.bench import Scale
    from tests.faults.topology import Network

FRAME, PAYLOAD = 1514, 1448
"""Bytes of a full segment as `tbf` counts it, and of its payload: with the options that carry timestamps."""


class Bottleneck(NamedTuple):
    """What a direction goes through."""

    rate: int
    limit: int
    burst: int

    @property
    def queue_ms(self) -> float:
        return 8000 * self.limit / self.rate

    @property
    def goodput(self) -> float:
        return self.rate * PAYLOAD / FRAME


SLOW = Bottleneck(10_000_000, 625_000, 4_000)
FAST = Bottleneck(100_000_000, 25_000, 20_000)
TRUTHS: dict[str, dict[str, Bottleneck]] = {
    "upload": {"upload": SLOW},
    "download": {"download": SLOW},
    "both": {"upload": SLOW, "download": SLOW},
    "none": {"upload": FAST, "download": FAST},
}
_PLACES = {"upload": ("near", "far"), "download": ("far", "near")}
"""Which router sends into it, by which of its interfaces."""


def narrow(made: Network, truth: Mapping[str, Bottleneck]) -> None:
    """Put the bottlenecks into a network."""
    for direction, (rate, limit, burst) in truth.items():
        host, device = _PLACES[direction]
        made.shell(f"tc -n {host} qdisc add dev {device} root tbf rate {rate} burst {burst} limit {limit}\n")


def run(truth: Mapping[str, Bottleneck], *options: str) -> dict[str, Any]:
    """Load the path from the client to the server, and return the document."""
    with network() as made:
        narrow(made, truth)
        made.start("server", *COMMAND, "serve", ":7007", "stamp://:7862", "nq://", "--load-bytes", "65536M", ready="nq")
        command = made.command("client", *COMMAND, "load", SERVER, "--json", "-q", *options)
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    if ended.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {ended.returncode}: {ended.stderr}")
    document: dict[str, Any] = json.loads(ended.stdout)
    return document


def directions(document: dict[str, Any]) -> set[str]:
    """The directions that have a queue, as it says."""
    return {each["direction"] for each in document["queues"]}


def _round(name: str, scale: Scale) -> dict[str, float]:
    truth = TRUTHS[name]
    found = run(truth, "-t", f"{scale.of(8, 4)}s", "--max-bytes", "1500M")
    slow = {direction: each for direction, each in truth.items() if each is SLOW}
    figures = {"right": 100.0 * (directions(found) == set(slow)), "added": found["added_ms"]}
    queues = {each["direction"]: each for each in found["queues"]}
    for direction, bottleneck in slow.items():
        if direction in queues:
            figures[f"{direction} queue"] = 100 * queues[direction]["ms"] / bottleneck.queue_ms
        goodput = found[direction]["goodput_bps"]
        figures[f"{direction} goodput"] = 100 * goodput / bottleneck.goodput
    lag = [found[phase]["lag"]["p99_ms"] for phase in ("download", "upload", "both")]
    figures["lag"] = max(lag)
    print(f"load {name}: {found['sentence']}; {figures}; {_memory()}", file=sys.stderr, flush=True)
    return figures


def _memory() -> str:
    """Whether TCP is short of memory: its windows are narrow then, and no queue becomes long."""
    used = int(Path("/proc/net/sockstat").read_text().partition("TCP: ")[2].partition("\n")[0].split()[-1])
    low, pressure, _ = map(int, Path("/proc/sys/net/ipv4/tcp_mem").read_text().split())
    return f"TCP memory {used} pages, pressure from {pressure} until {low}"


def _benchmark(name: str) -> Benchmark:
    slow = [direction for direction, each in TRUTHS[name].items() if each is SLOW]
    figures = [
        Figure("right", "% of runs", (">=", 100)),
        Figure("added", "ms", None if slow else ("<=", 5)),
        *(Figure(f"{direction} queue", "% of limit/rate", (">=", 95)) for direction in slow),
        *(Figure(f"{direction} goodput", "% of the rate less headers", (">=", 95)) for direction in slow),
        Figure("lag", "ms at p99", ("<=", 2)),
    ]
    about = f"netecho load behind a bottleneck: {name}"
    return Benchmark(f"load-{name}", about, tuple(figures), lambda scale: _round(name, scale), refusal)


BENCHMARKS = tuple(_benchmark(name) for name in TRUTHS)
