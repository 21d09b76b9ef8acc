"""STAMP: its round trip against the capture, the reflector's pace, a clock against itself, each direction by itself."""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from netecho.stamp.packet import Reply, Request
from netecho.stamp.session_sender import Sender
from netecho.stamp.times import ErrorEstimate
from tests.benchmarks import tools
from tests.benchmarks.bench import Benchmark, Figure, Scale
from tests.benchmarks.capture import capturing
from tests.relay import Faults, Relay

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = b"an orchestrator gave us this key"
WINDOW = 64
"""Requests outstanding when the reflector's pace is measured."""


@contextlib.contextmanager
def reflector(*options: str) -> Iterator[tuple[int, int]]:
    """A reflector without limits; its port and its process id."""
    command = [*tools.NETECHO, "serve", f"stamp://{tools.HOST}:0", "--format", "ndjson", "--max-rate", "0", *options]
    with tools.running(command, ready=0, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["port"]), process.pid


def accuracy(scale: Scale) -> dict[str, float]:
    """The error of rtt against the capture, with the reflector's turnaround in it taken out.

    A capture on loopback sees each packet once, so what it has between request and reply is all turnaround, and of
    its round trip nothing is left: whatever rtt says is error.
    """
    count = scale.of(3000, 500)
    with reflector("--stateful") as (port, _):
        url = f"stamp://{tools.HOST}:{port}"
        with capturing(f"udp port {port}") as capture:
            said = tools.probe_replies(url, "-c", str(count), "-i", "1ms")
    asked = {Request.decode(packet.payload).sequence for packet in capture.packets if packet.destination == port}
    answered = {Reply.decode(packet.payload).sender_sequence for packet in capture.packets if packet.source == port}
    errors = sorted(abs(said[number]) for number in said.keys() & asked & answered)
    if len(errors) < 0.99 * len(said) or not said:
        raise RuntimeError(f"{len(errors)} of {len(said)} round trips are in the capture")
    return {f"rtt, error p{percent}": errors[math.ceil(percent / 100 * len(errors)) - 1] for percent in (50, 99)}


def pace(scale: Scale) -> dict[str, float]:
    """Packets a second through one process, asked by another that has its requests ready."""
    figures = {}
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "key"
        file.write_bytes(KEY)
        file.chmod(0o600)
        for mode, size, key, options in (
            ("open", 44, None, []),
            ("authenticated", 112, KEY, ["--auth-key-file", str(file)]),
            ("every TLV, stateful", 144, None, ["--stateful"]),
        ):
            with reflector(*options) as (port, process):
                replies, lasted, busy = loaded(port, process, size, key, scale.of(5, 1))
            figures[f"{mode}, one core"] = replies / busy
            figures[f"{mode}, with its client on the machine"] = replies / lasted
    return figures


def loaded(port: int, process: int, size: int, key: bytes | None, seconds: float) -> tuple[int, float, float]:
    """Keep a window of requests outstanding; the replies, the seconds, and those the reflector's process was busy."""
    sender = Sender(ssid=1, key=key)
    estimate = ErrorEstimate.of(1, synchronised=False)
    requests = [sender.request(time.time_ns(), size, estimate) for _ in range(1024)]
    replies = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((tools.HOST, port))
        client.settimeout(1)
        busy, began = processor_time(process), time.monotonic()
        for n in range(WINDOW):
            client.send(requests[n])
        while time.monotonic() - began < seconds:
            for n in range(WINDOW):
                client.recv(2048)
                client.send(requests[(replies + n) % len(requests)])
            replies += WINDOW
        return replies, time.monotonic() - began, processor_time(process) - busy


def processor_time(process: int) -> float:
    """Seconds of user and system time so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def offset(scale: Scale) -> dict[str, float]:
    """The estimated offset of a clock against itself."""
    clocks = tools.probe("stamp://self", "-c", str(scale.of(1000, 1000)), "-i", "1ms")["stamp"]["clocks"]
    return {"offset": abs(clocks["offset_ms"]) * 1000, "said to be within": clocks["offset_within_ms"] * 1000}


def directions(scale: Scale) -> dict[str, float]:
    """How far each direction's median is from what the relay adds to it, 20 ms and 5 ms."""
    forward, backward = Faults(delay_ms=20), Faults(delay_ms=5)
    with (
        reflector("--stateful") as (port, _),
        Relay("udp", (tools.HOST, port), forward=forward, backward=backward) as relay,
    ):
        count = str(scale.of(1000, 300))
        url = f"stamp://{tools.HOST}:{relay.port}"
        stamp = tools.probe(url, "-c", count, "-i", "2ms", "--clock", "synced")["stamp"]
    return {
        "forward, median": abs(stamp["forward"]["p50_ms"] - forward.delay_ms),
        "backward, median": abs(stamp["backward"]["p50_ms"] - backward.delay_ms),
    }


BENCHMARKS = (
    Benchmark(
        "stamp_accuracy",
        "STAMP rtt over loopback against the packet capture, without the reflector's turnaround, a probe a millisecond",
        (Figure("rtt, error p50", "µs", ("<=", 10)), Figure("rtt, error p99", "µs", ("<=", 25))),
        accuracy,
        tools.need("tcpdump", root=True),
    ),
    Benchmark(
        "stamp_pace",
        "STAMP packets a second through one process: in a second of its processor time, and as it came",
        (
            Figure("open, one core", "/s", (">=", 20_000), digits=0),
            Figure("open, with its client on the machine", "/s", digits=0),
            Figure("authenticated, one core", "/s", (">=", 10_000), digits=0),
            Figure("authenticated, with its client on the machine", "/s", digits=0),
            Figure("every TLV, stateful, one core", "/s", digits=0),
            Figure("every TLV, stateful, with its client on the machine", "/s", digits=0),
        ),
        pace,
    ),
    Benchmark(
        "stamp_offset",
        "the estimated offset of two clocks that are one, 1,000 probes",
        (Figure("offset", "µs", ("<=", 20), digits=3), Figure("said to be within", "µs", digits=3)),
        offset,
    ),
    Benchmark(
        "stamp_directions",
        "one-way delay through a relay that adds 20 ms there and 5 ms back: error",
        (
            Figure("forward, median", "ms", ("<=", 1), digits=3),
            Figure("backward, median", "ms", ("<=", 1), digits=3),
        ),
        directions,
    ),
)
