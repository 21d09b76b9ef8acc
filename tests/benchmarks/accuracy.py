"""How far each tool's round trip is from the packet capture's, probe by probe: the absolute error."""

from __future__ import annotations

import json
import math
import struct
import sys
from typing import TYPE_CHECKING

from tests.benchmarks import tools
from tests.benchmarks.bench import Benchmark, Figure, Scale
from tests.benchmarks.capture import capturing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SIZE = 64
INTERVAL = "1ms"
API = [sys.executable, "-m", "tests.benchmarks.api_program"]


def errors(said: Mapping[int, float], truth: Mapping[int, float], tool: str) -> dict[str, float]:
    """Median and 99th percentile of the absolute error, µs. Every probe that was answered must be in the capture."""
    absent = said.keys() - truth.keys()
    if not said or len(absent) > len(said) // 100:
        raise RuntimeError(f"{tool}: {len(absent)} of {len(said)} round trips are not in the capture")
    apart = sorted(abs(said[number] - truth[number]) for number in said.keys() & truth.keys())
    return {f"{tool}, error p{percent}": apart[math.ceil(percent / 100 * len(apart)) - 1] for percent in (50, 99)}


def marks(payload: bytes) -> list[int]:
    """The numbers of the probes in a payload: each has its own after the run's four octets."""
    return [struct.unpack_from(">Q", payload, at + 4)[0] for at in range(0, len(payload) - 11, SIZE)]


def own(transport: tools.Transport) -> Callable[[Scale], dict[str, float]]:
    """netecho and the minimal client against a capture, on netecho's own server."""

    def round_(scale: Scale) -> dict[str, float]:
        count = scale.of(3000, 500)
        with tools.server(transport) as url:
            port = int(url.rpartition(":")[2])
            with capturing(f"{transport} port {port}") as capture:
                said = tools.probe_replies(url, "-c", str(count), "-i", INTERVAL, "-s", str(SIZE))
            figures = errors(said, capture.round_trips(port, marks), "netecho")
            with capturing(f"{transport} port {port}") as capture:
                arguments = [transport, tools.HOST, str(port), str(count), "0.001", "-v"]
                rtts = tools.output([*tools.MINIMAL, *arguments]).splitlines()[1].split()
            said = dict(enumerate(map(float, rtts)))
            return figures | errors(said, capture.round_trips(port, marks), "minimal Python client")

    return round_


def api(loop: str) -> Callable[[Scale], dict[str, float]]:
    """`netecho.events` on an event loop against a capture, and its lag beside the command's in the same round."""

    def round_(scale: Scale) -> dict[str, float]:
        count = str(scale.of(3000, 500))
        with tools.server("udp") as url:
            port = int(url.rpartition(":")[2])
            with capturing(f"udp port {port}") as capture:
                replies = json.loads(tools.output([*API, loop, url, count, INTERVAL]))
            said = {int(number): rtt for number, (rtt, _) in replies.items()}
            figures = errors(said, capture.round_trips(port, marks), loop)
            command = tools.probe(url, "-c", count, "-i", INTERVAL)["lag"]
        lags = sorted(lag for _, lag in replies.values())
        for percent in (50, 99):
            figures[f"{loop}, lag p{percent}"] = lags[math.ceil(percent / 100 * len(lags)) - 1]
            figures[f"the command, lag p{percent}"] = command[f"p{percent}_ms"] * 1000
        return figures

    return round_


def irtt(scale: Scale) -> dict[str, float]:
    """irtt against a capture: its sequence number is behind a magic, flags and a token."""

    def sequence(payload: bytes) -> list[int]:
        return list(struct.unpack_from("<I", payload, 12)) if len(payload) >= SIZE else []

    port = tools.free_port("udp")
    with tools.running(["irtt", "server", "-i", "0", "-b", f"{tools.HOST}:{port}"]):
        duration = f"{scale.of(3000, 500)}ms"
        command = ["irtt", "client", "-i", INTERVAL, "-d", duration, "-l", str(SIZE), "-Q", "-o", "-"]
        with capturing(f"udp port {port}") as capture:
            document = json.loads(tools.output([*command, f"{tools.HOST}:{port}"]))
    said = {trip["seqno"]: trip["delay"]["rtt"] / 1000 for trip in document["round_trips"] if "rtt" in trip["delay"]}
    return errors(said, capture.round_trips(port, sequence), "irtt")


def ping(scale: Scale) -> dict[str, float]:
    """ping against a capture; it has kernel stamps for what comes in."""

    def sequence(payload: bytes) -> list[int]:
        return [struct.unpack_from(">H", payload, 2)[0]]

    with capturing("icmp") as capture:
        printed = tools.output(["ping", "-n", "-i", "0.001", "-c", str(scale.of(3000, 500)), tools.HOST])
    said = {}
    for line in printed.splitlines():
        if "icmp_seq=" in line:
            said[int(tools.number(r"icmp_seq=(\d+)", line))] = tools.number(r"time=([\d.]+)", line) * 1000
    return errors(said, capture.round_trips(8, sequence), "ping")


def pair(tool: str, p50: float | None = None, p99: float | None = None) -> tuple[Figure, Figure]:
    return (
        Figure(f"{tool}, error p50", "µs", ("<=", p50) if p50 else None),
        Figure(f"{tool}, error p99", "µs", ("<=", p99) if p99 else None),
    )


BENCHMARKS = (
    Benchmark(
        "accuracy_udp",
        "UDP rtt against the packet capture, a probe a millisecond",
        (*pair("netecho", 5, 10), *pair("minimal Python client")),
        own("udp"),
        tools.need("tcpdump", root=True),
    ),
    Benchmark(
        "accuracy_tcp",
        "TCP rtt against the packet capture, a probe a millisecond",
        (*pair("netecho", 10, 20), *pair("minimal Python client")),
        own("tcp"),
        tools.need("tcpdump", root=True),
    ),
    *(
        Benchmark(
            f"accuracy_api_{loop}",
            f"UDP rtt by netecho.events under {loop} against the packet capture, a probe a millisecond",
            (
                *pair(loop, 5, 10),
                Figure(f"{loop}, lag p50", "µs", None, 0),
                Figure("the command, lag p50", "µs", None, 0),
                Figure(f"{loop}, lag p99", "µs", None, 0),
                Figure("the command, lag p99", "µs", None, 0),
            ),
            api(loop),
            tools.need("tcpdump", root=True),
        )
        for loop in ("asyncio", "twisted")
    ),
    Benchmark(
        "accuracy_irtt",
        "irtt against the packet capture, a probe a millisecond",
        pair("irtt"),
        irtt,
        tools.need("tcpdump", "irtt", root=True),
    ),
    Benchmark(
        "accuracy_ping",
        "ping against the packet capture, a probe a millisecond (ICMP: the kernel answers)",
        pair("ping"),
        ping,
        tools.need("tcpdump", "ping", root=True),
    ),
)
