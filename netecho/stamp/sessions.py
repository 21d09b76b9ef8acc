"""What a Session-Reflector remembers: a bounded number of sessions, and of the seals it has seen.

Anyone can make either grow by writing to the reflector from made-up addresses, so each has a limit at which the
oldest is forgotten: a session in use is never the oldest.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Hashable

MOST = 16_384
IDLE = 900 * SECOND
"""How long a session is kept unused; TWAMP's REFWAIT (RFC 5357 section 4.2)."""
SEALS = 32_768


class Session:
    """One test session as its reflector sees it. Counts wrap on the wire, not here."""

    __slots__ = ("follow_sequence", "follow_stamp", "received", "reflected", "used")

    def __init__(self) -> None:
        self.used = 0
        self.received = 0
        self.reflected = 0
        """Replies sent: the sequence number of the next one, where the reflector is stateful."""
        self.follow_sequence = 0
        self.follow_stamp: int | None = None
        """When the reply of that number left, nanoseconds since 1970; None before the first."""


class Sessions:
    """The sessions in use, by whatever identifies one."""

    def __init__(self, most: int = MOST, idle: int = IDLE) -> None:
        self._most = most
        self._idle = idle
        self._known: OrderedDict[Hashable, Session] = OrderedDict()
        self.forgotten = 0
        """Sessions given up for others, because there were too many."""

    def __len__(self) -> int:
        return len(self._known)

    def find(self, identity: Hashable, now: int) -> Session:
        """Return the session, a new one where it is not known or was idle too long; `now` is any monotonic clock's."""
        known = self._known
        session = known.get(identity)
        if session is None or now - session.used > self._idle:
            session = known[identity] = Session()
            if len(known) > self._most:
                known.popitem(last=False)
                self.forgotten += 1
        session.used = now
        known.move_to_end(identity)
        return session


class Seals:
    """The seals of the latest packets, at least `most` and at most twice as many: a seal seen again is a replay.

    A seal covers the sender's sequence number and stamp, so no two packets of an honest sender share one.
    """

    def __init__(self, most: int = SEALS) -> None:
        self._most = most
        self._latest: set[bytes] = set()
        self._before: set[bytes] = set()

    def seen(self, seal: bytes) -> bool:
        """Tell whether this seal was shown before, and remember it."""
        if seal in self._latest or seal in self._before:
            return True
        if len(self._latest) >= self._most:
            self._before, self._latest = self._latest, set()
        self._latest.add(seal)
        return False
