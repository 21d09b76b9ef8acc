"""Counting one target's probes: what `measure.recorder` is for one run, in a few kilobytes and without an end.

Counts go on for as long as the target is watched, whatever becomes of its connections: they are what Prometheus
scrapes. The coarse histograms are those of the slot under way, and are taken by `take_slot`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.measure.loss_reason import ON_THIS_SIDE, TIMED_OUT, Loss, LossReason
from netecho.measure.outages import Outages, OutageTracker
from netecho.measure.recorder import Flow
from netecho.monitor.buckets import Buckets
from netecho.monitor.directions import Located, LossDirections, Lost
from netecho.monitor.histogram import CoarseHistogram
from netecho.monitor.oneway import TargetOneWay
from netecho.monitor.state import Failed, State
from netecho.monitor.windows import Counts, OneWay, Slot

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from netecho.measure.oneway.delays import Choice, OneWaySummary
    from netecho.measure.settled import SettledProbes
    from netecho.measure.summary import Summary
    from netecho.monitor.state import TargetState

WORDS = {
    LossReason.TIMEOUT: "no answer",
    LossReason.REFUSED: "refused",
    LossReason.RESET: "the connection was reset",
    LossReason.CLOSED: "the connection was closed",
    LossReason.STALLED: "it takes no more bytes",
    LossReason.TLS_ALERT: "TLS failed",
    LossReason.ICMP_UNREACHABLE: "ICMP unreachable",
    LossReason.ICMP_TTL: "ICMP TTL exceeded",
    LossReason.NO_ROUTE: "no route",
    LossReason.NO_SOCKET: "nothing is at the path of the socket",
    LossReason.NOT_CONNECTED: "no connection in time",
    LossReason.REJECTED: "rejected",
}
"""Why there was no answer, in words."""
_REACHED = frozenset({LossReason.TIMEOUT, LossReason.STALLED})
"""Reasons that do not say that the target cannot be reached."""
_NOT_ARRIVED = frozenset({LossReason.REFUSED, LossReason.ICMP_UNREACHABLE, LossReason.ICMP_TTL, LossReason.NO_ROUTE})
"""Of datagrams: reasons that say that the request was lost on the way there."""


def _words(why: Loss) -> str:
    """Return why a target has no answer, for people: an ICMP message says all by itself."""
    words = WORDS.get(why.reason, str(why.reason))
    if not why.detail:
        return words
    return why.detail if why.detail.startswith("ICMP") else f"{words}: {why.detail}"


class _NoTimeline:
    """Windows are made by when a probe's fate became known, not by when it was scheduled."""

    def replied(self, scheduled: int, rtt: int) -> None:
        """Do nothing."""

    def lost(self, scheduled: int) -> None:
        """Do nothing."""


_NO_TIMELINE = _NoTimeline()


class Directions:
    """What each direction of a target came to; only where the far end stamps too."""

    __slots__ = ("_before", "_coarse", "backward", "clock", "forward", "losses")

    def __init__(self, lost: int) -> None:
        self.losses = LossDirections(lost)
        self.forward = Buckets()
        self.backward = Buckets()
        self.clock: Literal["synced", "estimated"] | None = None
        """Whether the latest delays are as stamped, or corrected by the estimated offset."""
        self._coarse = CoarseHistogram(), CoarseHistogram()
        self._before = self._told

    def replied(self, forward: int, backward: int, clock: Literal["synced", "estimated"]) -> None:
        """Count one probe's delays."""
        self.clock = clock
        for value, buckets, coarse in zip(
            (forward, backward), (self.forward, self.backward), self._coarse, strict=True
        ):
            buckets.record(value)
            coarse.record(value)

    def slot(self, lost: int) -> OneWay:
        """Return what was counted since `take_slot` was last called; so many were lost since then."""
        told = self._told.minus(self._before)
        own = told.shared(lost)
        forward, backward = self._coarse
        return OneWay(*own, forward.packed(), backward.packed(), earlier=told.minus(own))

    @property
    def _told(self) -> Located:
        """What is known so far of where probes were lost."""
        booked = self.losses.booked
        return self.losses.located.plus(Located(booked.forward, booked.backward))

    def take_slot(self) -> None:
        """Begin anew."""
        self._before = self._told
        self._coarse = CoarseHistogram(), CoarseHistogram()


@dataclass(slots=True)
class Phases:
    """What the connections of a target took; only for those that make some."""

    connect: Buckets | None = None
    tls: Buckets | None = None
    resolve: Buckets | None = None

    def record(self, phase: str, took: int) -> None:
        """Count one."""
        buckets: Buckets | None = getattr(self, phase)
        if buckets is None:
            buckets = Buckets()
            setattr(self, phase, buckets)
        buckets.record(took)


class TargetRecorder:
    """The counts of one target, and its state; a `measure.recording.Recording`. Times in nanoseconds."""

    __slots__ = (
        "_abandoned",
        "_before",
        "_corrupt",
        "_dropped_here",
        "_duplicate",
        "_lag",
        "_late",
        "_lost",
        "_minute",
        "_outages",
        "_received",
        "_reordered",
        "_response",
        "_rtt",
        "_sent",
        "by_direction",
        "explained",
        "losses",
        "phases",
        "response",
        "rtt",
        "state",
        "timeline",
    )

    def __init__(self, state: TargetState, lag: Buckets, minute: Callable[[], Summary]) -> None:
        """Make one; `lag` is shared by all targets: the lateness is the instrument's own."""
        self.state = state
        self.rtt = Buckets()
        self.response = Buckets()
        self.phases = Phases()
        self.by_direction: Directions | None = None
        """None where the far end does not stamp."""
        self.explained: str | None = None
        """Why there is no connection, in a sentence; None where there is one."""
        self.losses: dict[LossReason, int] = {}
        self.timeline = _NO_TIMELINE
        self._lag = lag
        self._minute = minute
        self._outages = Outages()
        self._rtt = CoarseHistogram()
        self._response = CoarseHistogram()
        self._before = Counts()
        self._sent = self._received = self._lost = self._dropped_here = 0
        self._late = self._duplicate = self._reordered = self._corrupt = 0
        self._abandoned = 0
        """In flight when their session ended."""

    @property
    def counts(self) -> Counts:
        """All probes so far."""
        return Counts(
            self._sent,
            self._received,
            self._lost,
            self._dropped_here,
            self._late,
            self._duplicate,
            self._reordered,
            self._corrupt,
        )

    @property
    def lost_by_direction(self) -> Lost:
        """All probes that were lost so far, as counters have them: none goes back.

        For a moment they are less than were lost, where a direction is waited for.
        """
        return Lost(unknown=self._lost) if self.by_direction is None else self.by_direction.losses.booked

    @property
    def lost_as_known_now(self) -> Lost:
        """The same, with those that were booked as unknown in the direction that is known of them by now."""
        booked = self.lost_by_direction
        there, back = (0, 0) if self.by_direction is None else self.by_direction.losses.located
        return Lost(booked.forward + there, booked.backward + back, booked.unknown - there - back)

    def settle_directions(self, *, slot_ended: bool = False) -> None:
        """Book what is known of the direction in which probes were lost."""
        if self.by_direction is not None:
            settled = self._received + self._lost + self._dropped_here + self._abandoned
            self.by_direction.losses.settle(
                self._lost,
                in_flight=self._sent - settled,
                dropped_here=self._dropped_here,
                slot_ended=slot_ended,
            )

    def take_slot(self) -> Slot:
        """Return what was counted since this was last called."""
        slot, self._before = self.slot, self.counts
        if self._rtt.count:
            self._rtt, self._response = CoarseHistogram(), CoarseHistogram()
        if self.by_direction is not None:
            self.by_direction.take_slot()
        return slot

    @property
    def slot(self) -> Slot:
        """What was counted since `take_slot` was last called."""
        rtt, response = self._rtt, self._response
        counts = self.counts.since(self._before)
        directions = self.by_direction
        p50, p99 = rtt.percentiles((50, 99))
        return Slot(
            counts,
            rtt.packed(),
            response.packed(),
            p50,
            p99,
            one_way=None if directions is None else directions.slot(counts.lost),
        )

    def flow(self, connection: int = 0) -> Flow:
        """Return the state of a new session."""
        return Flow(connection, apart=False)

    def outage_tracker(self, settled: SettledProbes) -> OutageTracker:
        """Return the state of a new session; what it finds is not kept: outages are states here."""
        self._outages = Outages()
        return OutageTracker(self._outages, settled)

    def sent(self, lag: int) -> None:
        """Count a probe that left, `lag` after it was scheduled."""
        self._sent += 1
        self._lag.record(lag)

    def replied(self, flow: Flow, seq: int, rtt: int, kernel: bool, response: int, size: int) -> None:  # noqa: ARG002
        """Count a probe that was answered in time."""
        self._received += 1
        self.rtt.record(rtt)
        self.response.record(response)
        self._rtt.record(rtt)
        self._response.record(response)
        self.state.answered()

    def lost(self, size: int, why: Loss = TIMED_OUT, flow: Flow | None = None, scheduled: int = 0) -> None:  # noqa: ARG002
        """Count a probe that was given up; one that this machine dropped says nothing of the target."""
        reason = why.reason
        if reason is LossReason.DROPPED_HERE:
            self._dropped_here += 1
            return
        self._lost += 1
        self.losses[reason] = self.losses.get(reason, 0) + 1
        if self.by_direction is not None and reason in _NOT_ARRIVED:
            self.by_direction.losses.explain()
        if reason not in ON_THIS_SIDE:
            kind = State.DOWN if reason in _REACHED else State.UNREACHABLE
            self.state.failed(Failed(kind, self.explained or _words(why)))

    def late(self) -> None:
        """Count a reply to a probe that had been given up."""
        self._late += 1

    def duplicated(self) -> None:
        """Count a further reply to a probe that was answered."""
        self._duplicate += 1

    def corrupted(self) -> None:
        """Count an echo that differs from what was sent."""
        self._corrupt += 1

    def reordered(self) -> None:
        """Count a reply that came after one to a later probe (RFC 4737)."""
        self._reordered += 1

    def pending(self, count: int) -> None:
        """Take in that so many were in flight when their session ended: neither received nor lost, but sent.

        To take them back would have a counter go back, which is a restart to whoever scrapes it.
        """
        self._abandoned += count

    def connected(self, connect: int, tls: int | None) -> None:
        """Count a connection, by what its phases took."""
        self.phases.record("connect", connect)
        if tls is not None:
            self.phases.record("tls", tls)

    def stray(self, size: int = 0) -> None:
        """Do nothing: what answers no probe is no figure here."""

    def not_sent(self, count: int, suspended: int) -> None:
        """Do nothing: what was not sent is in no count."""

    def waited(self) -> None:
        """Do nothing: there is no window that could be full."""

    def one_way(self, choice: Choice, warmup: int) -> TargetOneWay:  # noqa: ARG002
        """Return the state of a new link, whose far end stamps too."""
        directions = self.by_direction
        if directions is None:
            directions = self.by_direction = Directions(self._lost)
        return TargetOneWay(choice, directions.replied, directions.losses.begin)

    def directions(self, one_way: OneWaySummary) -> None:
        """Do nothing: a run's one-way figures are made at its end, and there is none."""

    def median_rtt(self) -> int | None:
        """Return the median round trip of the last minute; None where there is none."""
        return self.summary().rtt.p50

    def summary(self, *, whole: bool = True) -> Summary:  # noqa: ARG002
        """Return the figures of the last minute."""
        return self._minute()
