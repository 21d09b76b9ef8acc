"""In which direction a target's probes were lost, booked once for each: counters never go back.

What the reflector's numbers say (`measure.oneway.loss`) is known when a reply comes after the loss, and may change
while replies overtake each other. So a probe that was lost waits for its direction, up to two slots; then it counts as
`unknown`, and stays so. In an outage that is nearly all of them: an alert must not wait for its end.

What the numbers tell later of probes that were booked as unknown is set aside, so that it is not taken for the
direction of another. Up to as many as are in flight, it may as well be about those, which are not lost yet. It is told
beside the counters (`located`): a history, which may be written to again, has those losses with their direction.

A probe for which a router or the host sent an ICMP error did not reach the reflector: that is known at once, and once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from netecho.measure.oneway.loss import Directions


class Lost(NamedTuple):
    """Probes that were lost, by the direction."""

    forward: int = 0
    backward: int = 0
    unknown: int = 0


class Located(NamedTuple):
    """Probes of which it became known where they were lost."""

    forward: int = 0
    backward: int = 0

    def plus(self, other: Located) -> Located:
        """Return the sum."""
        return Located(self.forward + other.forward, self.backward + other.backward)

    def minus(self, other: Located) -> Located:
        """Return what there is without the other's."""
        return Located(self.forward - other.forward, self.backward - other.backward)

    def shared(self, room: int) -> Located:
        """Return as many of them as there is room for, of each direction the same share."""
        told = self.forward + self.backward
        if told <= room:
            return self
        there = round(room * self.forward / told)
        return Located(there, room - there)


class LossDirections:
    """Books the losses of one target, whose sessions come one after the other."""

    __slots__ = ("_aside", "_ended", "_explained", "_old", "_session", "_uncounted", "booked", "located")

    def __init__(self, lost: int = 0) -> None:
        """Make one; so many were lost before there was a session."""
        self.booked = Lost(unknown=lost)
        self.located = Located()
        """Of those that are booked as unknown, what was told of them later."""
        self._explained = 0
        """Losses that an ICMP error told of, of all sessions..."""
        self._uncounted = 0
        """...and of this one those that its numbers have not told of as well."""
        self._session: Directions | None = None
        self._ended = (0, 0)
        """What the numbers of the sessions that are over said, there and back."""
        self._aside = (0, 0)
        """Of what all of them say, what is about probes that were booked as unknown."""
        self._old = 0
        """How many of those that wait did so at the end of the last slot."""

    def begin(self, session: Directions) -> None:
        """Go on with another session."""
        self._ended = self._told()
        self._uncounted = 0
        self._session = session

    def explain(self) -> None:
        """Book a loss that an ICMP error told of: its request did not arrive."""
        self._explained += 1
        self._uncounted += 1
        self._book(forward=1)

    @property
    def stateful(self) -> bool | None:
        """Whether the reflector numbers its replies; None while that is not known."""
        return None if self._session is None else self._session.stateful

    def _told(self) -> tuple[int, int]:
        """Return what the numbers of all sessions say."""
        forward, backward = self._ended
        if self._session is None or not self._session.stateful:
            return forward, backward
        there, back, _ = self._session.lost()
        return forward + there, backward + back

    def settle(self, lost: int, *, in_flight: int, dropped_here: int = 0, slot_ended: bool = False) -> None:
        """Book what can be, of `lost` probes so far; so many are in flight, and of so many the reply dropped here."""
        waiting = lost - sum(self.booked)
        forward, backward = self._new(dropped_here)
        if forward or backward:
            # Of more than wait, a part is about others.
            there, back = Located(forward, backward).shared(waiting)
            self._book(forward=there, backward=back)
            waiting -= there + back
            self._set_aside(forward - there, backward - back, in_flight)
        self._old = min(self._old, waiting)
        if slot_ended or self.stateful is False:
            self._book(unknown=waiting if self.stateful is False else self._old)
            self._old = lost - sum(self.booked)

    def _new(self, dropped_here: int) -> tuple[int, int]:
        """Return what the numbers say that is neither booked nor set aside."""
        forward, backward = self._told()
        backward -= min(backward, dropped_here)  # to the numbers that is lost on the way back
        numbered = self.booked.forward - self._explained
        new = (forward - numbered - self._aside[0], backward - self.booked.backward - self._aside[1])
        known = min(self._uncounted, max(new[0], 0))
        if known:  # by an ICMP error already
            self._uncounted -= known
            self._aside = (self._aside[0] + known, self._aside[1])
            new = (new[0] - known, new[1])
        # Less than before: a reply came late, so what was booked for it stands, and the next loss is a new one.
        self._aside = (self._aside[0] + min(new[0], 0), self._aside[1] + min(new[1], 0))
        return max(new[0], 0), max(new[1], 0)

    def _book(self, *, forward: int = 0, backward: int = 0, unknown: int = 0) -> None:
        before = self.booked
        self.booked = Lost(before.forward + forward, before.backward + backward, before.unknown + unknown)

    def _set_aside(self, forward: int, backward: int, in_flight: int) -> None:
        told = Located(forward, backward)
        others = told.shared(max(0, sum(told) - in_flight))
        self._aside = (self._aside[0] + others.forward, self._aside[1] + others.backward)
        self.located = self.located.plus(others.shared(self.booked.unknown - sum(self.located)))
