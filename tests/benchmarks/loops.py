"""Closed loops: how many round trips a second, one after the other, 64 bytes each; and what a long run costs.

Each program has its own server, except the minimal client, which has netecho's.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import tools
from tests.benchmarks.bench import Benchmark, Figure, Scale

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = "64"


def netecho(transport: tools.Transport, seconds: int) -> float:
    with tools.server(transport) as url:
        document = tools.probe(url, "-i", "0", "-t", f"{seconds}s", "-s", SIZE)
    return float(document["probes"]["received"] / document["duration_ms"] * 1000)


def self_test(transport: tools.Transport, seconds: int) -> float:
    document = tools.probe(f"{transport}://self", "-i", "0", "-t", f"{seconds}s", "-s", SIZE)
    return float(document["probes"]["received"] / document["duration_ms"] * 1000)


def minimal(transport: tools.Transport, seconds: int) -> float:
    with tools.server(transport) as url:
        port = url.rpartition(":")[2]
        count = str(seconds * 15_000)
        return float(tools.output([*tools.MINIMAL, transport, tools.HOST, port, count, "0"]).split()[0])


def qperf(transport: tools.Transport, seconds: int) -> float:
    """qperf tells half a round trip; -uu has it told in nanoseconds."""
    port = str(tools.free_port())
    with tools.running(["qperf", "--listen_port", port]):
        test = f"{transport}_lat"
        said = tools.output(["qperf", "-lp", port, "-t", str(seconds), "-m", SIZE, "-uu", tools.HOST, test])
    return 1e9 / (2 * tools.number(r"latency\s*=\s*([\d.,]+) ns", said))


def sockperf(transport: tools.Transport, seconds: int) -> float:
    port = str(tools.free_port(transport))
    tcp = ["--tcp"] if transport == "tcp" else []
    with tools.running(["sockperf", "sr", *tcp, "-i", tools.HOST, "-p", port]):
        command = ["sockperf", "pp", *tcp, "-i", tools.HOST, "-p", port, "-t", str(seconds), "-m", SIZE]
        said = tools.output(command)
    return tools.number(r"Valid Duration.*ReceivedMessages=(\d+)", said) / tools.number(
        r"Valid Duration\] RunTime=([\d.]+)", said
    )


def netperf(transport: tools.Transport, seconds: int) -> float:
    port = str(tools.free_port())
    with tools.running(["netserver", "-D", "-L", tools.HOST, "-p", port]):
        test = f"{transport.upper()}_RR"
        command = ["netperf", "-H", tools.HOST, "-p", port, "-t", test, "-l", str(seconds), "-P", "0", "-v", "0"]
        return float(tools.output([*command, "--", "-r", f"{SIZE},{SIZE}"]).split()[-1])


PROGRAMS: tuple[tuple[str, Callable[[tools.Transport, int], float], Callable[[], str | None]], ...] = (
    ("netecho", netecho, tools.need()),
    ("netecho, probe self", self_test, tools.need()),
    ("netperf", netperf, tools.need("netperf", "netserver")),
    ("qperf", qperf, tools.need("qperf")),
    ("sockperf", sockperf, tools.need("sockperf")),
    ("minimal Python client", minimal, tools.need()),
)
YARDSTICKS = ("netperf", "qperf")
"""What netecho is compared with: netperf where it is installed, else qperf, whose loop is the same."""


def loops(transport: tools.Transport) -> Callable[[Scale], dict[str, float]]:
    def round_(scale: Scale) -> dict[str, float]:
        rates = {name: run(transport, scale.of(3, 1)) for name, run, missing in PROGRAMS if not missing()}
        shares = {f"netecho / {name}": rates["netecho"] / rates[name] for name in YARDSTICKS if name in rates}
        return rates | shares

    return round_


def resident(url: str, count: int) -> float:
    """The most memory a run of so many probes had resident, KiB, as the kernel has it shortly before its end."""
    command = [*tools.NETECHO, "probe", url, "-i", "0", "-w", "16", "-c", str(count), "-s", SIZE, "-qq"]
    process = subprocess.Popen(command)
    status = Path(f"/proc/{process.pid}/status")
    highest = 0.0
    while process.poll() is None:
        with contextlib.suppress(OSError, RuntimeError):
            # Not getrusage: what it says of a child begins with what its parent had.
            highest = tools.number(r"VmHWM:\s*(\d+) kB", status.read_text())
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(f"the probe ended with {process.returncode}")
    return highest


def memory(scale: Scale) -> dict[str, float]:
    with tools.server("udp") as url:
        few = resident(url, 50_000)
        many = resident(url, scale.of(5_000_000, 250_000))
    return {
        "after 50,000": few / 1024,
        f"after {scale.of(5_000_000, 250_000):,}": many / 1024,
        "the difference": (many - few) / 1024,
    }


def has_proc() -> str | None:
    return None if Path("/proc/self/status").exists() else "needs /proc"


def figures() -> tuple[Figure, ...]:
    rates = [Figure(name, "echoes/s", None, 0) for name, _, _ in PROGRAMS]
    shares = [Figure(f"netecho / {name}", "", (">=", 0.6), 2) for name in YARDSTICKS]
    return (*rates, *shares)


BENCHMARKS = (
    Benchmark("loops_tcp", "closed loop over TCP, 64 bytes", figures(), loops("tcp")),
    Benchmark("loops_udp", "closed loop over UDP, 64 bytes", figures(), loops("udp")),
    Benchmark(
        "memory",
        "resident memory of the probe after many probes and after few",
        (
            Figure("after 50,000", "MiB"),
            Figure("after 250,000", "MiB"),
            Figure("after 5,000,000", "MiB"),
            Figure("the difference", "MiB", ("<=", 2), 2),
        ),
        memory,
        has_proc,
        once=True,
    ),
)
