"""The state of one connection's run: which probes are due, and which are outstanding.

A session is a value that is fed and asked. It has no clock and no socket: times come in as integer nanoseconds of
one monotonic clock (`now`, `at`), kernel timestamps as nanoseconds of the wall clock (`tx_timestamp`, `rx_timestamp`),
and the two are never mixed. The driver's loop is always the same: feed what was received, `expire`, send what is
`due`, take the `events`, sleep until the `next_deadline`. Events are taken by the driver after sending, never handed
out from here, so that a slow reader of them does not delay a send.

Two rules hold here and in `outcomes`, which judges what became of each probe. Whatever decides a figure of the summary
is decided in these two, and passed to the recorder. And nothing may grow with the number of probes: what is outstanding
is bounded by rate and timeout, what was settled is remembered in rings of a fixed size.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from netecho.measure.outcomes import Outcomes
from netecho.measure.probe import Probe
from netecho.measure.schedule import offsets
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    from netecho.measure.events import Event, OneWayDelays
    from netecho.measure.loss_reason import Loss
    from netecho.measure.plan import Plan
    from netecho.measure.recording import Recording

# In a closed loop the end of one probe is the beginning of the next. A connection that fails or is closed must not
# make that a flood of connections.
_RETRY = 200 * MILLISECOND


DUPLICATE_WAIT = 3 * MILLISECOND
"""The least time after the last reply in which a duplicate of it is waited for."""
_ROUND_TRIPS = 2
"""What is waited on a longer path: what was sent twice arrives within that, wherever it was doubled."""


class Session:
    """Decides when probes leave and when they are given up."""

    def __init__(self, plan: Plan, recorder: Recording, *, connection: int = 0, follows: bool = True) -> None:
        """Make one; its events have every reply if somebody `follows`, else only what is out of the ordinary."""
        self._plan = plan
        self._recorder = recorder
        self._outcomes = Outcomes(plan, recorder, connection=connection, follows=follows)
        self.events: Callable[[], Sequence[Event]] = self._outcomes.events
        """Returns what happened since this was last asked, each event once."""
        self._warmup = plan.warmup
        self._timeout = plan.timeout
        self.closed_loop = plan.interval == 0
        """Whether the end of one probe is the beginning of the next."""
        self._window = plan.window or (1 if self.closed_loop else None)
        self._limit = None if plan.count is None else plan.count + plan.warmup
        self._sizes = plan.sizes
        self._start = 0
        self._next = 0
        self._stop_at: int | None = None
        self._sending = False
        self._paused = False
        self._held_back = False
        self._order: deque[int] = deque()
        self.outstanding: dict[int, Probe] = {}
        self.issued = 0

    def opened(self, local: tuple[str, int] | None) -> None:
        """Set the address and port that the probes leave from; None where each has its own, or none."""
        self._outcomes.opened(local)

    def start(self, now: int, phase: Fraction | int = 0) -> None:
        """Begin at `now`; the first probe is due `phase` nanoseconds later."""
        self._start = now
        self._outcomes.start(now)
        self._sending = self._limit is None or self._limit > 0
        if self._plan.duration is not None:
            self._stop_at = now + self._plan.duration
        if self.closed_loop:
            self._next = now + int(phase)
        else:
            self._offsets = offsets(self._plan, phase)
            self._next = now + next(self._offsets)
        self._close_if_over(self._next)

    @property
    def finished(self) -> bool:
        """Whether all probes were sent and each is settled."""
        return not self._sending and not self.outstanding

    def duplicate_wait(self) -> int:
        """Return how long to go on listening when all probes are settled: for duplicates, and what nobody asked for.

        That is twice the median round trip, at least `DUPLICATE_WAIT`, and at most the timeout.
        """
        typical = self._recorder.median_rtt() or 0
        return min(max(DUPLICATE_WAIT, _ROUND_TRIPS * typical), self._timeout)

    @property
    def one_at_a_time(self) -> bool:
        """Whether the whole run has but one probe on its way at a time, for whose reply the next one waits."""
        return self.closed_loop and self._window == 1 and self._plan.connections == 1

    @property
    def sending(self) -> bool:
        """Whether there are probes still to be sent."""
        return self._sending

    def due(self, now: int) -> Probe | None:
        """Return the next probe if it is to leave now; the driver sends it and calls `sent` or `failed`."""
        if not self._sending or now < self._next:
            return None
        over = self._stop_at is not None and now >= self._stop_at
        if over and self.closed_loop:
            self._sending = False
            return None
        if self._blocked:
            # What is due and late still leaves after the run's time; what is held back by the peer does not.
            if over:
                self._sending = False
            elif not self._held_back and not self.closed_loop:
                self._held_back = True
                if self.issued >= self._warmup:
                    self._recorder.waited()
            return None
        self._held_back = False
        index = self.issued
        self.issued = index + 1
        probe = Probe(index, self._next, self._sizes[index % len(self._sizes)])
        if not self.closed_loop:
            self._next = self._start + next(self._offsets)
        self._close_if_over(self._next)
        return probe

    def _close_if_over(self, scheduled: int) -> None:
        if (self._limit is not None and self.issued >= self._limit) or (
            self._stop_at is not None and scheduled >= self._stop_at
        ):
            self._sending = False

    def replies_are_merged(self) -> None:
        """Take in that the system merges replies that are not read, and has the time of the last of them."""
        self._outcomes.merged = True

    def continued(self, at: int) -> None:
        """Take in that this process went on at `at` after a stop: what was on its way then has no time by our clock.

        This sets one number, as it is called amid anything.
        """
        self._outcomes.continued_at = at

    def suspended(self, since: int, now: int) -> None:
        """Skip what was due from `since` to `now`, when this process was stopped: it is neither sent late nor lost.

        To send it all at once would measure the burst. The numbers of the probes go on, a count is so many fewer.
        """
        skipped = 0
        while self._sending and not self.closed_loop and self._next < now:
            skipped += 1
            self._next = self._start + next(self._offsets)
            if self._limit is not None:
                self._limit -= 1
            self._close_if_over(self._next)
        self._recorder.not_sent(skipped, now - since)

    def sent(self, probe: Probe, at: int) -> None:
        """Record that `probe` left at `at`, by the program's clock just before the system was asked to send."""
        probe.sent_at = at
        index = probe.index
        outstanding, order = self.outstanding, self._order
        while order and order[0] not in outstanding:
            order.popleft()  # settled: in a loop that is never late, nothing else clears them away
        outstanding[index] = probe
        order.append(index)
        self._outcomes.sent(probe)

    def failed(self, probe: Probe, at: int, why: Loss) -> None:
        """Record that the system would not send `probe`: it counts as sent, and as lost at once."""
        self.sent(probe, at)
        self._outcomes.lost(self.outstanding.pop(probe.index), at, why)
        if self.closed_loop:
            self._next = at + _RETRY

    def answered(
        self,
        index: int,
        now: int,
        rx_timestamp: int | None = None,
        wrong_at: int | None = None,
        *,
        since: int | None = None,
        kept: int = 0,
        delays: OneWayDelays | None = None,
    ) -> None:
        """Record a reply to probe `index`: read by the program at `now`, received by the kernel at `rx_timestamp`.

        `since` is when the request left, where the probe began earlier: with connecting. `kept` is how long the far end
        had it by its own timestamps, which is no part of the rtt; `delays` is what they make of each direction.
        """
        probe = self.outstanding.pop(index, None)
        if probe is None:
            self._outcomes.answered_again(index, now)
            return
        if self.closed_loop:
            self._next = now
        self._outcomes.answered(probe, now, rx_timestamp, wrong_at, since, kept, delays)

    def begin_closed_loop(self) -> tuple[Probe | None, int | None, float]:
        """Hand a closed loop to the transport, which reports each round, and gives it back by `end_closed_loop`.

        Returns the one probe that is on its way (None: there is none, or it is not the only one of the run), the number
        that is not to be reached, and when to stop.
        """
        probe = None
        if self.one_at_a_time and self._sending and not self._paused and len(self.outstanding) == 1:
            (probe,) = self.outstanding.values()
        return probe, self._limit, inf if self._stop_at is None else self._stop_at

    def record_closed_loop(self, probe: Probe, now: int, rx_timestamp: int | None) -> None:
        """Record a round of a closed loop that the transport runs: the probe left, and was answered at `now`."""
        outcomes = self._outcomes
        if self.outstanding:
            self.outstanding.clear()  # of the one that was on its way as the loop began
        else:
            outcomes.sent(probe)  # it was sent by the loop, outside of `due` and `sent`
            self.issued = probe.index + 1
        outcomes.answered(probe, now, rx_timestamp)

    def end_closed_loop(self, index: int, probe: Probe | None, now: int) -> None:
        """End a closed loop: `probe`, with number `index`, is outstanding; or none is, and that one is due at `now`."""
        if probe is None:
            self.issued = index
            self._next = now
            self._close_if_over(now)
        else:
            self.issued = index + 1
            self.sent(probe, probe.sent_at)
            self._close_if_over(probe.scheduled)

    def clock_was_set(self) -> None:
        """Forget the timestamps of what is outstanding: the wall clock was set since, they cannot be compared."""
        for probe in self.outstanding.values():
            probe.tx_timestamp = None

    def error_reported(self, why: Loss, now: int) -> None:
        """Record that the network reported an error about one of the datagrams sent, without saying which.

        Nothing is lost by that, a reply may yet come; but probes that were outstanding then and time out have a reason.
        """
        self._outcomes.error_reported(why, now)

    def gave_up(self, index: int, now: int, why: Loss) -> None:
        """Lose probe `index` before its timeout: no reply can come any more."""
        probe = self.outstanding.pop(index, None)
        if probe is not None:
            self._outcomes.lost(probe, now, why)
            if self.closed_loop:
                self._next = now + _RETRY

    def dropped_here(self, count: int, now: int) -> None:
        """Take in datagrams that this machine's receive buffer had no room for: before probes are given up."""
        if count > 0:
            self._outcomes.dropped_here(count, now)

    def stray(self, data: bytes, size: int | None = None) -> None:
        """Record bytes that answer no probe; `size` where the bytes are not known."""
        self._outcomes.stray(data, size)

    def expires(self, now: int) -> bool:
        """Return whether `expire` would give a probe up."""
        at = self._oldest_expires()
        return at is not None and now >= at

    def _oldest_expires(self) -> int | None:
        order, outstanding = self._order, self.outstanding
        while order:
            oldest = outstanding.get(order[0])
            if oldest is not None:
                return oldest.sent_at + self._timeout
            order.popleft()
        return None

    def wants_link(self, now: int) -> bool:
        """Return whether a probe is due, so that a connection is needed."""
        return self._sending and now >= self._next

    def expire(self, now: int) -> None:
        """Give up what was sent longer than the timeout ago."""
        while self.expires(now):
            self._outcomes.timed_out(self.outstanding.pop(self._order.popleft()), now)
            if self.closed_loop:
                self._next = now

    def next_deadline(self) -> int | None:
        """Return when `due` or `expire` will next have something to do; None: not before something comes in."""
        expires = self._oldest_expires()
        if not self._sending:
            return expires
        sends = self._stop_at if self._blocked else self._next
        if expires is None or sends is None:
            return sends if expires is None else expires
        return min(sends, expires)

    @property
    def goes_by_time(self) -> bool:
        """Whether nothing is to be done before the next deadline, now that a reply was recorded.

        Sends are neither over nor held back by a window or by the connection, and nobody is to be told of anything.
        """
        return self._sending and self._window is None and not self._paused and not self._outcomes.unreported

    @property
    def _blocked(self) -> bool:
        return self._paused or (self._window is not None and len(self.outstanding) >= self._window)

    @property
    def stalled(self) -> bool:
        """Whether sends are paused by a connection on which no reply is outstanding any more."""
        return self._paused and not self.outstanding

    def pause(self) -> None:
        """Pause the sends: the connection takes no more bytes for now."""
        self._paused = True

    def resume(self) -> None:
        """Send again: the connection takes bytes."""
        self._paused = False

    def disconnected(self, now: int, why: Loss) -> None:
        """Give up what is outstanding: the connection that it was sent on is gone."""
        self._paused = False
        for probe in list(self.outstanding.values()):
            self._outcomes.lost(probe, now, why)
        self.outstanding.clear()
        self._order.clear()
        if self.closed_loop:
            self._next = now + _RETRY

    def unreachable(self, now: int, why: Loss) -> None:
        """Lose every probe that is due by now: it would have left, but no connection could be made."""
        while (probe := self.due(now)) is not None:
            self.failed(probe, now, why)

    def stop(self) -> None:
        """End the run here: what is in flight is neither received nor lost."""
        self._sending = False
        self._recorder.pending(sum(index >= self._warmup for index in self.outstanding))
        self.outstanding.clear()
        self._order.clear()
