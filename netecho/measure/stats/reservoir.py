"""A sample of a series whose length nobody knows, in constant memory."""

from __future__ import annotations

from array import array
from math import exp, floor, log
from random import Random

LIMIT = 100_000
"""Values kept of each series. More would not make a p99.9 any surer than the run was steady."""


class Reservoir:
    """A fair choice of a series whose length nobody knows, in constant memory (Vitter's reservoir, Li's Algorithm L).

    Every value has the same chance to be kept, and those kept are given back in the order they came.
    """

    __slots__ = ("_limit", "_next", "_positions", "_random", "_values", "_weight", "seen")

    def __init__(self, limit: int = LIMIT, seed: int = 0) -> None:
        self._limit = limit
        self._random = Random(seed)
        self._values = array("q")
        self._positions = array("q")
        self._weight = 1.0
        self._next = limit - 1  # the position at which the next skip begins
        self.seen = 0

    def add(self, value: int) -> None:
        """Take in the next value of the series."""
        position = self.seen
        self.seen = position + 1
        if position < self._limit:
            self._values.append(value)
            self._positions.append(position)
            if position == self._next:
                self._skip()
        elif position == self._next:
            slot = self._random.randrange(self._limit)
            self._values[slot] = value
            self._positions[slot] = position
            self._skip()

    def ordered(self) -> list[int]:
        """Return the values that were kept, in the order they came."""
        return [value for _, value in sorted(zip(self._positions, self._values, strict=True))]

    def _skip(self) -> None:
        # 1 - random() is never 0, of which there is no logarithm.
        self._weight *= exp(log(1 - self._random.random()) / self._limit)
        self._next += 1 + floor(log(1 - self._random.random()) / log(1 - self._weight))
