"""One connection's loop: time and bytes to the session, its probes to the link, its events to the reporter, and again.

The loop is always the same, whatever the transport: give up what is overdue, send what is due, hand on what happened,
sleep until the next deadline. A link carries probes one way and feeds the session with what is received.

Anything may happen inside anything: a send finds the connection lost, a refusal ends the run, a failed attempt to
connect is known before the call returns. So an input changes the state and leaves the rest to the pass that is under
way, if there is one; only the outermost pass ends the run. `tests/net/client/test_driver_orders.py` walks all orders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from netecho.measure.loss_reason import Loss, LossReason
from netecho.net.reactor.timer import Pacer
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from netecho.measure.events import Event
    from netecho.measure.probe import Probe
    from netecho.measure.session import Session
    from netecho.net.client.link import Link
    from netecho.net.reactor.timer import Timer

# How many probes leave in one pass when the program is behind; then what was received has its turn.
_BURST = 32
_STALLED = Loss(LossReason.STALLED)
SUSPENDED = SECOND
"""So much later than it should have run, this process was stopped (by a debugger, a freezer), or its machine was, or
slept: the lateness of a busy machine is in `lag`, and mostly far below. Of a stop by a signal there is word, see
`continued`, and no time is too short."""
_NEVER = 1 << 62


class SessionDriver:
    """Drives one session over one link, which may be lost and replaced."""

    def __init__(
        self,
        timer: Timer,
        session: Session,
        *,
        report: Callable[[Event], None] = lambda _: None,
        redial: Callable[[SessionDriver], None] | None = None,
    ) -> None:
        """Make a driver; `report` is called with each event, `redial` begins to connect when a probe is due."""
        self.session = session
        self.clock = timer.clock
        self.link: Link | None = None
        self.done: Deferred[None] = Deferred()
        self._report = report
        self._pacer = Pacer(timer, self.pump)
        self._redial = redial
        self.dialling = False
        """Whether a new link has been asked for and has not come yet."""
        self._due = _NEVER
        """When the next pass is to be, at the latest."""
        self._continued_at = 0
        """When this process last went on after a stop."""
        self._busy = False
        """Whether a pass is under way."""
        self._stopped = False
        self._lost_by: Loss | None = None
        """Why there is no link."""
        self.settled_at: int | None = None
        """When the last probe was settled; None: not yet."""
        self._listens_until = 0
        """How long something is waited for that nobody asked for, once all probes are settled."""

    def start(self, link: Link | None, now: int, phase: Fraction | int = 0) -> None:
        """Begin the run on `link`; without one, the first probe that is due asks for it."""
        self.link = link
        at = self.clock()  # later than `now` where thousands begin together, which is no stop
        self._due = now if self._continued_at > now else at
        self.session.start(now, phase)
        self.pump()

    def pump(self) -> None:
        """Give up what is overdue, and do what is to be done now."""
        if self._busy or self.done.called:
            return
        now = self.clock()
        if self._due < self._continued_at or now - self._due > SUSPENDED:
            now = self._suspended()
        if self.session.expires(now):
            # We may be late ourselves: a reply that lies in the socket was not lost.
            self.poll()
            self.session.expire(now)
        self._pass(now)

    def replied(self, now: int) -> None:
        """Send what a reply has made due, and hand on what happened: mostly that is nothing, and the timer is set."""
        if self._busy or (now < self._due and self.session.goes_by_time and self.link is not None):
            return
        if self.done.called:
            self._report_events()  # other connections of the run are not done, and this one is still open
            return
        if self._due < self._continued_at or now - self._due > SUSPENDED:
            now = self._suspended()
        self._pass(now)

    def _pass(self, now: int) -> None:
        session = self.session
        self._busy = True
        more = self._send(now)
        finished = session.finished
        if finished and self._has_listened(now):
            self._settle()
        events = session.events()
        if events:
            for event in events:
                self._report(event)
            finished = session.finished  # whoever is told may end the run
        self._busy = False
        if finished:
            self._listen_or_end(now)
            return
        if self.dialling:
            self._due = _NEVER
            return  # nothing is outstanding, and what is due waits for the link
        armed = self._pacer.armed
        if armed is not None and session.closed_loop and not more:
            return  # only a timeout can be next, and none comes before the one the timer was set for
        deadline = self.clock() if more else session.next_deadline()
        # A timer that goes off early costs less than one that is set anew for each reply.
        if armed is None or (deadline is not None and deadline < armed):
            self._pacer.arm(deadline)
            # What was due before now was held back, by a peer that took no more: that is no stop of this process. And
            # what is still to be sent is due from now on, so that a stop that came later in this pass is noticed.
            self._due = _NEVER if deadline is None else now if more else max(deadline, now)

    def _report_events(self) -> None:
        for event in self.session.events():
            self._report(event)

    def _listen_or_end(self, now: int) -> None:
        """End the run of this connection, or wait for what may come behind the last reply."""
        self._due = _NEVER
        over = self._has_listened(now)
        self._pacer.arm(None if over else self._listens_until)
        if over:
            self.done.callback(None)

    def _has_listened(self, now: int) -> bool:
        """Return whether what may still come behind the last reply would have been here by now."""
        if self.settled_at is None:
            self.settled_at = now
            self._listens_until = now + self.session.duplicate_wait()
        cannot_come = self._stopped or self.link is None or not self.link.stays_open
        return cannot_come or now >= self._listens_until

    def _settle(self) -> None:
        """Account for what was received to the end: a duplicate behind the last reply, bytes that answer nothing."""
        if self.link is not None and not self._stopped:
            self.link.poll()
        if self.link is not None:  # it may have turned out to be gone
            self.link.settle()

    def _suspended(self) -> int:
        """Skip what was due while this process was stopped; what was received meanwhile counts. Return the time.

        The stop may have come after the caller had read the clock.
        """
        now, armed = self.clock(), self._pacer.armed
        since, self._due = self._due, _NEVER if armed is None else max(armed, now)
        if not self.session.closed_loop:
            self.session.suspended(since, now)
        return now

    def continued(self) -> None:
        """Take in that this process goes on after a stop: called in the signal's handler, so amid anything."""
        self._continued_at = at = self.clock()
        self.session.continued(at)

    def poll(self) -> None:
        """Have the link read what was received, without sending meanwhile."""
        if self.link is not None and not self.done.called:
            busy, self._busy = self._busy, True
            self.link.poll()
            self._busy = busy

    def _send(self, now: int) -> bool:
        """Send what is due; return whether there is more of it."""
        session, clock = self.session, self.clock
        for _ in range(_BURST):
            link = self.link
            if link is None:
                if self.dialling or self._redial is None or not session.wants_link(now):
                    return False
                self.dialling = True
                self._redial(self)
                continue
            probe = session.due(now)
            if probe is None:
                break
            link.send(probe)
            if link is not self.link or self._stopped:
                self._interrupted(probe)
            before, now = now, clock()
            if self._continued_at > before:
                return False  # stopped in this pass: what was due since is for the next one, which skips it
        else:
            return True
        if session.stalled and self.link is not None:
            self.lost(self.link, _STALLED)
        return False

    def _interrupted(self, probe: Probe) -> None:
        """Settle a probe that was recorded as sent after its sending had ended the link or the run."""
        if self._stopped:
            self.session.stop()
        elif self._lost_by is not None:
            self.session.gave_up(probe.index, self.clock(), self._lost_by)

    def connected(self, link: Link) -> None:
        """Go on with a new link."""
        self.dialling = False
        if self._stopped or self.done.called:
            link.close()
            return
        self.link = link
        self.pump()

    def unreachable(self, why: Loss) -> None:
        """Continue without a link, as none could be opened: what is due by now is lost."""
        self.dialling = False
        if not self._stopped and not self.done.called:
            self.session.unreachable(self.clock(), why)
            self.pump()

    def lost(self, link: Link, why: Loss) -> None:
        """Handle the end of `link`: what was outstanding on it is lost."""
        if link is not self.link or self._stopped or self.done.called:
            return
        self.link, self._lost_by = None, why
        link.settle()
        link.close()
        self.session.disconnected(self.clock(), why)
        self.pump()

    def stop(self, *, poll: bool = True) -> None:
        """End the run here; what has been received by now still counts."""
        if self._stopped or self.done.called:
            return
        if poll and not self._busy:
            self.poll()
        self._stopped = True
        now = self.clock()
        self.session.expire(now)
        if self.link is None and self._lost_by is not None:
            self.session.disconnected(now, self._lost_by)  # a probe whose own sending found the link gone
        self.session.stop()
        self.pump()
