"""One connection's loop: time and bytes to the session, its probes to the link, and again.

The loop is always the same, whatever the transport: give up what is overdue, send what is due, sleep until the next
deadline. A link carries probes one way and hands what comes back to the flow; how it does that is its own affair.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from netecho.net.reactor.timer import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from netecho.measure.session import Session
    from netecho.net.client.link import Link

# How many probes leave in one go when the program is behind; then what has come in gets its turn.
_BURST = 32


class SessionDriver:
    """Drives one session over one link, which may be lost and replaced."""

    def __init__(
        self,
        reactor: Any,
        session: Session,
        *,
        spin: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
        redial: Callable[[SessionDriver], None] | None = None,
    ) -> None:
        """Make a flow; `redial` begins to get a new link when a probe is due and there is none."""
        self.session = session
        self.clock = clock
        self.link: Link | None = None
        self.done: Deferred[None] = Deferred()
        self._pacer = Pacer(reactor, self.pump, spin=spin, clock=clock)
        self._redial = redial
        self._dialling = False
        self._pumping = False

    def start(self, link: Link, now: int, phase: Fraction | int = 0) -> None:
        """Begin the run on `link`."""
        self.link = link
        self.session.start(now, phase)
        self.pump()

    def pump(self) -> None:
        """Give up what is overdue, and do what is to be done now."""
        if self._pumping or self.done.called:
            return
        now = self.clock()
        if self.session.expires(now):
            # We may be late ourselves: a reply that lies in the socket was not lost.
            if self.link is not None:
                self._pumping = True
                self.link.poll()
                self._pumping = False
            self.session.expire(now)
        self.proceed(now)

    def proceed(self, now: int) -> None:
        """Send what is due, and arm the timer for what is next. Whoever brings a reply calls this."""
        if self._pumping or self.done.called:
            return
        session = self.session
        self._pumping = True
        more = self._send(now)
        self._pumping = False
        if session.finished:
            self._finish()
            return
        if self._dialling:
            return  # nothing is outstanding, and what is due waits for the link
        armed = self._pacer.armed
        if armed is not None and session.closed_loop and not more:
            return  # only a timeout can be next, and none comes before the one the timer was set for
        deadline = self.clock() if more else session.next_deadline()
        # A timer that goes off early costs less than one that is set anew for each reply.
        if deadline is not None and (armed is None or deadline < armed):
            self._pacer.arm(deadline)

    def _send(self, now: int) -> bool:
        """Send what is due; return whether there is more of it."""
        session, clock = self.session, self.clock
        if self.link is None:
            if session.wants_link(now) and not self._dialling and self._redial is not None:
                self._dialling = True
                self._redial(self)
            return False
        for _ in range(_BURST):
            probe = session.due(now)
            if probe is None:
                break
            link = self.link
            if link is None:  # lost in sending the one before
                session.failed(probe, now)
                return False
            link.send(probe)
            now = clock()
        else:
            return True
        if session.stalled and self.link is not None:
            self.lost(self.link)
        return False

    def connected(self, link: Link) -> None:
        """Go on with a new link."""
        self._dialling = False
        if self.done.called:
            link.close()
            return
        self.link = link
        self.pump()

    def unreachable(self) -> None:
        """Learn that no new link was to be had: what is due by now is lost."""
        self._dialling = False
        if not self.done.called:
            self.session.unreachable(self.clock())
            self.pump()

    def lost(self, link: Link) -> None:
        """Learn that `link` is gone; what it owed is lost."""
        if link is not self.link or self.done.called:
            return
        self.link = None
        link.close()
        self.session.disconnected(self.clock())
        self.pump()

    def stop(self) -> None:
        """End the run here."""
        if self.link is not None and not self.done.called:
            self.link.poll()  # what has arrived by now was not on its way
        if not self.done.called:
            self.session.stop()
            self._finish()

    def _finish(self) -> None:
        self._pacer.close()
        self.done.callback(None)
