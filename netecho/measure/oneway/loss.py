"""In which direction probes were lost, where the far end numbers its replies (RFC 8762 section 4).

A stateful reflector's number counts the requests that reached it; a gap in ours without a gap in its own is a request
that did not, a gap in its own is a reply that did not reach us. What was sent after the last reply to arrive is lost
in a direction that nobody knows.
"""

from __future__ import annotations

_HALF = 1 << 31
REMEMBERED = 4096
"""Replies remembered, to know one that comes again."""


class Directions:
    """One session's numbers. All replies are told, also late ones and those that come again."""

    __slots__ = ("_base", "_forward_twice", "_highest", "_replies", "_reply_highest", "_seen", "_stateful", "_warmup")

    def __init__(self, warmup: int = 0) -> None:
        self._warmup = warmup
        # Numbers of request and reply that the count begins at; a reflector's session begins with ours.
        self._base = (0, 0)
        self._highest = -1
        self._reply_highest = -1
        self._replies = 0
        self._forward_twice = 0
        self._stateful: bool | None = None
        self._seen: dict[int, set[int]] = {}

    def replied(self, number: int, reply_number: int, *, stateful: bool | None = None) -> None:
        """Take in a reply to request `number` with the reflector's own `reply_number`, 32 bits of it.

        `stateful`: whether the reflector numbers its replies, where that is known from elsewhere.
        """
        before = self._reply_highest
        reply_number = before + (reply_number - before + _HALF) % (2 * _HALF) - _HALF if before >= 0 else reply_number
        if number < self._warmup:
            self._base = max(self._base, (number + 1, reply_number + 1))
            return
        if (reply_number - number) % (2 * _HALF):
            self._stateful = True
        elif stateful is not None and not self._stateful:
            self._stateful = stateful
        if self._highest < 0:
            first, reply_first = self._base
            if reply_number - reply_first > 2 * (number - first) + 1:
                # More than if every request had arrived twice: it counts on from a session with the same addresses.
                self._base = (number, reply_number)
        known = self._seen.setdefault(number, set())
        if reply_number in known:
            return  # the reply came twice
        self._forward_twice += bool(known)  # the request arrived twice
        known.add(reply_number)
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._replies += 1
        self._highest = max(self._highest, number)
        self._reply_highest = max(before, reply_number)

    @property
    def stateful(self) -> bool | None:
        """Whether the reflector numbers its replies; None while its numbers could as well be ours."""
        return self._stateful

    @property
    def forward(self) -> int:
        """Requests that did not arrive, up to the last that is known to have."""
        if self._highest < 0:
            return 0
        arrived = self._reply_highest - self._base[1] + 1 - self._forward_twice
        return self._highest - self._base[0] + 1 - arrived

    @property
    def backward(self) -> int:
        """Replies that did not arrive, up to the last that did."""
        return self._reply_highest - self._base[1] + 1 - self._replies if self._highest >= 0 else 0
