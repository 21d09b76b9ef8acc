"""What a monitor of 1,000 targets costs: processor, memory, lateness, and the same scraped and with its page open."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.benchmarks import tools
from tests.benchmarks.bench import Benchmark, Figure, Scale

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGETS = 1000
EVERY = 5
"""Seconds from one scrape to the next."""
_BUCKET = re.compile(r'netecho_lag_seconds_bucket\{le="([^"]+)"\} (\d+)')


class Scrape(NamedTuple):
    took: float
    size: int
    lag: dict[str, int]
    """Sends by how late they were at most, since the start."""


def scrape(url: str) -> Scrape:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    began = time.monotonic()
    with opener.open(f"{url}metrics", timeout=60) as answer:
        text = answer.read().decode()
    return Scrape(time.monotonic() - began, len(text), {le: int(count) for le, count in _BUCKET.findall(text)})


@contextmanager
def page_open(url: str) -> Iterator[list[int]]:
    """Listen as the page does; yield the bytes of each event's line."""
    heard: list[int] = []
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}api/v1/events", timeout=60) as answer:

        def listen() -> None:
            # http.client's reader, closed meanwhile, fails in ways of its own.
            with suppress(OSError, ValueError, AttributeError):
                while line := answer.readline():
                    heard.append(len(line))

        threading.Thread(target=listen, daemon=True).start()
        while sum(heard) < 100 * TARGETS:  # all of them are told at first
            time.sleep(0.1)
        yield heard


def processor(process: subprocess.Popen[bytes]) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def late(before: Scrape, after: Scrape, share: float) -> float:
    """What a share of the sends were late at most, in proportion within a bucket, as Prometheus has it; ms."""
    counted = {le: after.lag[le] - before.lag[le] for le in after.lag}
    needed, low, below = share * counted["+Inf"], 0.0, 0
    for le, count in counted.items():
        if count >= needed:
            return 1000 * (low + (float(le) - low) * (needed - below) / (count - below))
        low, below = float(le), count
    raise ValueError("nothing was sent")


def a_thousand(scale: Scale) -> dict[str, float]:
    length = scale.of(60, 15)
    with tools.server("udp", "--max-rate", "0") as url, tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "targets.toml")
        config.write_text("".join(f'[[targets]]\nname = "t{n}"\ntarget = "{url}"\n' for n in range(TARGETS)))
        command = [*tools.NETECHO, "monitor", "--config", str(config), "--listen", "127.0.0.1:0", "--format", "ndjson"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        http = json.loads(process.stdout.readline())["url"]
        for _ in range(TARGETS):  # until each is up
            process.stdout.readline()
        values = _measured(process, http, length)
        process.terminate()
        stop = json.loads(process.communicate()[0].splitlines()[-1])
        return values | {"lost": stop["lost"]}


def _measured(process: subprocess.Popen[bytes], http: str, length: int) -> dict[str, float]:
    quiet, used, began = scrape(http), processor(process), time.monotonic()
    time.sleep(length)
    alone, took = processor(process) - used, time.monotonic() - began
    busy = scrape(http)
    scrapes = []
    with page_open(http) as heard:
        before, began = sum(heard), time.monotonic()
        for _ in range(max(1, length // EVERY)):
            time.sleep(EVERY)
            scrapes.append(scrape(http))
        told = (sum(heard) - before) / (time.monotonic() - began)
    status = Path(f"/proc/{process.pid}/status").read_text()
    lag, lag_scraped = late(quiet, busy, 0.99), late(busy, scrapes[-1], 0.99)
    return {
        "processor": 100 * alone / took,
        "memory": tools.number(r"VmHWM:\s*(\d+) kB", status) / 1024,
        "lag p99": lag,
        "scraped, page open: lag p99": lag_scraped,
        "of that without": lag_scraped / lag,
        "page": told / 1000,
        "scrape": max(each.took for each in scrapes),
        "scrape size": busy.size / 1e6,
    }


BENCHMARKS = (
    Benchmark(
        "monitor_1000",
        "a monitor of 1,000 UDP targets, one probe a second each",
        (
            Figure("processor", "%", ("<=", 25), 1),
            Figure("memory", "MiB", ("<=", 150), 0),
            Figure("lag p99", "ms", ("<=", 1), 2),
            Figure("scraped, page open: lag p99", "ms", None, 2),
            Figure("of that without", "times", ("<=", 1.5), 2),
            Figure("page", "kB/s", None, 0),
            Figure("scrape", "s", ("<=", 1), 2),
            Figure("scrape size", "MB", ("<=", 20), 1),
            Figure("lost", "probes", ("=", 0), 0),
        ),
        a_thousand,
        lambda: None if Path("/proc/self/stat").exists() else "needs /proc",
        once=True,
    ),
)
