"""How long a reply takes from reading the clock to its departure, so that T3 can be put as near to that as can be."""

from __future__ import annotations

from collections import deque

from netecho.units import MILLISECOND

_LEARNT = 31
"""Replies that the time to departure is estimated from."""
_FEWEST = 8
"""Before so many nothing is added: the first replies, with cold caches, take several times as long."""
_ASKED = 8
"""The tx timestamp of one in so many replies is requested."""


class Egress:
    """The shortest time from reading the clock to the departure of a reply, nanoseconds."""

    __slots__ = ("_seen", "_unasked", "least")

    def __init__(self) -> None:
        self.least = 0
        self._seen: deque[int] = deque(maxlen=_LEARNT)
        self._unasked = 0

    @property
    def asks(self) -> bool:
        """Whether to measure the next reply: all of the first, then one in several."""
        self._unasked += 1
        return self._unasked >= _ASKED or len(self._seen) < _LEARNT

    def record(self, took: int) -> None:
        """Record the time of one reply."""
        self._unasked = 0
        # Time in the interface's queue is the network's; and after the clock was set, the difference has no meaning.
        self._seen.append(min(max(took, 0), MILLISECOND))
        if len(self._seen) >= _FEWEST:
            self.least = min(self._seen) // 2
