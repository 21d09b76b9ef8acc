"""What a history of 1,000 targets costs: the file's size a day, and how long `netecho history` takes to read one.

Minutes of round trips from 5 to 40 ms with a tail, as of paths over the Internet, are written as a monitor does: a
minute of all targets at a time, hours brought up in their turns.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
from pathlib import Path

from netecho.history.rows import Minute
from netecho.history.store import Store
from netecho.monitor.histogram import CoarseHistogram
from netecho.monitor.windows import Counts, Slot
from tests.benchmarks import tools
from tests.benchmarks.bench import Benchmark, Figure, Scale

TARGETS = 1000
_DAY = 24 * 60
_SAMPLES = 20
"""Minutes of which a target's are taken by turns: to draw each would take longer than to write it."""


def _drawn(rng: random.Random, base: float) -> Slot:
    rtt, response = CoarseHistogram(), CoarseHistogram()
    for _ in range(60):
        took = int(base * (1 + rng.gammavariate(1, 0.05)) + (rng.expovariate(1e-8) if rng.random() < 0.02 else 0))
        rtt.record(took)
        response.record(took + int(rng.expovariate(1e-4)))
    return Slot(Counts(sent=60, received=60), rtt.packed(), response.packed())


def write(path: str, minutes: int, targets: int, until: int) -> None:
    """Write the minutes before `until`, seconds since 1970."""
    rng = random.Random(14)
    drawn = [[_drawn(rng, rng.uniform(5e6, 40e6)) for _ in range(_SAMPLES)] for _ in range(targets)]
    store = Store(path)
    for minute in range(minutes):
        began = until - 60 * (minutes - minute)
        number = rng.randrange(_SAMPLES)
        store.write(Minute(f"t{n}", f"udp://t{n}.example:7007", began, drawn[n][number]) for n in range(targets))
        store.bring_up(began + 60)
    store.close()


def a_day(scale: Scale) -> dict[str, float]:
    minutes = scale.of(_DAY, 120)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "history.db"))
        began = time.monotonic()
        write(path, minutes, TARGETS, int(time.time()))
        wrote = time.monotonic() - began
        size = Path(path).stat().st_size / 1e6 * _DAY / minutes
        return {
            "writing": 1000 * wrote / minutes,
            "size": size,
            "all targets": _reading(path, "--since", "24h"),
            "all targets, JSON": _reading(path, "--since", "24h", "--json"),
            "one target": _reading(path, "t7", "--since", "24h"),
        }


def _reading(*arguments: str) -> float:
    """Return the seconds that `netecho history` takes from its start to its end."""
    began = time.monotonic()
    subprocess.run([*tools.NETECHO, "history", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


BENCHMARKS = (
    Benchmark(
        "history_1000",
        "a day's history of 1,000 targets: written a minute at a time, and read",
        (
            Figure("writing", "ms a minute", None, 0),
            Figure("size", "MB a day", ("<=", 500), 0),
            Figure("all targets", "s", ("<=", 1), 2),
            Figure("all targets, JSON", "s", ("<=", 1), 2),
            Figure("one target", "s", ("<=", 1), 2),
        ),
        a_day,
        once=True,
    ),
)
