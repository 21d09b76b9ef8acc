"""What a probe costs a monitor and blackbox_exporter in processor time: connecting to the same target by TCP."""

from __future__ import annotations

import http.client
import json
import subprocess
import tempfile
import time
from pathlib import Path

from tests.benchmarks import tools
from tests.benchmarks.bench import Benchmark, Figure, Scale
from tests.benchmarks.monitor import processor

EXPORTER = "prometheus-blackbox-exporter"
RATE = 200
"""Probes a second."""


def monitor(url: str, seconds: int) -> float:
    """Microseconds of processor time a probe: `RATE` targets, each connected to once a second."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "targets.toml")
        config.write_text(
            "".join(f'[[targets]]\nname = "t{n}"\ntarget = "{url}"\nconnect_only = true\n' for n in range(RATE))
        )
        command = [*tools.NETECHO, "monitor", "--config", str(config), "--format", "ndjson"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(1 + RATE):  # until each is up
                process.stdout.readline()
            before = processor(process)
            time.sleep(seconds)
            used = processor(process) - before
            process.terminate()
            stop = json.loads(process.stdout.read().splitlines()[-1])
            if stop["lost"]:
                raise RuntimeError(f"{stop['lost']} probes were lost")
    return 1e6 * used / (RATE * seconds)


def blackbox(url: str, seconds: int) -> float:
    """The same of the exporter, which is asked over one connection as Prometheus does."""
    port = tools.free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "blackbox.yml")
        config.write_text("modules:\n  tcp_connect:\n    prober: tcp\n")
        command = [EXPORTER, f"--config.file={config}", f"--web.listen-address={tools.HOST}:{port}"]
        with tools.running(command, ready=1) as process:
            asking = http.client.HTTPConnection(tools.HOST, port)
            path = f"/probe?module=tcp_connect&target={url.removeprefix('tcp://')}"
            before, began = processor(process), time.monotonic()
            for n in range(RATE * seconds):
                time.sleep(max(0.0, began + n / RATE - time.monotonic()))
                asking.request("GET", path)
                if b"probe_success 1" not in asking.getresponse().read():
                    raise RuntimeError(f"{EXPORTER} did not reach {url}")
            used = processor(process) - before
            asking.close()
    return 1e6 * used / (RATE * seconds)


def side_by_side(scale: Scale) -> dict[str, float]:
    seconds = scale.of(15, 5)
    with tools.server("tcp") as url:
        return {"netecho monitor": monitor(url, seconds), "blackbox_exporter": blackbox(url, seconds)}


def _missing() -> str | None:
    if not tools.have(EXPORTER):
        return f"{EXPORTER}: not installed"
    return None if Path("/proc/self/stat").exists() else "needs /proc"


BENCHMARKS = (
    Benchmark(
        "monitor_peers",
        f"processor time of a TCP connect probe, {RATE} a second",
        (Figure("netecho monitor", "µs a probe", None, 0), Figure("blackbox_exporter", "µs a probe", None, 0)),
        side_by_side,
        _missing,
    ),
)
