"""Whether `netecho load` names the direction of a queue, and its length, behind bottlenecks that are known.

In the network of `tests.faults`, with `tbf` between the routers: 10 Mbit/s and a queue of 625,000 bytes, which is
500 ms, in the upload, the download, or both; and 100 Mbit/s each way with a queue of 25,000 bytes, 2 ms, which is none
to speak of.

How late the probes left is this machine's as well: where others use it too, `chrt -r 1 python -m tests.benchmarks load`
has it out of their way.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from netecho.net.linux import tcp_memory
from tests.benchmarks.bench import Benchmark, Figure
from tests.faults.topology import SERVER, network, refusal
from tests.program import COMMAND, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.benchmarks.bench import Scale
    from tests.faults.topology import Network

TRIES, PATIENCE = 5, 600
"""How often a run is repeated that had no memory for TCP, and seconds that are waited for some before each."""
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


def classes(made: Network) -> None:
    """Put two classes into each direction, UDP, which probes are of, before all else: it waits for no TCP."""
    for host, device in _PLACES.values():
        qdisc, of = f"tc -n {host} qdisc add dev {device}", f"tc -n {host} class add dev {device} parent"
        made.shell(f"""
{qdisc} root handle 1: htb default 20
{of} 1: classid 1:1 htb rate 10mbit
{of} 1:1 classid 1:10 htb rate 2mbit ceil 10mbit prio 0
{of} 1:1 classid 1:20 htb rate 8mbit ceil 10mbit prio 1
{qdisc} parent 1:20 bfifo limit {SLOW.limit}
tc -n {host} filter add dev {device} parent 1: protocol ip u32 match ip protocol 17 0xff flowid 1:10
""")


def run(
    truth: Mapping[str, Bottleneck] | Callable[[Network], object],
    *options: str,
    watching: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Load the path from the client to the server, `watching` every half second, and return the document."""
    with network() as made:
        if callable(truth):
            truth(made)
        else:
            narrow(made, truth)
        made.start("server", *COMMAND, "serve", ":7007", "stamp://:7862", "nq://", "--load-bytes", "65536M", ready="nq")
        command = made.command("client", *COMMAND, "load", SERVER, "--json", "-q", *options)
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment()) as program:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    said, complained = program.communicate(timeout=0.5)
                    break
                watching()
    if program.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {program.returncode}: {complained}")
    document: dict[str, Any] = json.loads(said)
    return document


def directions(document: dict[str, Any]) -> set[str]:
    """The directions that have a queue, as it says."""
    return {each["direction"] for each in document["queues"]}


def _round(name: str, scale: Scale) -> dict[str, float]:
    truth = TRUTHS[name]
    found = _undisturbed(truth, "-t", f"{scale.of(8, 4)}s", "--max-bytes", "1500M")
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
    shown = "  ".join(f"{each} {value:.1f}" for each, value in figures.items())
    print(f"load {name}: {found['sentence']}: {shown}", file=sys.stderr, flush=True)
    return figures


def _undisturbed(truth: Mapping[str, Bottleneck], *options: str) -> dict[str, Any]:
    """A run while TCP has memory: where it is short of it, windows are narrow, and no queue becomes long.

    All namespaces share it: what else runs on this machine may take it.
    """
    for _ in range(TRIES):
        _wait_for_memory()
        document, disturbed = _watched(truth, *options)
        if not disturbed:
            return document
        print(f"not counted, TCP was short of memory: {document['sentence']}", file=sys.stderr, flush=True)
    raise RuntimeError("TCP was short of memory all the time")


def _watched(truth: Mapping[str, Bottleneck], *options: str) -> tuple[dict[str, Any], bool]:
    """A run, and whether TCP was short of memory in it."""
    short: list[bool | None] = []
    return run(truth, *options, watching=lambda: short.append(tcp_memory.is_short())), any(short)


def _wait_for_memory() -> None:
    until = time.monotonic() + PATIENCE
    while tcp_memory.is_short() and time.monotonic() < until:
        time.sleep(1)


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


def _classes(scale: Scale) -> dict[str, float]:
    found = run(classes, "-t", f"{scale.of(8, 4)}s", "--max-bytes", "1500M")
    print(f"load classes: {found['sentence']}", file=sys.stderr, flush=True)
    queues = {(each["direction"], each["by"]) for each in found["queues"]}
    return {"right": 100.0 * (queues == {("upload", "handshakes"), ("download", "handshakes")})}


def _beside_bounceback(scale: Scale) -> dict[str, float]:
    """iperf 2 loads the upload and bounces 100 bytes beside it, while our probes measure on the same bottleneck."""
    seconds = scale.of(20, 8)
    _wait_for_memory()
    with network() as made:
        narrow(made, TRUTHS["upload"])
        made.run("client", "sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno")
        made.start("server", *COMMAND, "serve", "stamp://:7862", ready="stamp")
        made.start("server", "iperf", "-s", "-i", "1", ready="listening")
        theirs = subprocess.Popen(
            made.command(
                "client",
                *("iperf", "-c", SERVER, "--bounceback", "--bounceback-period", "0.01", "--bounceback-congest=up,2"),
                *("-t", str(seconds), "-i", "1"),
            ),
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        ours = made.run(
            "client",
            *COMMAND,
            "probe",
            f"stamp://{SERVER}:7862",
            "-i",
            "10ms",
            "-t",
            f"{seconds}s",
            "-W",
            "5s",
            "--json",
        )
        said = theirs.communicate()[0]
    found, bounced = json.loads(ours)["rtt"]["p50_ms"], _bounced(said)
    return {"netecho": found, "iperf 2": bounced, "apart": 100 * abs(found - bounced) / bounced}


def _bounced(said: str) -> float:
    """The median of all its round trips, in milliseconds, of its histogram of 100 us a bin."""
    bins = re.findall(r"BB8\(f\)-PDF: bin\(w=100us\):cnt\(\d+\)=([0-9:,]+)", said)[-1]
    counts = [(int(number), int(count)) for number, _, count in (each.partition(":") for each in bins.split(","))]
    return median([number / 10 for number, count in counts for _ in range(count)])


def _loopback(scale: Scale) -> dict[str, float]:
    """One flow each way through this machine alone; iperf3's beside it."""
    seconds = str(scale.of(5, 2))
    found = json.loads(
        subprocess.run(
            [*COMMAND, "load", "self", "--flows", "1", "-t", f"{seconds}s", "--max-bytes", "1000000M", "--json", "-q"],
            capture_output=True,
            text=True,
            check=True,
            env=environment(),
        ).stdout
    )
    figures = {direction: found[direction]["goodput_bps"] / 1e9 for direction in ("download", "upload")}
    with subprocess.Popen(["iperf3", "-s", "-1", "-p", "5299"], stdout=subprocess.DEVNULL):
        time.sleep(0.5)
        command = ["iperf3", "-c", "127.0.0.1", "-p", "5299", "-t", seconds, "-J"]
        theirs = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return figures | {"iperf3": theirs["end"]["sum_received"]["bits_per_second"] / 1e9}


def _needs(program: str, *, root: bool = True) -> Callable[[], str | None]:
    def missing() -> str | None:
        if shutil.which(program) is None:
            return f"{program}: not installed"
        return refusal() if root else None

    return missing


BENCHMARKS = (
    *(_benchmark(name) for name in TRUTHS),
    Benchmark(
        "load-classes",
        "a queue of TCP that probes by UDP are kept out of (htb), named by new connections",
        (Figure("right", "% of runs", (">=", 100)),),
        _classes,
        refusal,
    ),
    Benchmark(
        "load-bounceback",
        "p50 under load on one bottleneck, 10 Mbit/s and 500 ms, by our probes and by iperf 2",
        (Figure("netecho", "ms"), Figure("iperf 2", "ms"), Figure("apart", "%", ("<=", 5))),
        _beside_bounceback,
        _needs("iperf"),
    ),
    Benchmark(
        "load-loopback",
        "goodput of one flow through loopback",
        tuple(Figure(name, "Gbit/s") for name in ("download", "upload", "iperf3")),
        _loopback,
        _needs("iperf3", root=False),
    ),
)
