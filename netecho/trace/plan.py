"""What is asked of a trace, in nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass

from netecho.units import MILLISECOND, SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When which TTL is sent."""

    rounds: int = 10
    """In each, every TTL is sent once; 0: until stopped."""
    duration: int | None = None
    """No round begins later than this after the first."""
    interval: int = SECOND
    """From one round to the next. Linux's routers answer once a second, and six times at once."""
    timeout: int = 2 * SECOND
    max_hops: int = 30
    flows: int = 1
    dscp: int = 0
    one_at_a_time: bool = False
    """Whether a flow's next packet waits for the answer to the one before: segments of TCP have no number."""
    spacing: int = 20 * MILLISECOND
    """From one TTL of a round to the next, while the target's is not known: 5 hops take 0.1 s and their round trip."""
