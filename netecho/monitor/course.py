"""The course of one target over the last minutes, as points that a chart has: some kilobytes, whatever is probed.

A point is a slot that is over: its counts and its own percentiles. They are shown and never reckoned with: figures of
longer spans are those of merged histograms.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.monitor.windows import Slot

POINTS = 120
"""That are kept: ten minutes of slots of five seconds."""
_NONE = -1
_WIDTH = 6


class Point(NamedTuple):
    """A stretch of time: nanoseconds, None where nothing was answered."""

    number: int
    """Of the slot, counted from the clock's zero: where it stands in time."""
    sent: int
    received: int
    lost: int
    p50: int | None
    p99: int | None

    @classmethod
    def of(cls, number: int, slot: Slot) -> Point:
        """Return a slot as a point."""
        counts = slot.counts
        return cls(number, counts.sent, counts.received, counts.lost, slot.p50, slot.p99)


class Course:
    """The latest points of a target, oldest first."""

    __slots__ = ("_points",)

    def __init__(self) -> None:
        self._points = array("q")

    def add(self, point: Point) -> None:
        """Take in the next one; the oldest goes where there are enough."""
        self._points.extend(_NONE if value is None else value for value in point)
        if len(self._points) > POINTS * _WIDTH:
            del self._points[:_WIDTH]

    @property
    def latest(self) -> Point | None:
        """The last one; None where there is none."""
        return _read(self._points[-_WIDTH:]) if self._points else None

    def __iter__(self) -> Iterator[Point]:
        """Yield them."""
        points = self._points
        for place in range(0, len(points), _WIDTH):
            yield _read(points[place : place + _WIDTH])


def _read(values: array[int]) -> Point:
    number, sent, received, lost, p50, p99 = values
    return Point(number, sent, received, lost, None if p50 == _NONE else p50, None if p99 == _NONE else p99)
