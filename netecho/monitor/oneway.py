"""The one-way delays of a target: what `measure.oneway` makes of a run, without an end and in a few kilobytes.

A run chooses at its end whether delays are shown as stamped or corrected by the estimated offset of the clocks, and
corrects each stretch by a line of its own. Here each delay is told when it is known, by the offset as the last four
minutes have it. The first few are as rough as one round trip is: half of it each way.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from netecho.measure.oneway.clock_offset import Sample, line_through
from netecho.measure.oneway.delays import Flow, OneWay, chosen_clock
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from netecho.measure.oneway.delays import Choice, Claim, Timestamps
    from netecho.measure.oneway.loss import Directions

STRETCH = 15 * SECOND
STRETCHES = 16
"""So many best samples, of so long each, are what the offset is estimated by."""
REMEMBERED = 32
"""Replies that one received again is known by."""


class TargetOneWay(OneWay):
    """The state of one link; its summary has the losses alone."""

    def __init__(
        self,
        choice: Choice,
        tell: Callable[[int, int, Literal["synced", "estimated"]], None],
        begin: Callable[[Directions], None],
    ) -> None:
        """`tell` is given each probe's delay there and back, and by which clock; `begin` the numbers of the session."""
        super().__init__(choice)
        self._tell = tell
        self._begin = begin
        self._best_lately: deque[Sample] = deque(maxlen=STRETCHES)
        self._stretch_ends = 0

    def _new_flow(self) -> Flow:
        flow = Flow(0, REMEMBERED)
        self._begin(flow.directions)
        return flow

    def replied(self, flow: Flow, seq: int, at: int, stamps: Timestamps, here: Claim, there: Claim) -> None:  # noqa: ARG002
        """Take in a probe whose timestamps can be believed."""
        forward, backward = stamps.t2 - stamps.t1, stamps.t4 - stamps.t3
        self._add(Sample(at, forward - backward, forward + backward))
        line = line_through(self._best_lately)
        offset = round(line.offset_at(at))
        # By what the ends say of their clocks now: they may have been set since.
        if chosen_clock(self._choice, line, here, there) == "synced":
            self._tell(forward, backward, "synced")
        else:
            self._tell(forward - offset, backward + offset, "estimated")

    def _add(self, sample: Sample) -> None:
        best = self._best_lately
        if sample.at >= self._stretch_ends:
            self._stretch_ends = sample.at + STRETCH
            best.append(sample)
        elif sample.round_trip < best[-1].round_trip:
            best[-1] = sample
