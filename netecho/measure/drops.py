"""Replies that came to this machine and found no room in the socket's receive buffer: they are not the network's loss.

The system counts the datagrams that it dropped, and does not keep which they were. A reply among them is one of a
probe that was outstanding when the drop was noticed, and that will time out. So of the probes that do, as many are
taken for dropped here as datagrams were dropped before, each drop for one probe; the others are lost. That is exact
where what was dropped were replies. Late replies, duplicates and strays are dropped too, and cannot be told from
them: the number is the most that it can be.
"""

from __future__ import annotations

from collections import deque


class Drops:
    """The datagrams of one socket that were dropped, and not yet taken for a probe's reply."""

    __slots__ = ("_noticed",)

    def __init__(self) -> None:
        self._noticed: deque[tuple[int, int]] = deque()
        """When they were noticed, and how many; in order of time."""

    def noticed(self, count: int, now: int) -> None:
        """Take in `count` datagrams that were dropped by `now`."""
        self._noticed.append((now, count))

    def takes(self, sent_at: int) -> bool:
        """Return whether one of them may have been the reply to a probe that has timed out: then it is taken for it.

        To be asked in the order of sending: what was noticed before the probe left is of no use for later ones.
        """
        noticed = self._noticed
        while noticed and noticed[0][0] < sent_at:
            noticed.popleft()
        if not noticed:
            return False
        at, count = noticed.popleft()
        if count > 1:
            noticed.appendleft((at, count - 1))
        return True
