"""What is kept of a target, as values. Times are wall clock since 1970."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from netecho.monitor.windows import Slot


class Minute(NamedTuple):
    """A minute of a target."""

    target: str
    url: str
    began: int
    """Seconds."""
    slot: Slot


class Outage(NamedTuple):
    """A stretch in which a target was down or unreachable: written when it begins, and again when it ends."""

    target: str
    url: str
    began: int
    """Milliseconds."""
    ended: int | None
    """None: it is not over, or the monitor ended before it was."""
    state: str
    reason: str
