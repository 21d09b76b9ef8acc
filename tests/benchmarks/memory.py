"""What a monitor's memory grows by in a day: simulated, with a clock that is moved on and links without sockets.

Most targets answer, some lose probes, some lose their connection each hour, some cannot be reached; each minute is
written to a history. `python -m tests.benchmarks memory`, or for other figures

    python -m tests.benchmarks.memory TARGETS HOURS
"""

from __future__ import annotations

import gc
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from twisted.internet.task import Clock

from netecho.errors import UnreachableError
from netecho.history.rows import Minute
from netecho.monitor.settings import TargetSettings
from netecho.net.client.link import OpenedLink
from netecho.net.client.resolve import Address
from netecho.net.client.transports import Transport
from netecho.net.monitor import watch as watch_module
from netecho.net.monitor.engine import Engine
from netecho.net.monitor.history import Batches, Keep
from netecho.net.reactor.timer import Timer
from netecho.target import parse_target
from netecho.units import SECOND
from tests.benchmarks.bench import Benchmark, Figure, Scale

if TYPE_CHECKING:
    from netecho.measure.probe import Probe
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.windows import Slot
    from netecho.net.client.driver import SessionDriver
    from netecho.net.client.link import LinkContext

HOUR = 3600
TARGETS = 50
YEAR_2026 = 1_780_000_000


class _Link:
    """Answers at once, says that it took some milliseconds."""

    stays_open = True

    def __init__(self, world: _World, driver: SessionDriver, loses: float) -> None:
        self._world, self._driver, self._loses = world, driver, loses
        self._closed = False

    def send(self, probe: Probe) -> None:
        now = self._world.now()
        self._driver.session.sent(probe, now)
        if self._world.rng.random() >= self._loses:
            self._world.clock.callLater(0, self._reply, probe.index, now)

    def _reply(self, index: int, sent: int) -> None:
        if not self._closed:
            now = sent + int(self._world.rng.expovariate(1e-7))
            self._driver.session.answered(index, now)
            self._driver.replied(self._world.now())

    def poll(self) -> None: ...

    def settle(self) -> None: ...

    def close(self) -> None:
        self._closed = True


class _World:
    """A clock, an engine, and a history."""

    def __init__(self, path: str) -> None:
        self.clock = Clock()
        self.rng = random.Random(14)
        self.batches = Batches(path, Keep(365 * 24 * HOUR * SECOND), print, self.wall)
        reactor: Any = self.clock
        self.engine = Engine(reactor, self, Timer(self.clock, clock=self.now))

    def now(self) -> int:
        return round(self.clock.seconds() * SECOND)

    def wall(self) -> int:
        return YEAR_2026 * SECOND + self.now()

    async def resolve(self, _reactor: object, target: Any, *_: object) -> tuple[list[Address], int | None]:
        kind = target.host.partition(".")[0]
        if kind == "nowhere":
            raise UnreachableError(f"the name {target.host!r} does not resolve")
        # A name that moves each hour has its connection made anew.
        host = f"192.0.2.{int(self.clock.seconds()) // HOUR % 200}" if kind == "moves" else "192.0.2.1"
        return [Address(socket.AF_INET, (host, 7))], 1000

    def prepare(self, context: LinkContext) -> Any:
        loses = 0.05 if context.job.target.host.startswith("lossy") else 0.0

        async def opened(driver: SessionDriver) -> OpenedLink:
            return OpenedLink(link=_Link(self, driver, loses), address=context.addresses[0], connect=1000)

        return opened

    def changed(self, target: MonitoredTarget, change: object) -> None: ...

    def minute_ended(self, target: MonitoredTarget, minute: Slot) -> None:
        settings = target.settings
        self.batches.add(Minute(settings.name, settings.target.url, self.wall() // SECOND - 60, minute))

    def go_on(self, until: int) -> None:
        """Call what is due, each at its moment."""
        while self.clock.seconds() < until:
            due = min(until, self.clock.calls[0].getTime())
            self.clock.advance(max(0, due - self.clock.seconds()))


def _resident() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def simulated(targets: int, hours: int) -> list[float]:
    """Return the resident memory after each hour, MiB."""
    kinds = ("steady", "steady", "steady", "lossy", "moves", "nowhere")
    settings = [
        TargetSettings(name=f"t{n}", target=parse_target(f"udp://{kinds[n % len(kinds)]}.t{n}.example"))
        for n in range(targets)
    ]
    sizes = []
    with tempfile.TemporaryDirectory() as folder:
        world = _World(str(Path(folder, "history.db")))
        fake = Transport(socket.SOCK_DGRAM, world.prepare)
        with (
            patch.object(watch_module, "TRANSPORTS", {"udp": fake}),
            patch.object(watch_module, "resolve", world.resolve),
        ):
            world.engine.configure(settings)
            for minute in range(1, 60 * hours + 1):
                world.go_on(60 * minute)
                world.batches.attempt()
                if minute % 60 == 0:
                    sizes.append(_resident())
                    print(f"{minute // 60} h: {sizes[-1]:.1f} MiB", file=sys.stderr, flush=True)
            states = {str(target.state.state) for target in world.engine.targets}
            assert states == {"up", "unreachable"}, states
            world.engine.stop()
            world.batches.close()
    return sizes


def a_day(scale: Scale) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.memory", str(TARGETS), str(scale.of(24, 3))]
    sizes = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {"after an hour": sizes[0], "growth from then on": sizes[-1] - sizes[0]}


BENCHMARKS = (
    Benchmark(
        "memory_24h",
        f"a monitor of {TARGETS} targets in a day that is simulated, its history written",
        (Figure("after an hour", "MiB", None, 1), Figure("growth from then on", "MiB", ("<=", 1), 1)),
        a_day,
        lambda: None if Path("/proc/self/statm").exists() else "needs /proc",
        once=True,
    ),
)

if __name__ == "__main__":
    print(json.dumps(simulated(int(sys.argv[1]), int(sys.argv[2]))))
