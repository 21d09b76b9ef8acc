"""Which TTL is due when, for one flow.

In a round every TTL is sent once, up to that of the target. While that is not known they leave one after the other,
so that few more are sent than there are hops; once it is, all at once. A target that does not answer is looked for
in the first round alone: later ones go a little further than what has answered.

Where a router sends packets by two ways in turns, and a round has an even number of them, each TTL would go the same
way in every round, and the turns would not be seen. So the order is another one each round, once the way is known.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netecho.trace.plan import Plan

BEYOND = 3
"""How many TTLs after the last that answered are still sent."""


class Schedule:
    """The rounds of one flow."""

    def __init__(self, plan: Plan, start: int, seed: int = 0) -> None:
        self._plan = plan
        self._random = Random(seed)
        self._first = self._begun = self._due = start
        self._sent = 0
        """How many were sent in this round; 0: it has not begun."""
        self._order: list[int] = []
        """The TTLs of this round; those after them, if any, follow by their number."""
        self.round = 0
        self.end: int | None = None
        """The TTL with which a packet reaches the target, or whoever refuses it."""
        self.heard = 0
        """The highest TTL that anybody answered."""
        self.over = False

    def next_deadline(self) -> int | None:
        """Return when something is due; None: no more."""
        return None if self.over else self._due

    def due(self, now: int, most: int | None = None) -> list[tuple[int, int]]:
        """Return what is to be sent by now, `most` at once: (round, TTL)."""
        found: list[tuple[int, int]] = []
        while not self.over and self._due <= now and len(found) != most:
            if self._sent == 0:
                self._begin_round(now)
            if (ttl := self._next_ttl()) is not None:
                self._sent += 1
                found.append((self.round, ttl))
                self._due = now + (0 if self.end or self._plan.one_at_a_time else self._plan.spacing)
            else:
                self._next_round(now)
        return found

    def begin(self, start: int) -> None:
        """Begin then, and not when it was made: nothing is due before."""
        self._first = self._begun = self._due = start

    def stop(self) -> None:
        """Send no more."""
        self.over = True

    def reached(self, ttl: int) -> None:
        """Note that a packet with this TTL has got to the end of the path."""
        self.heard = max(self.heard, ttl)
        self.end = ttl if self.end is None else min(self.end, ttl)

    def passed(self, ttl: int) -> None:
        """Note that a router has answered; one where the target was: the path has become longer."""
        self.heard = max(self.heard, ttl)
        if self.end is not None and ttl >= self.end:
            self.end = None

    def _begin_round(self, now: int) -> None:
        if now > self._begun + self._plan.interval:
            self._begun = now  # this process was stopped: what was missed is not caught up with
        self._order = [] if self.end is None else list(range(1, self.end + 1))
        self._random.shuffle(self._order)

    def _next_ttl(self) -> int | None:
        """Return what is next in this round; None: it is over."""
        if self._sent < len(self._order):
            return self._order[self._sent]
        # The way was known when the round began; where it has become longer, the round goes on.
        over = self._order and self.end is not None
        return None if over or self._sent >= self._last() else self._sent + 1

    def _last(self) -> int:
        plan = self._plan
        if self.end is not None:
            return self.end
        return plan.max_hops if self.round == 0 else min(self.heard + BEYOND, plan.max_hops)

    def _next_round(self, now: int) -> None:
        plan = self._plan
        self.round += 1
        self._sent = 0
        self._begun = self._due = max(self._begun + plan.interval, now)
        counted = bool(plan.rounds) and self.round >= plan.rounds
        self.over = counted or (plan.duration is not None and self._begun >= self._first + plan.duration)
