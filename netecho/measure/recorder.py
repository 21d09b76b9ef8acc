"""What happened to the probes of a run, counted while it goes on, in memory that does not grow with their number.

The session reports, for every probe that counts (not for warm-up probes): that it was sent, and then one of
replied, lost (or dropped here) or, at the end of a run that was cut short, pending. `summary` may be asked at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.measure.loss_reason import TIMED_OUT, Loss, LossReason
from netecho.measure.losses import LossCounts, by_reason
from netecho.measure.outages import Outages, OutageTracker
from netecho.measure.stats.distribution import Distribution
from netecho.measure.stats.histogram import Histogram
from netecho.measure.stats.timeline import Timeline
from netecho.measure.stats.variation import Variation
from netecho.measure.summary import FlowSummary, PartSummary, SizeSummary, Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.measure.oneway.delays import Choice, OneWay, OneWaySummary
    from netecho.measure.outages import Outage
    from netecho.measure.settled import SettledProbes

BINS = 128
"""Of a summary's distributions: each within a few percent where the values lie, and still short to print."""
MOST_FLOWS = 64
"""Connections of a run, the first ones, that have figures of their own: each has a histogram."""
PERIODS = 120
"""Of a summary's timeline at most."""


class _Size:
    """The probes of one payload size."""

    __slots__ = ("dropped_here", "lost", "rtt")

    def __init__(self) -> None:
        self.lost = self.dropped_here = 0
        # Sparse: a hundred dense ones would take 27 MiB, and each size gets few of the probes.
        self.rtt = Histogram(sparse=True)


class Flow:
    """One connection's variation, and where there are several its own round trips and losses."""

    __slots__ = ("connection", "dropped_here", "local", "lost", "rtt", "variation")

    def __init__(self, connection: int, *, apart: bool) -> None:
        self.connection = connection
        self.local: tuple[str, int] | None = None
        """Its address and port at this end, as far as they are known."""
        self.variation = Variation()
        self.rtt = Histogram(sparse=True) if apart else None
        self.lost = self.dropped_here = 0


class Recorder:
    """The state of a run's figures, shared by all its connections. Times in nanoseconds, sizes in bytes.

    The histograms `rtt`, `response` and `lag` may be read directly. `timeline` is fed directly, beside `replied`,
    with the time since the start of the run at which the probe was scheduled.
    """

    __slots__ = (
        "_apart",
        "_backward",
        "_connects",
        "_corrupt",
        "_dropped_here",
        "_duplicate",
        "_flows",
        "_forward",
        "_handshakes",
        "_kernel",
        "_late",
        "_losses",
        "_lost_backward",
        "_lost_forward",
        "_not_sent",
        "_outages",
        "_pending",
        "_processing",
        "_reordered",
        "_sizes",
        "_stray",
        "_stray_bytes",
        "_suspended",
        "_trackers",
        "_waits",
        "lag",
        "response",
        "rtt",
        "sent",
        "timeline",
    )

    def __init__(self, *, by_size: bool = False, connections: int = 1) -> None:
        self.rtt = Histogram()
        self.response = Histogram()
        self.lag = Histogram()
        self.sent = self.lag.record
        """Counts a probe that left so many nanoseconds after it was scheduled."""
        self.timeline = Timeline()
        self._connects = Histogram(sparse=True)
        self._handshakes = Histogram(sparse=True)
        self._forward = self._backward = self._processing = Distribution()
        self._lost_forward: int | None = None
        self._lost_backward: int | None = None
        self._flows: list[Flow] = []
        self._apart = range(MOST_FLOWS if connections > 1 else 0)
        self._sizes: dict[int, _Size] | None = {} if by_size else None
        self._losses = LossCounts()
        self._outages = Outages()
        self._trackers: list[OutageTracker] = []
        self._dropped_here = 0
        self._not_sent = 0
        self._suspended = 0
        self._pending = 0
        self._late = 0
        self._duplicate = 0
        self._corrupt = 0
        self._reordered = 0
        self._stray = self._stray_bytes = 0
        self._waits = 0
        self._kernel = 0

    def flow(self, connection: int = 0) -> Flow:
        """Return the state that one connection's figures are kept in; a reconnected one goes on with its own."""
        flow = Flow(connection, apart=connection in self._apart)
        self._flows.append(flow)
        return flow

    def outage_tracker(self, settled: SettledProbes) -> OutageTracker:
        """Return the state that one connection's outages are found with."""
        tracker = OutageTracker(self._outages, settled)
        self._trackers.append(tracker)
        return tracker

    def replied(self, flow: Flow, seq: int, rtt: int, kernel: bool, response: int, size: int) -> None:
        """Count a probe that was answered in time; a corrupt echo is counted here too, besides in `corrupted`."""
        self.rtt.record(rtt)
        self.response.record(response)
        flow.variation.replied(seq, rtt)
        if flow.rtt is not None:
            flow.rtt.record(rtt)
        if kernel:
            self._kernel += 1
        if self._sizes is not None:
            self._of_size(self._sizes, size).rtt.record(rtt)

    def lost(self, size: int, why: Loss = TIMED_OUT, flow: Flow | None = None, scheduled: int = 0) -> None:
        """Count a probe that was given up: lost, or dropped by this machine, which is not the network's loss.

        It was scheduled so many nanoseconds after the start of the run.
        """
        parts: list[_Size | Flow] = [] if flow is None else [flow]
        if self._sizes is not None:
            parts.append(self._of_size(self._sizes, size))
        if why.reason is LossReason.DROPPED_HERE:
            self._dropped_here += 1
            for part in parts:
                part.dropped_here += 1
        else:
            self._losses.lost(why, scheduled)
            self.timeline.lost(scheduled)
            for part in parts:
                part.lost += 1

    def pending(self, count: int) -> None:
        """Count the probes that were in flight when the run was cut short."""
        self._pending += count

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

    def stray(self, size: int = 0) -> None:
        """Count a piece of `size` bytes that answers no probe."""
        self._stray += 1
        self._stray_bytes += size

    def not_sent(self, count: int, suspended: int) -> None:
        """Count scheduled sends that were skipped: the process was stopped, or the machine asleep, for `suspended`."""
        self._not_sent += count
        self._suspended += suspended

    def waited(self) -> None:
        """Count a due send that a full window held back."""
        self._waits += 1

    def connected(self, connect: int, tls: int | None) -> None:
        """Count a connection that was made for a probe of its own, by what its phases took."""
        self._connects.record(connect)
        if tls is not None:
            self._handshakes.record(tls)

    def one_way(self, choice: Choice, warmup: int) -> OneWay:
        """Return the state that the figures of each direction are kept in, where the far end stamps too."""
        from netecho.measure.oneway.delays import OneWay

        return OneWay(choice, warmup=warmup)

    def directions(self, one_way: OneWaySummary) -> None:
        """Take in what each direction came to, and the far end between them, where it stamps too."""
        self._forward, self._backward = one_way.forward.delay, one_way.backward.delay
        self._processing = one_way.processing
        if one_way.stateful:
            self._lost_forward, self._lost_backward = one_way.loss.forward, one_way.loss.backward

    def median_rtt(self) -> int | None:
        """Return the median round trip so far; None while there is none."""
        return self.rtt.percentile(50)

    def summary(self, *, whole: bool = True) -> Summary:
        """Return the figures so far. A live view leaves out what is dear: the sizes of a sweep, and the bins."""
        bins = BINS if whole else 0
        rtt = Distribution.of(self.rtt, bins=bins)
        losses = self._losses.all()
        variations = [flow.variation for flow in self._flows]
        pairs = sum(each.pairs for each in variations)
        still_open = [tracker.open() for tracker in self._trackers]
        outages, unavailable = self._outages.with_open(outage for each in still_open for outage in each)
        jitters = [jitter for each in variations if (jitter := each.jitter) is not None]
        return Summary(
            sent=self.lag.count,
            received=rtt.count,
            lost=sum(each.lost for each in losses),
            pending=self._pending,
            late=self._late,
            duplicate=self._duplicate,
            reordered=self._reordered,
            corrupt=self._corrupt,
            stray=self._stray,
            stray_bytes=self._stray_bytes,
            waits=self._waits,
            loss_by_reason=by_reason(losses),
            losses=losses,
            outages=outages,
            unavailable=unavailable,
            gone=_gone(still_open) if rtt.count else 0,
            dropped_here=self._dropped_here,
            not_sent=self._not_sent,
            suspended=self._suspended,
            kernel_stamps=self._kernel,
            user_stamps=rtt.count - self._kernel,
            forward=self._forward,
            backward=self._backward,
            processing=self._processing,
            lost_forward=self._lost_forward,
            lost_backward=self._lost_backward,
            connect=Distribution.of(self._connects),
            tls=Distribution.of(self._handshakes),
            rtt=rtt,
            response=Distribution.of(self.response, bins=bins),
            lag=Distribution.of(self.lag),
            ipdv_mean_abs=sum(each.ipdv_sum for each in variations) / pairs if pairs else None,
            pdv_p99=None if rtt.p99 is None or rtt.min is None else rtt.p99 - rtt.min,
            jitter_rfc3550=sum(jitters) / len(jitters) if jitters else None,
            by_size=self._by_size() if whole else (),
            by_flow=self._by_flow() if whole else (),
            timeline=self.timeline.periods(PERIODS) if whole else (),
            worst=self.timeline.worst,
        )

    @staticmethod
    def _of_size(sizes: dict[int, _Size], size: int) -> _Size:
        found = sizes.get(size)
        if found is None:
            found = sizes[size] = _Size()
        return found

    def _by_size(self) -> tuple[SizeSummary, ...]:
        return tuple(
            SizeSummary(size, _part(seen.rtt, seen.lost, seen.dropped_here))
            for size, seen in sorted((self._sizes or {}).items())
        )

    def _by_flow(self) -> tuple[FlowSummary, ...]:
        return tuple(
            FlowSummary(flow.connection, flow.local, _part(flow.rtt, flow.lost, flow.dropped_here))
            for flow in sorted(self._flows, key=lambda flow: flow.connection)
            if flow.rtt is not None
        )


def _part(rtt: Histogram, lost: int, dropped_here: int) -> PartSummary:
    return PartSummary(rtt.count + lost + dropped_here, rtt.count, lost, dropped_here, Distribution.of(rtt))


def _gone(still_open: Sequence[Sequence[Outage]]) -> int:
    """Return for how long no connection had an answer: an outage of some connections alone is not the target's end."""
    last = [each[-1] for each in still_open if each]
    if not last or len(last) < len(still_open) or any(outage.recovered for outage in last):
        return 0
    return min(outage.end - outage.start for outage in last)
