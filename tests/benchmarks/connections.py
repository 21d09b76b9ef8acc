"""What a connection of the probe costs: memory and descriptors, the many against the few."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import tools
from tests.benchmarks.bench import Benchmark, Figure, Scale

FEW, MANY = 10, 1010
SCHEMES = ("tcp", "udp", "tls", "stamp")
_UNLIMITED = {
    "tcp": ["--max-connections", "4096", "--max-per-client", "4096", "--max-rate", "0"],
    "tls": ["--max-connections", "4096", "--max-per-client", "4096", "--max-rate", "0"],
    "udp": ["--max-rate", "0"],
    "stamp": ["--max-rate", "0"],
}


class Held(NamedTuple):
    """The most that a process held."""

    kib: float
    descriptors: int


def held(url: str, connections: int) -> Held:
    """Run a probe of four probes a connection, and look at it until it ends."""
    trust = ["--insecure"] if url.startswith("tls:") else []
    options = ["--connections", str(connections), "-c", "4", "-i", "500ms", "-W", "10s", "-qq", *trust]
    process = subprocess.Popen([*tools.NETECHO, "probe", url, *options])
    proc = Path(f"/proc/{process.pid}")
    kib, descriptors = 0.0, 0
    while process.poll() is None:
        with contextlib.suppress(OSError, RuntimeError):
            # Not getrusage: what it says of a child begins with what its parent had.
            kib = tools.number(r"VmHWM:\s*(\d+) kB", (proc / "status").read_text())
            descriptors = max(descriptors, len(list((proc / "fd").iterdir())))
        time.sleep(0.02)
    if process.returncode:
        raise RuntimeError(f"the probe ended with {process.returncode}")
    return Held(kib, descriptors)


def a_connection(scale: Scale) -> dict[str, float]:
    del scale
    values: dict[str, float] = {}
    for scheme in SCHEMES:
        with tools.server(scheme, *_UNLIMITED[scheme]) as url:
            few, many = held(url, FEW), held(url, MANY)
        values[f"{scheme}: memory"] = (many.kib - few.kib) / (MANY - FEW)
        values[f"{scheme}: descriptors"] = (many.descriptors - few.descriptors) / (MANY - FEW)
    return values


BENCHMARKS = (
    Benchmark(
        "connections",
        "what each of 1,000 more connections of one probe takes",
        tuple(
            figure
            for scheme in SCHEMES
            for figure in (
                Figure(f"{scheme}: memory", "KiB", ("<=", 20)),
                Figure(f"{scheme}: descriptors", "", ("<=", 1), 2),
            )
        ),
        a_connection,
        lambda: None if Path("/proc/self/fd").exists() else "needs /proc",
        once=True,
    ),
)
