"""What a Session-Reflector remembers: a bounded number of sessions, and of the HMACs it has seen.

Anyone can make either grow by writing to the reflector from forged addresses, so each has a limit. Of sessions there
are two kinds: new ones, of which one packet has arrived, and established ones, which sent again after they had been
answered. A flood of forged packets pushes out new sessions only. One that sends twice from each address fills what
room there is for established ones, but takes no place from a session that is in use.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Hashable

MOST_ESTABLISHED = 16_384
MOST_NEW = 32_768
"""Four seconds of 8,000 forged packets: time for the second packet of a session. All sessions together take 29 MB."""
IN_USE = 60 * SECOND
"""How long an established session keeps its place against others after its latest packet."""
IDLE = 900 * SECOND
"""How long a session is kept unused; TWAMP's REFWAIT (RFC 5357 section 4.2)."""
REMEMBERED_HMACS = 32_768


class Session:
    """One test session as its reflector sees it. Counts wrap on the wire, not here."""

    __slots__ = ("control", "follow_sequence", "follow_stamp", "received", "reflected", "used")

    def __init__(self) -> None:
        self.used = 0
        self.received = 0
        self.reflected = 0
        """Replies sent: the sequence number of the next one, where the reflector is stateful."""
        self.follow_sequence = 0
        self.control: int | None = None
        """The sender's number of the latest request for other replies than one like it; None before the first."""
        self.follow_stamp: int | None = None
        """When the reply of that number left, nanoseconds since 1970; None before the first."""


class Sessions:
    """The sessions in use, by what identifies one."""

    def __init__(self, most_established: int = MOST_ESTABLISHED, most_new: int = MOST_NEW) -> None:
        self._most_established = most_established
        self._most_new = most_new
        # Each in the order of their latest packets.
        self._established: OrderedDict[Hashable, Session] = OrderedDict()
        self._new: OrderedDict[Hashable, Session] = OrderedDict()
        self.forgotten = 0
        """Sessions given up for others, because there were too many."""

    def __len__(self) -> int:
        return len(self._established) + len(self._new)

    def find(self, identity: Hashable, now: int) -> Session:
        """Return the session of a packet, a new one where it is not known or was idle too long.

        `now` is any monotonic clock's nanoseconds.
        """
        session = self._established.get(identity)
        if session is not None:
            if now - session.used > IDLE:
                session = self._established[identity] = Session()
            self._established.move_to_end(identity)
        else:
            session = self._new.pop(identity, None)
            if session is None or now - session.used > IDLE:
                self._add_new(identity, session := Session())
            elif self._has_room(now):
                self._established[identity] = session
            else:
                self._add_new(identity, session)
        session.used = now
        return session

    def _add_new(self, identity: Hashable, session: Session) -> None:
        self._new[identity] = session
        if len(self._new) > self._most_new:
            self._new.popitem(last=False)
            self.forgotten += 1

    def _has_room(self, now: int) -> bool:
        """Tell whether there is room for one more established session; make it where the oldest is not in use."""
        established = self._established
        if len(established) < self._most_established:
            return True
        oldest = next(iter(established), None)
        if oldest is None or now - established[oldest].used <= IN_USE:
            return False
        del established[oldest]
        self.forgotten += 1
        return True


class RecentHmacs:
    """The HMACs of the latest packets, at least `most` and at most twice as many: one that is seen again is a replay.

    An HMAC covers the sender's sequence number and timestamp, so no two packets of an honest sender share one.
    """

    def __init__(self, most: int = REMEMBERED_HMACS) -> None:
        self._most = most
        self._latest: set[bytes] = set()
        self._before: set[bytes] = set()

    def seen(self, hmac: bytes) -> bool:
        """Tell whether this HMAC was seen before, and remember it."""
        if hmac in self._latest or hmac in self._before:
            return True
        if len(self._latest) >= self._most:
            self._before, self._latest = self._latest, set()
        self._latest.add(hmac)
        return False
