"""Do sends leave when they should?"""

from __future__ import annotations

import json
from typing import Any

from tests.benchmarks import tools
from tests.benchmarks.bench import Benchmark, Figure, Scale


def figures(document: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """A run's lateness in µs, and what it did not send, or not receive."""
    settings, probes, lag = document["settings"], document["probes"], document["lag"]
    return {
        f"{prefix}lag p50": lag["p50_ms"] * 1000,
        f"{prefix}lag p99": lag["p99_ms"] * 1000,
        f"{prefix}not sent": settings["count"] - probes["sent"],
        f"{prefix}not received": probes["sent"] - probes["received"],
    }


def thousand(scale: Scale) -> dict[str, float]:
    count = scale.of(5000, 1000)
    options = ("-c", str(count), "-r", "1000")
    with tools.server("udp") as url:
        return figures(tools.probe(url, *options)) | figures(tools.probe(url, *options, "--spin"), "--spin: ")


def ten_thousand(transport: tools.Transport, scale: Scale) -> dict[str, float]:
    with tools.server(transport) as url:
        return figures(tools.probe(url, "-c", str(scale.of(100_000, 10_000)), "-r", "10000"))


def irtt(scale: Scale) -> dict[str, float]:
    """irtt leaves out the sends it is too late for, and tells how far the others are off on average."""
    port = tools.free_port("udp")
    with tools.running(["irtt", "server", "-i", "0", "-b", f"{tools.HOST}:{port}"]):
        command = ["irtt", "client", "-i", "1ms", "-d", f"{scale.of(5, 1)}s", "-l", "64", "-Q", "-o", "-"]
        stats = json.loads(tools.output([*command, f"{tools.HOST}:{port}"]))["stats"]
    return {
        "irtt, sends left out": 100 * stats["timer_misses"] / (stats["timer_misses"] + stats["packets_sent"]),
        "irtt, mean timer error": stats["timer_error"]["mean"] / 1000,
    }


def sent_all(prefix: str = "") -> tuple[Figure, Figure]:
    return (
        Figure(f"{prefix}not sent", "probes", ("=", 0), 0),
        Figure(f"{prefix}not received", "probes", ("=", 0), 0),
    )


BENCHMARKS = (
    Benchmark(
        "lag_1000",
        "how late sends are at 1,000 a second, UDP",
        (
            Figure("lag p50", "µs", ("<=", 100), 0),
            Figure("lag p99", "µs", ("<=", 300), 0),
            *sent_all(),
            Figure("--spin: lag p50", "µs"),
            Figure("--spin: lag p99", "µs"),
            *sent_all("--spin: "),
        ),
        thousand,
    ),
    Benchmark(
        "lag_1000_irtt",
        "the same of irtt",
        (Figure("irtt, sends left out", "%"), Figure("irtt, mean timer error", "µs", None, 0)),
        irtt,
        tools.need("irtt"),
    ),
    *(
        Benchmark(
            f"lag_10000_{transport}",
            f"open loop: 10,000 a second for 10 s, {transport.upper()}",
            (Figure("lag p50", "µs", None, 0), Figure("lag p99", "µs", ("<=", 2000), 0), *sent_all()),
            round_,
        )
        for transport, round_ in (
            ("udp", lambda scale: ten_thousand("udp", scale)),
            ("tcp", lambda scale: ten_thousand("tcp", scale)),
        )
    ),
)
