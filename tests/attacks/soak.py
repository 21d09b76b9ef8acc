"""All attackers at once, for long, beside clients that behave: does a server stay as it was?

There are two servers, as some attacks are on text mode. Each is attacked by all that `table` has for its mode, and has
two clients that behave, one by TCP and one by UDP. Each attacker has an address of its own and so have the clients:
limits are by client. The attackers have the lowest priority, so that what the clients feel is the server's work and
not a lack of processors.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.attacks.attack import Victim
from tests.attacks.beside import Behaving
from tests.attacks.table import MIB, ROWS, TEXT
from tests.program import Program
from tests.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.program import Ended

SETTLED = 600.0
"""Seconds after which memory is to be flat."""

FLAT = 5 * MIB
SLOWEST_MS = 50.0

LEFT_OUT = ("udp_flood", "handshake_drip")
"""More datagrams than the server reads fill the kernel's one queue, and whoever else sends some loses them there. And
the servers have no TLS."""

SIDES: dict[str, tuple[str, ...]] = {"raw": ("--stateful",), "text": ("--stateful", *TEXT)}
"""The servers, and their options."""

CLIENT = "127.0.0.200"


@dataclass(frozen=True)
class Sample:
    """What one server did in a minute, and what it used at the end of it."""

    at: float
    """Seconds since the beginning."""
    side: str
    answered: int
    lost: int
    p99_ms: float
    memory: int
    """Bytes resident."""
    descriptors: int

    def __str__(self) -> str:
        return (
            f"{self.at:>8.0f}  {self.side:<6}{self.answered:>9}{self.lost:>6}{self.p99_ms:>9.1f}"
            f"{self.memory / MIB:>8.1f}{self.descriptors:>8}"
        )


HEAD = f"{'second':>8}  {'server':<6}{'answered':>9}{'lost':>6}{'p99 ms':>9}{'MiB':>8}{'fds':>8}"


def faults(samples: Sequence[Sample], ends: Sequence[Ended], bugs: Sequence[str]) -> list[str]:
    """Say what was not as it has to be."""
    found = []
    for side in dict.fromkeys(each.side for each in samples):
        of_side = [each for each in samples if each.side == side]
        lost = sum(each.lost for each in of_side)
        if lost:
            found.append(f"{side}: {lost} lost")
        if not all(each.answered for each in of_side):
            found.append(f"{side}: a time without any answer")
        slowest = max(each.p99_ms for each in of_side)
        if slowest > SLOWEST_MS:
            found.append(f"{side}: p99 of {slowest:.1f} ms, more than {SLOWEST_MS:g} ms")
        settled = [each.memory for each in of_side if each.at >= SETTLED]
        if settled and max(settled) - min(settled) > 2 * FLAT:
            found.append(f"{side}: memory between {min(settled) / MIB:.1f} and {max(settled) / MIB:.1f} MiB")
    found += [f"ended with {each.code}: {each.err.strip()}" for each in ends if each.code or each.err]
    return found + list(bugs)


class Side:
    """One of the servers, its attackers and its clients."""

    def __init__(self, name: str, options: Sequence[str], seconds: float, stack: ExitStack) -> None:
        self.name = name
        self._until = time.monotonic() + seconds
        self.bugs: list[str] = []
        addresses = [f"{scheme}://127.0.0.1:0" for scheme in ("tcp", "udp", "stamp")]
        self.program = Program("serve", *addresses, "-q", "--format", "ndjson", *options)
        stack.callback(self.program.kill)
        self.server = Server(self.program, len(addresses))
        self._log = threading.Thread(target=self._read_log)
        self._log.start()
        victim = Victim(self.server.port)
        self._clients = [Behaving(victim, transport, CLIENT) for transport in ("tcp", "udp")]
        for client in self._clients:
            stack.callback(client.stop)
        self._seen = [(0, 0) for _ in self._clients]
        text = "text" in options
        names = dict.fromkeys(row.attack.__name__ for row in ROWS if ("text" in row.options) == text)
        for left_out in LEFT_OUT:
            names.pop(left_out, None)
        self._sources = {attack: f"127.0.1.{number}" for number, attack in enumerate(names, 1)}
        self._attackers = {attack: self._attacker(attack) for attack in names}
        stack.callback(self._end_attackers)

    def sample(self, at: float) -> Sample:
        """What was since the last one."""
        self._start_again()
        took: list[float] = []
        lost = 0
        for number, client in enumerate(self._clients):
            answered_before, lost_before = self._seen[number]
            self._seen[number] = len(client.took), client.lost
            took += client.took[answered_before : self._seen[number][0]]
            lost += self._seen[number][1] - lost_before
        p99_ms = sorted(took)[int(len(took) * 0.99)] * 1e3 if took else float("inf")
        return Sample(at, self.name, len(took), lost, p99_ms, self.server.resident(), self.server.descriptors())

    def end(self) -> Ended:
        """Stop the attackers, then the server."""
        self._end_attackers()
        self.program.terminate()
        self.program.process.wait(60)
        self._log.join()
        return self.program.end()

    def _attacker(self, name: str) -> subprocess.Popen[bytes]:
        rest = str(max(self._until - time.monotonic(), 0))
        ports = json.dumps(self.server.port)
        command = [sys.executable, "-m", "tests.attacks.attacker", name, ports, rest, self._sources[name]]
        return subprocess.Popen(["nice", "-n", "19", *command])

    def _start_again(self) -> None:
        """Some attacks have an end of their own."""
        for name, process in self._attackers.items():
            if process.poll() is not None and time.monotonic() < self._until:
                self._attackers[name] = self._attacker(name)

    def _end_attackers(self) -> None:
        for process in self._attackers.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()

    def _read_log(self) -> None:
        """A log that nobody reads loses lines; here all are read, and those about bugs are kept."""
        assert self.program.process.stdout is not None
        for line in self.program.process.stdout:
            if json.loads(line)["event"] == "bug":
                self.bugs.append(line.decode().strip())


def soak(seconds: float) -> Iterator[Sample]:
    """Attack for so long; raises SystemExit with what was not as it has to be."""
    every = min(60.0, seconds / 3)
    samples = []
    with ExitStack() as stack:
        sides = [Side(name, options, seconds, stack) for name, options in SIDES.items()]
        began = time.monotonic()
        while (at := time.monotonic() - began) < seconds:
            time.sleep(min(every, seconds - at))
            for side in sides:
                samples.append(side.sample(time.monotonic() - began))
                yield samples[-1]
        ends = [side.end() for side in sides]
        found = faults(samples, ends, [bug for side in sides for bug in side.bugs])
    if found:
        raise SystemExit("not as it has to be:\n  " + "\n  ".join(found))
