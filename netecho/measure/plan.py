"""The settings of a run, frozen: what the session needs to decide, and nothing of how bytes travel."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, NamedTuple

from netecho.units import MILLISECOND, SECOND

Pattern = Literal["random", "zeros", "counter"]
Schedule = Literal["even", "poisson"]
Stamps = Literal["auto", "kernel", "user"]


class Plan(NamedTuple):
    """What one connection is to send, when, and how long it waits. Times are nanoseconds, sizes are bytes."""

    count: int | None = 10  # type: ignore[assignment]  # a tuple has a method of this name
    """Probes to send after the warm-up; None: no limit."""
    duration: int | None = None
    """Stop sending this long after the start; None: no limit."""
    interval: Fraction = Fraction(200 * MILLISECOND)
    """Between scheduled sends; 0: the next as soon as a reply is in (closed loop)."""
    schedule: Schedule = "even"
    sizes: tuple[int, ...] = (64,)
    """Payload sizes, taken in turn."""
    pattern: Pattern = "random"
    payload: bytes | None = None
    """What to send instead of a pattern, as it is."""
    timeout: int = 2 * SECOND
    window: int | None = None
    """Most probes outstanding at once; None: no limit."""
    warmup: int = 0
    """Probes sent first and not counted."""
    connections: int = 1
    reconnect: bool = False
    connect_only: bool = False
    stamps: Stamps = "auto"
    spin: bool = False
    seed: int = 0
    """Of the payloads and of the Poisson gaps: different in every run, so that a stale echo is recognised."""
