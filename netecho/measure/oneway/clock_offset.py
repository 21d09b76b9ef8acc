"""How far apart two clocks are, and how fast they drift: from the smallest round trips, NTP's way.

A probe that leaves at T1, arrives at T2, is answered at T3 and is back at T4 says that the far clock is ahead by
((T2 - T1) + (T3 - T4)) / 2, if both directions took as long; it is wrong by half of what they differed by, which is at
most half the round trip (RFC 5905 section 10). So the probes with the smallest round trips say it best. Of each
stretch of a run the best probe is kept; a line through the best of these has the offset and the drift.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = 128
"""Blocks a run is divided into, at most; they grow with the run."""
_FEWEST = 3
"""Points a line is laid through; with fewer the offset is taken as constant."""
_SHORTEST = SECOND
"""Nanoseconds between the first and the last of them: in less, timestamps err by more than clocks drift."""
_FAST = 1e-3
"""A drift beyond those of quartz (1e-4) and of a clock that is being set right slowly (adjtime: 5e-4)."""


class Sample(NamedTuple):
    """What one probe says of the clocks, nanoseconds."""

    at: int
    """When, by any clock that is not set meanwhile."""
    doubled: int
    """Twice the offset: T2 - T1 + T3 - T4, an integer."""
    round_trip: int
    """T4 - T1 less T3 - T2."""


class Line(NamedTuple):
    """The offset of the far clock against ours, over time."""

    at: float
    """In the middle of the samples."""
    offset: float
    """At that time, nanoseconds; positive: the far clock is ahead."""
    drift: float | None
    """Nanoseconds a nanosecond (times 10**6: ppm); None where the run is too short to tell, or queues look like it."""
    within: float
    """The offset cannot be further from the truth, as no packet is faster than none; nanoseconds."""

    def offset_at(self, at: int) -> float:
        """Return the offset at a time."""
        return self.offset + (self.drift or 0.0) * (at - self.at)


class BestSamples:
    """The best sample of each stretch, in constant memory."""

    __slots__ = ("_best", "_seen", "_stretch")

    def __init__(self) -> None:
        self._best: list[Sample] = []
        self._stretch = 1
        self._seen = 0
        """Samples in the last stretch."""

    def add(self, sample: Sample) -> None:
        """Take in a probe's sample, in about the order of time."""
        best = self._best
        if best and self._seen < self._stretch:
            self._seen += 1
            if sample.round_trip < best[-1].round_trip:
                best[-1] = sample
            return
        if len(best) == KEPT:
            self._best = best = [min(pair, key=_round_trip) for pair in zip(best[::2], best[1::2], strict=True)]
            self._stretch *= 2
        best.append(sample)
        self._seen = 1

    def line(self) -> Line | None:
        """Return what the samples so far say; None while there is none."""
        return line_through(self._best) if self._best else None


def line_through(samples: Sequence[Sample]) -> Line:
    """Return what the best samples of each stretch, in order of time, say of the clocks."""
    ordered = sorted(samples, key=_round_trip)
    # A quarter of them, which leaves out those that waited in a queue. Medians, because one wrong timestamp among
    # these must not bend the line.
    best = sorted(ordered[: max(len(ordered) // 4, _FEWEST)])
    drift = _slope(best)
    if drift is not None and _may_be_a_queue(drift, best, samples):
        drift = None
    middle = (samples[0].at + samples[-1].at) / 2
    here = [(sample.doubled / 2 - (drift or 0.0) * (sample.at - middle), sample.round_trip / 2) for sample in best]
    offset = median(each for each, _ in here)
    # The truth is between T3 - T4 and T2 - T1 of every probe. Timestamps that contradict that are wrong.
    low, high = max(each - half for each, half in here), min(each + half for each, half in here)
    if low > high:
        return Line(middle, offset, drift, ordered[0].round_trip / 2)
    offset = min(max(offset, low), high)
    return Line(middle, offset, drift, max(high - offset, offset - low))


def _round_trip(sample: Sample) -> int:
    return sample.round_trip


def _may_be_a_queue(drift: float, best: Sequence[Sample], samples: Sequence[Sample]) -> bool:
    """Return whether a queue in one direction may make those samples, and not a drift.

    What a packet waited moves its sample by half of that: so much is no drift, if it is faster than clocks are. Nor is
    what has probes arrive before they left, where clocks that do not drift at all have none that does.
    """
    waited = max(map(_round_trip, best)) - min(map(_round_trip, best))
    if abs(drift) > _FAST and abs(drift) * (best[-1].at - best[0].at) <= waited / 2:
        return True
    return not _is_possible(drift, samples) and _is_possible(0.0, samples)


def _is_possible(drift: float, samples: Sequence[Sample]) -> bool:
    """Return whether one offset with that drift lies between T3 - T4 and T2 - T1 of every probe."""
    truths = [(each.doubled / 2 - drift * (each.at - samples[0].at), each.round_trip / 2) for each in samples]
    return max(middle - half for middle, half in truths) <= min(middle + half for middle, half in truths)


def _slope(samples: list[Sample]) -> float | None:
    """Return the median slope between any two samples (Theil and Sen), or None for few or within a short time."""
    if len(samples) < _FEWEST or samples[-1].at - samples[0].at < _SHORTEST:
        return None
    slopes = [
        (later.doubled - earlier.doubled) / 2 / (later.at - earlier.at)
        for n, earlier in enumerate(samples)
        for later in samples[n + 1 :]
        if later.at > earlier.at
    ]
    return median(slopes)
