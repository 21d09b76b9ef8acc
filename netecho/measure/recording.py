"""The interface to whatever counts the probes of a run: a session, and the links that carry it, know no more of it.

`recorder.Recorder` keeps the figures of one run, exact and in a megabyte; `monitor.recorder` those of one of many
targets, coarser and in a few kilobytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from netecho.measure.loss_reason import TIMED_OUT, Loss

if TYPE_CHECKING:
    from netecho.measure.oneway.delays import Choice, OneWay, OneWaySummary
    from netecho.measure.outages import OutageTracker
    from netecho.measure.recorder import Flow
    from netecho.measure.settled import SettledProbes
    from netecho.measure.summary import Summary


class OverTime(Protocol):
    """What became of probes, by when they were scheduled: nanoseconds since the start of the run."""

    def replied(self, scheduled: int, rtt: int) -> None:
        """Count a round trip."""

    def lost(self, scheduled: int) -> None:
        """Count a probe that was given up."""


class Recording(Protocol):
    """Counts the probes of a run; what each call means is said at `recorder.Recorder`. Times in nanoseconds."""

    @property
    def timeline(self) -> OverTime:
        """What is told when the probes were scheduled."""

    def flow(self, connection: int = 0) -> Flow:
        """Return the state that one connection's figures are kept in."""

    def outage_tracker(self, settled: SettledProbes) -> OutageTracker:
        """Return the state that one connection's outages are found with."""

    def sent(self, lag: int) -> None:
        """Count a probe that left."""

    def replied(self, flow: Flow, seq: int, rtt: int, kernel: bool, response: int, size: int) -> None:
        """Count a probe that was answered in time."""

    def lost(self, size: int, why: Loss = TIMED_OUT, flow: Flow | None = None, scheduled: int = 0) -> None:
        """Count a probe that was given up."""

    def pending(self, count: int) -> None:
        """Count probes that were in flight at the end."""

    def late(self) -> None:
        """Count a reply to a probe that had been given up."""

    def duplicated(self) -> None:
        """Count a further reply."""

    def corrupted(self) -> None:
        """Count an echo that differs from what was sent."""

    def reordered(self) -> None:
        """Count a reply that was overtaken."""

    def stray(self, size: int = 0) -> None:
        """Count bytes that answer no probe."""

    def not_sent(self, count: int, suspended: int) -> None:
        """Count sends that were skipped."""

    def waited(self) -> None:
        """Count a send that a full window held back."""

    def connected(self, connect: int, tls: int | None) -> None:
        """Count a connection that was made for a probe of its own."""

    def one_way(self, choice: Choice, warmup: int) -> OneWay:
        """Return the state that the figures of each direction are kept in."""

    def directions(self, one_way: OneWaySummary) -> None:
        """Take in what each direction came to."""

    def median_rtt(self) -> int | None:
        """Return the median round trip so far; None while there is none."""

    def summary(self, *, whole: bool = True) -> Summary:
        """Return the figures so far."""
