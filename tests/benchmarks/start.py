"""How long it takes to start: one probe of oneself, beside what every program with a Twisted reactor imports."""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

from tests.benchmarks import tools
from tests.benchmarks.bench import Benchmark, Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.benchmarks.bench import Scale

REACTOR = [sys.executable, "-c", "import twisted.internet.reactor"]
TURNS = 15
"""Of each, one after the other."""


def taken(command: list[str]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    tools.output(command)
    return (time.perf_counter() - began) * 1e3


def start(_: Scale) -> Mapping[str, float]:
    probe = [*tools.NETECHO, "probe", "-c", "1", "self"]
    turns = [(taken(probe), taken(REACTOR)) for _ in range(TURNS + 1)][1:]  # the first finds no file in memory
    ours, theirs = (statistics.median(each) for each in zip(*turns, strict=True))
    return {"netecho probe -c 1 self": ours, "import twisted.internet.reactor": theirs, "ratio": ours / theirs}


BENCHMARKS = (
    Benchmark(
        name="start",
        about="one probe of oneself, from the start of the command to its end",
        figures=(
            Figure("netecho probe -c 1 self", "ms"),
            Figure("import twisted.internet.reactor", "ms"),
            Figure("ratio", "", ("<=", 0.85), 3),
        ),
        round=start,
    ),
)
