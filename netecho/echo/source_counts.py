"""The busiest sources of datagrams, counted in bounded memory although sources can be forged.

A table of a fixed size. While it is full, further sources are not counted; once a second the lesser half makes room.
So a busy source is in it after a second or two, whatever a flood of forged ones does, and its count is from then on.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from netecho.units import SECOND

MOST_SOURCES = 128

S = TypeVar("S", bound=Hashable)


class SourceCounts(Generic[S]):
    """Bytes received from each source and sent to it."""

    def __init__(self) -> None:
        self.bytes: dict[S, list[int]] = {}
        """Received and sent, by source."""
        self._until = 0

    def roll(self, now: int) -> None:
        """Make room once a second, if the table is full. To be called before a batch."""
        if now < self._until:
            return
        self._until = now + SECOND
        if len(self.bytes) >= MOST_SOURCES:
            busiest = sorted(self.bytes, key=lambda source: sum(self.bytes[source]), reverse=True)
            self.bytes = {source: self.bytes[source] for source in busiest[: MOST_SOURCES // 2]}

    def add(self, source: S, received: int, sent: int) -> None:
        """Count so many bytes."""
        counts = self.bytes.get(source)
        if counts is None:
            if len(self.bytes) >= MOST_SOURCES:
                return
            self.bytes[source] = counts = [0, 0]
        counts[0] += received
        counts[1] += sent
