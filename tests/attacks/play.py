"""One attack from beginning to end: a server, a client that behaves, and the attacker in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.attacks.attack import Deadline, Victim
from tests.attacks.beside import Behaving
from tests.program import Program
from tests.server import Server

if TYPE_CHECKING:
    from tests.attacks.table import Row

CLEANED = 10
"""Seconds within which the server has closed what the attacker left behind."""


@dataclass(frozen=True)
class Outcome:
    """How an attack ended."""

    answered: int
    lost: int
    p99_ms: float
    memory: int
    """Bytes that the server had resident at most, beyond what it had before."""
    descriptors: int
    """That it has open beyond those before, after the attacker is gone."""
    stopping: float
    """Seconds from SIGTERM to the end, of which a connection that is under way may take up to five."""
    code: int
    err: str


def play(row: Row, seconds: float) -> Outcome:
    """Run one attack for so long. Nothing is left running."""
    addresses = [f"{scheme}://127.0.0.1:0" for scheme in ("tcp", "udp", "stamp", "tls")]
    program = Program("serve", *addresses, "-q", "--format", "ndjson", *row.options)
    try:
        server = Server(program, len(addresses))
        victim = Victim(server.port)
        before, descriptors = server.peak(), server.descriptors()
        behaving = Behaving(victim, row.client)
        try:
            attacker = [sys.executable, "-m", "tests.attacks.attacker", row.attack.__name__]
            subprocess.run([*attacker, json.dumps(server.port), str(seconds)], check=True, timeout=seconds + 60)
        finally:
            behaving.stop()
        memory = server.peak() - before
        deadline = Deadline(CLEANED)
        while server.descriptors() > descriptors and not deadline.is_over():
            deadline.rest(0.05)
        left = server.descriptors() - descriptors
        began = time.monotonic()
        program.terminate()
        ended = program.end()
        return Outcome(
            answered=len(behaving.took),
            lost=behaving.lost,
            p99_ms=behaving.p99(),
            memory=memory,
            descriptors=left,
            stopping=time.monotonic() - began,
            code=ended.code,
            err=ended.err,
        )
    finally:
        program.kill()
