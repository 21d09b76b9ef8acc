"""Whether the wall clock was set: a history is kept by it, and its hours overlap or have a gap then."""

from __future__ import annotations

from netecho.units import SECOND

LEAST = SECOND
"""Less is what a daemon corrects little by little."""


class ClockSteps:
    """Compares the wall clock with one that nobody sets, and that goes on while the machine sleeps."""

    def __init__(self, now: int, wall: int) -> None:
        self._ahead = wall - now

    def observe(self, now: int, wall: int) -> int | None:
        """Return by how many nanoseconds it was set since the last time; below 0: back. None: it was not."""
        ahead = wall - now
        step, self._ahead = ahead - self._ahead, ahead
        return step if abs(step) >= LEAST else None
