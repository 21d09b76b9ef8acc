"""What became of the latest probes of one connection, in rings of a fixed size.

A reply to a probe that was settled before is late if that one was given up, else a duplicate; to tell which, its
state is kept until a newer probe takes its place.
"""

from __future__ import annotations

from array import array
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netecho.measure.plan import Plan

MOST = 1 << 16
LEAST = 1 << 8
_UNSETTLED, _ANSWERED, _LOST, _ANSWERED_LATE = range(4)


class Again(Enum):
    """What a reply to a probe that is not outstanding is worth."""

    LATE = auto()
    DUPLICATE = auto()
    UNKNOWN = auto()
    """It answers no probe that is remembered."""


def capacity(plan: Plan) -> int:
    """Return how many probes are worth remembering: twice what can be outstanding at once, a power of two."""
    most = MOST
    if plan.interval:
        most = min(most, 2 * int(plan.timeout / plan.interval))
    if plan.count is not None:
        most = min(most, plan.count + plan.warmup)
    # Parallel connections share the memory that one alone would take.
    most = min(most, MOST // plan.connections)
    return max(LEAST, 1 << (most - 1).bit_length() if most > 1 else 1)


class SettledProbes:
    """The state of the latest probes, by their numbers, and when each left."""

    __slots__ = ("_mask", "_sent_at", "_states", "newest")

    def __init__(self, size: int = MOST) -> None:
        """Remember `size` probes, a power of two."""
        self._mask = size - 1
        self._states = bytearray(size)
        self._sent_at = array("q", bytes(8 * size))
        self.newest = -1
        """The highest number that was sent."""

    def sent(self, index: int, at: int) -> None:
        """Record that probe `index` left at `at`: it is not settled yet."""
        place = index & self._mask
        self._states[place] = _UNSETTLED
        self._sent_at[place] = at
        if index > self.newest:
            self.newest = index

    def answered(self, index: int) -> None:
        """Record that probe `index` was answered in time."""
        self._states[index & self._mask] = _ANSWERED

    def lost(self, index: int) -> None:
        """Record that probe `index` was given up."""
        self._states[index & self._mask] = _LOST

    def remembers(self, index: int) -> bool:
        """Return whether probe `index` was sent and no newer one has taken its place."""
        return self.newest - self._mask <= index <= self.newest and index >= 0

    def was_answered(self, index: int) -> bool:
        """Return whether probe `index` was answered in time, as far as is remembered."""
        return self.remembers(index) and self._states[index & self._mask] == _ANSWERED

    def is_settled(self, index: int) -> bool:
        """Return whether the state of probe `index` is final: it was settled, forgotten, or never sent."""
        return not self.remembers(index) or self._states[index & self._mask] != _UNSETTLED

    def sent_at(self, index: int) -> int:
        """Return when probe `index` left; only for one that is remembered."""
        return self._sent_at[index & self._mask]

    def answered_again(self, index: int) -> Again:
        """Say what a reply to probe `index` is worth, which is not outstanding."""
        if not self.remembers(index):
            return Again.UNKNOWN
        place = index & self._mask
        if self._states[place] == _LOST:
            self._states[place] = _ANSWERED_LATE
            return Again.LATE
        return Again.DUPLICATE
