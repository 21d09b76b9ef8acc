"""What do the live views cost what is measured, on the probe's side and on the server's?"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import subprocess
import termios
import threading
from typing import TYPE_CHECKING, Any

from tests.benchmarks import tools
from tests.benchmarks.bench import Benchmark, Figure, Scale

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES, COLUMNS = 40, 120
LISTENS = 1.5
"""Seconds until a server that writes to a terminal is taken to listen."""


@contextlib.contextmanager
def terminal() -> Iterator[int]:
    """A terminal that takes whatever is drawn on it; its descriptor."""
    leader, follower = os.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    reader = threading.Thread(target=_take_all, args=(leader,))
    reader.start()
    try:
        yield follower
    finally:
        os.close(follower)
        reader.join()
        os.close(leader)


def _take_all(leader: int) -> None:
    with contextlib.suppress(OSError):  # how Linux says that nobody has the other end any more
        while os.read(leader, 65536):
            pass


def probe(url: str, rate: int, scale: Scale, *, live: bool) -> dict[str, Any]:
    """A run that is watched, or not, by what writes the same JSON to a pipe."""
    options = ["--json", "-r", str(rate), "-c", str(rate * scale.of(10, 3)), "--live" if live else "--no-live"]
    with terminal() as drawn_on:
        done = subprocess.run(
            [*tools.NETECHO, "probe", url, *options],
            stdout=subprocess.PIPE,
            stderr=drawn_on,
            env={**os.environ, "TERM": "xterm-256color"},
            timeout=tools.PATIENCE,
            check=True,
        )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@contextlib.contextmanager
def server(*, live: bool) -> Iterator[str]:
    """A server on a terminal, watched or not; its URL."""
    url = f"udp://{tools.HOST}:{tools.free_port('udp')}"
    command = [*tools.NETECHO, "serve", url, *tools.UNLIMITED["udp"], "--live" if live else "--no-live"]
    with (
        terminal() as drawn_on,
        tools.running(command, LISTENS, stdout=drawn_on, stderr=drawn_on, env={**os.environ, "TERM": "xterm-256color"}),
    ):
        yield url


def of_probe(rate: int, scale: Scale) -> dict[str, float]:
    with tools.server("udp") as url:
        off, on = (probe(url, rate, scale, live=live)["lag"]["p99_ms"] * 1000 for live in (False, True))
    return {"lag p99 without": off, "lag p99 with": on, "with / without": on / off}


def of_server(rate: int, scale: Scale) -> dict[str, float]:
    figures = []
    for live in (False, True):
        with server(live=live) as url:
            figures.append(probe(url, rate, scale, live=False)["rtt"]["p99_ms"] * 1000)
    off, on = figures
    return {"rtt p99 without": off, "rtt p99 with": on, "with / without": on / off}


BENCHMARKS = tuple(
    Benchmark(
        f"live_{side}_{rate}",
        f"the {side}'s live view at {rate:,} probes a second, UDP",
        (
            Figure(f"{time} p99 without", "µs", None, 0),
            Figure(f"{time} p99 with", "µs", None, 0),
            Figure("with / without", "", ("<=", 1.5), 2),
        ),
        round_,
    )
    for side, time, of_side in (("probe", "lag", of_probe), ("server", "rtt", of_server))
    for rate, round_ in (
        (rate, lambda scale, rate=rate, of_side=of_side: of_side(rate, scale)) for rate in (100, 1000, 10_000)
    )
)
