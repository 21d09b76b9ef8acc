"""In which direction probes were lost, where the far end numbers its replies (RFC 8762 section 4).

A stateful reflector's number counts the requests that reached it. So of the probes between two replies that have no
reply themselves, as many were answered as numbers are missing between those of the replies: these were lost on the way
back, the others on the way there. That is known of a block of replies whose numbers can be such a count. Where they
cannot (the reflector restarted, or its numbers are no count at all), a new block begins, and the direction of what was
lost between the two is not known; nor is it after the last reply, or of replies that were late.

What is known and what is not always make up all that was lost. A request that arrived twice takes two numbers: if one
of the two replies is lost, it stands for one that did not arrive.

The same numbers say in which direction packets overtook each other: they are the order in which requests arrived there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ERA = 1 << 32
_HALF = 1 << 31
_OVERTAKEN = 64
"""Requests that one request may overtake: more look like a reflector that began to count anew."""
REMEMBERED = 4096
"""Replies remembered, to know one that is received again; a session among thousands has to do with fewer."""


class Unknown(StrEnum):
    """Why it is not known in which direction probes were lost."""

    STATELESS = "stateless"
    """The reflector does not number its replies."""
    SAME_NUMBERS = "same_numbers"
    """Its numbers are ours so far: it does not number its replies, or what was lost was lost on the way back."""
    RESET = "reset"
    """The reflector began to count anew between the replies before and after."""
    INCONSISTENT = "inconsistent"
    """Its numbers cannot be a count of what arrived."""
    UNANSWERED = "unanswered"
    """There was no reply before, or none after."""
    LATE = "late"
    """The reply was received after the timeout: it was lost in neither direction."""
    UNSETTLED = "unsettled"
    """More have no reply than were lost: some were in flight when the run was cut short, or were dropped here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossByDirection:
    """All the probes that were lost in a run: `forward`, `backward` and `unknown` make up the whole."""

    forward: int = 0
    backward: int = 0
    unknown: int = 0
    reasons: tuple[Unknown, ...] = ()
    """Why some are unknown."""
    resets: int = 0
    """How often a reflector began to count anew."""


class Block:
    """Replies whose numbers can be one count, from request `first` and reply number `reply_first` on."""

    __slots__ = (
        "_numbers",
        "_remembered",
        "_replied",
        "first",
        "highest",
        "reply_first",
        "reply_highest",
        "reply_seen",
    )

    def __init__(self, first: int, reply_first: int, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self.first = first
        self.reply_first = reply_first
        self.highest = first - 1
        self.reply_highest = reply_first - 1
        self.reply_seen = 0
        """Different numbers of replies."""
        self._replied = 0
        self._numbers: dict[int, None] = {}

    def takes(self, number: int, reply_number: int) -> bool:
        """Return whether a reply's number fits this count: none is repeated, no request arrived more than twice."""
        if reply_number in self._numbers or reply_number < self.reply_first:
            return False
        if number > self.highest and reply_number < self.reply_highest:
            return self.reply_highest - reply_number <= _OVERTAKEN
        sent = max(self.highest, number) - self.first + 1
        return reply_number - self.reply_first + 1 <= 2 * sent

    def add(self, number: int, reply_number: int, *, again: bool) -> None:
        """Take in a reply; `again`: an earlier one was to the same request."""
        self.highest = max(self.highest, number)
        self.reply_highest = max(self.reply_highest, reply_number)
        self.reply_seen += 1
        self._replied += not again
        self._numbers[reply_number] = None
        if len(self._numbers) > self._remembered:
            del self._numbers[next(iter(self._numbers))]

    def add_unnumbered(self, *, again: bool) -> None:
        """Take in a reply to a request of this block whose number says nothing."""
        self._replied += not again

    def lost(self) -> tuple[int, int, int]:
        """Return how many were lost there, back, and in a direction that the numbers do not show."""
        lost = max(self.highest - self.first + 1 - self._replied, 0)
        missing = self.reply_highest - self.reply_first + 1 - self.reply_seen
        return (lost - missing, missing, 0) if 0 <= missing <= lost else (0, 0, lost)


class Directions:
    """The numbers of one session. It is given all replies, late ones and duplicates too."""

    __slots__ = (
        "_backward",
        "_block",
        "_forward",
        "_latest",
        "_remembered",
        "_seen",
        "_stateful",
        "_unknown",
        "_warmed",
        "_warmup",
        "overtaken_backward",
        "overtaken_forward",
        "repeated_backward",
        "repeated_forward",
        "resets",
    )

    def __init__(self, warmup: int = 0, remembered: int = REMEMBERED) -> None:
        """Make one; it knows the last `remembered` replies from one that is received again."""
        self._warmup = warmup
        self._remembered = remembered
        self._warmed: tuple[int, int] | None = None
        """The highest request of the warm-up that has a reply, and the highest number of a reply."""
        self._block: Block | None = None
        self._stateful: bool | None = None
        self._seen: dict[int, set[int]] = {}
        # Of the blocks that have ended, and between them.
        self._forward = 0
        self._backward = 0
        self._unknown = dict.fromkeys(Unknown, 0)
        self.resets = 0
        """How often the reflector began to count anew."""
        self.repeated_forward = 0
        """Requests that arrived once more: each of their replies has a number of its own."""
        self.repeated_backward = 0
        """Replies that arrived once more, with the same number."""
        self._latest: tuple[int, int] | None = None
        """The highest request that has a reply, and the highest number of a reply."""
        self.overtaken_forward = 0
        """Requests that arrived after a later one (RFC 4737 section 3.3), of those whose reply was not overtaken."""
        self.overtaken_backward = 0
        """Replies that arrived after a later one."""

    @property
    def stateful(self) -> bool | None:
        """Whether the reflector numbers its replies; None while its numbers could as well be ours."""
        return self._stateful

    @property
    def heard(self) -> bool:
        """Whether there was a reply to a probe that counts."""
        return self._block is not None

    def replied(self, number: int, reply_number: int, *, stateful: bool | None = None, late: bool = False) -> None:
        """Take in a reply to request `number` with the reflector's own `reply_number`, 32 bits of it.

        `stateful`: whether the reflector numbers its replies, where that is known from elsewhere. `late`: the request
        had been given up.
        """
        if (reply_number - number) % _ERA:
            self._stateful = True
        elif stateful is not None and not self._stateful:
            self._stateful = stateful
        whole = self._unwrapped(reply_number)
        if number < self._warmup:
            first, reply_first = self._warmed or (-1, -1)
            self._warmed = max(first, number), max(reply_first, whole)
            return
        known = self._seen.setdefault(number, set())
        if reply_number in known:
            self.repeated_backward += 1
            return
        again = bool(known)
        self.repeated_forward += again
        known.add(reply_number)
        if len(self._seen) > self._remembered:
            del self._seen[next(iter(self._seen))]
        self._unknown[Unknown.LATE] += late and not again
        self._place(number, whole, again=again)
        if not again:
            self._order(number, whole)

    def _order(self, number: int, reply_number: int) -> None:
        """Count what was overtaken, and where."""
        latest, reply_latest = self._latest or (number, reply_number)
        if reply_number < reply_latest:
            self.overtaken_backward += 1
        else:
            self.overtaken_forward += number < latest
        self._latest = max(latest, number), max(reply_latest, reply_number)

    def _unwrapped(self, reply_number: int) -> int:
        """Return the number of which only 32 bits are sent: the one nearest to the latest."""
        if self._block is not None:
            near = self._block.reply_highest
        elif self._warmed is not None:
            near = self._warmed[1]
        else:
            return reply_number
        return near + (reply_number - near + _HALF) % _ERA - _HALF

    def _place(self, number: int, reply_number: int, *, again: bool) -> None:
        block = self._block
        if block is None:
            block = self._block = self._first(number, reply_number)
        elif number < block.first:
            return  # of a block that has ended
        elif not block.takes(number, reply_number):
            if number <= block.highest:
                block.add_unnumbered(again=again)
                return
            block = self._block = self._next(block, number, reply_number)
        block.add(number, reply_number, again=again)

    def _first(self, number: int, reply_number: int) -> Block:
        """Begin to count: a session of the reflector begins with ours, from 0."""
        first, reply_first = self._warmed or (-1, -1)
        if first + 1 == self._warmup:
            block = Block(first + 1, reply_first + 1, self._remembered)
            if block.takes(number, reply_number):
                return block
        # It counts on from a session with the same addresses, or the end of the warm-up has no reply.
        self._unknown[Unknown.UNANSWERED] += number - self._warmup
        return Block(number, reply_number, self._remembered)

    def _next(self, block: Block, number: int, reply_number: int) -> Block:
        """End a block, and begin the next with this reply."""
        forward, backward, unknown = block.lost()
        self._forward += forward
        self._backward += backward
        self._unknown[Unknown.INCONSISTENT] += unknown
        # A reflector that began anew has counted no more than was sent since the last reply.
        reply_number %= _ERA
        reset = reply_number < number - block.highest
        self.resets += reset
        self._latest = None
        self._unknown[Unknown.RESET if reset else Unknown.INCONSISTENT] += number - block.highest - 1
        return Block(number, reply_number, self._remembered)

    def lost(self) -> tuple[int, int, dict[Unknown, int]]:
        """Return what was lost there and back up to the last reply, and what in no known direction, by the reason."""
        forward, backward, unknown = (0, 0, 0) if self._block is None else self._block.lost()
        reasons = dict(self._unknown)
        reasons[Unknown.INCONSISTENT] += unknown
        return self._forward + forward, self._backward + backward, reasons


def loss_by_direction(sessions: Iterable[Directions], lost: int, dropped_here: int = 0) -> LossByDirection:
    """Divide all the probes that were lost in a run by what the numbers of its sessions say.

    To the numbers, a reply that this machine dropped is one that was lost on the way back, if a later one was received.
    """
    sessions = tuple(sessions)
    resets = sum(each.resets for each in sessions)
    if not lost:
        return LossByDirection(resets=resets)
    if not any(each.stateful for each in sessions):
        known = any(each.stateful is not None for each in sessions)
        heard = any(each.heard for each in sessions)
        reason = Unknown.STATELESS if known else Unknown.SAME_NUMBERS if heard else Unknown.UNANSWERED
        return LossByDirection(unknown=lost, reasons=(reason,), resets=resets)
    forward = backward = 0
    reasons: Counter[Unknown] = Counter()
    for each in sessions:
        there, back, unknown = each.lost()
        forward, backward = forward + there, backward + back
        reasons.update(unknown)
    backward -= min(backward, dropped_here)
    rest = lost - forward - backward
    if rest < 0:
        return LossByDirection(unknown=lost, reasons=(Unknown.UNSETTLED,), resets=resets)
    if rest > reasons.total():
        reasons[Unknown.UNANSWERED] += 1  # the last ones
    why = tuple(reason for reason in Unknown if reasons[reason]) if rest else ()
    return LossByDirection(forward=forward, backward=backward, unknown=rest, reasons=why, resets=resets)
