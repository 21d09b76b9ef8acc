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
UNSETTLED, ANSWERED, _LOST, _ANSWERED_LATE = range(4)


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
    """The state of the latest probes, by their numbers, and when each left.

    The rings are `states` and `times`, with the place of probe n at `n & mask`: `Outcomes` writes them directly, as a
    call takes longer than what `sent` and `answered` do.
    """

    __slots__ = ("mask", "newest", "states", "times")

    def __init__(self, size: int = MOST) -> None:
        """Remember `size` probes, a power of two."""
        self.mask = size - 1
        self.states = bytearray(size)
        self.times = array("q", bytes(8 * size))
        self.newest = -1
        """The highest number that was sent."""

    def sent(self, index: int, at: int) -> None:
        """Record that probe `index` left at `at`: it is not settled yet."""
        place = index & self.mask
        self.states[place] = UNSETTLED
        self.times[place] = at
        if index > self.newest:
            self.newest = index

    def answered(self, index: int) -> None:
        """Record that probe `index` was answered in time."""
        self.states[index & self.mask] = ANSWERED

    def lost(self, index: int) -> None:
        """Record that probe `index` was given up."""
        self.states[index & self.mask] = _LOST

    def remembers(self, index: int) -> bool:
        """Return whether probe `index` was sent and no newer one has taken its place."""
        return self.newest - self.mask <= index <= self.newest and index >= 0

    def was_answered(self, index: int) -> bool:
        """Return whether probe `index` was answered in time, as far as is remembered."""
        return self.remembers(index) and self.states[index & self.mask] == ANSWERED

    def is_settled(self, index: int) -> bool:
        """Return whether the state of probe `index` is final: it was settled, forgotten, or never sent."""
        return not self.remembers(index) or self.states[index & self.mask] != UNSETTLED

    def sent_at(self, index: int) -> int:
        """Return when probe `index` left; only for one that is remembered."""
        return self.times[index & self.mask]

    def answered_again(self, index: int) -> Again:
        """Say what a reply to probe `index` is worth, which is not outstanding."""
        if not self.remembers(index):
            return Again.UNKNOWN
        place = index & self.mask
        if self.states[place] == _LOST:
            self.states[place] = _ANSWERED_LATE
            return Again.LATE
        return Again.DUPLICATE
