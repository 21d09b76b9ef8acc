"""The delay of each direction: what T1 to T4 of every probe say of the way there, the way back and the time between.

T1 and T4 are taken here, T2 and T3 by the reflector, with a clock of its own. T3 - T2 and the round trip do not depend
on the offset of the clocks; a delay in one direction is as exact as the clocks agree. So each is counted twice, as
stamped and corrected by the estimated offset; which one is shown is chosen at the end, and stated.

The correction follows the clocks' drift: a line is laid through the best samples of every `BLOCK` probes, and their
delays are corrected by it. A run of no more probes than that has one line. Memory does not grow with the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

from netecho.measure.oneway.clock_offset import BestSamples, Line, Sample
from netecho.measure.oneway.loss import REMEMBERED, Directions, LossByDirection, loss_by_direction
from netecho.measure.stats.distribution import NO_VALUES, Distribution
from netecho.measure.stats.histogram import Histogram
from netecho.measure.stats.signed_histogram import SignedHistogram
from netecho.measure.stats.variation import Variation
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK = 1024
Choice = Literal["auto", "synced", "estimated"]

_APART = 60 * SECOND
"""Timestamps further off than this are of another time: no clock in use is so wrong."""
_APART_SYNCED = SECOND
"""The same where both ends say that they follow UTC."""
_RECENT = 15
_FEW = 3
_AT_ONCE = 2
"""Delays counted for each that comes in: a whole block at once would hold up the next send."""


class InvalidTimestamps(StrEnum):
    """What is wrong with timestamps, as a word for the document."""

    ZERO = "zero"
    """T2 or T3 was never set."""
    BACKWARDS = "backwards"
    """T3 is before T2."""
    LONGER = "longer"
    """T3 - T2 is not less than the whole round trip."""
    FUTURE = "future"
    PAST = "past"


OTHER_TIME = (InvalidTimestamps.FUTURE, InvalidTimestamps.PAST)
"""Timestamps that contradict only our clock: their difference still holds."""


class Timestamps(NamedTuple):
    """One probe's, nanoseconds since 1970: T1 and T4 by our clock, T2 and T3 by the far one."""

    t1: int
    t2: int
    t3: int
    t4: int
    unset: bool = False
    """Whether T2 or T3 is zero on the wire."""


class Claim(NamedTuple):
    """What one end says of its clock."""

    synchronised: bool = False
    error: int | None = None
    """Nanoseconds; None: it does not say."""

    def worse(self, other: Claim) -> Claim:
        """Return what holds of both."""
        error = None if self.error is None or other.error is None else max(self.error, other.error)
        return Claim(self.synchronised and other.synchronised, error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """The delays of one direction, nanoseconds."""

    delay: Distribution
    ipdv_mean_abs: float | None = None
    """RFC 3393, over pairs of consecutive probes; needs no agreement of the clocks, nor does the jitter."""
    pdv_p99: int | None = None
    jitter_rfc3550: float | None = None
    lost: int | None = None
    """Packets lost in this direction; None where the direction of some that were lost is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneWaySummary:
    """The figures of a run's timestamps. Times in nanoseconds; None where there is no value."""

    clock: Literal["synced", "estimated"] | None
    """Whether delays are as stamped or corrected by the estimated offset; None: there are none."""
    forward: Direction
    backward: Direction
    processing: Distribution
    here: Claim | None
    """The worst that each end said of its clock."""
    there: Claim | None
    line: Line | None
    stateful: bool | None
    loss: LossByDirection
    repeated_forward: int | None = None
    """Requests that arrived more than once, and `repeated_backward` replies; None where replies are not numbered."""
    repeated_backward: int | None = None
    overtaken_forward: int | None = None
    """Requests that arrived after a later one, and `overtaken_backward` replies; None likewise."""
    overtaken_backward: int | None = None
    invalid_timestamps: dict[InvalidTimestamps, int] = field(default_factory=dict)


class Flow:
    """The state of one connection: its variation, and its reflector's numbers."""

    __slots__ = ("backward", "directions", "forward")

    def __init__(self, warmup: int, remembered: int = REMEMBERED) -> None:
        self.forward = Variation()
        self.backward = Variation()
        self.directions = Directions(warmup, remembered)


class TimestampCheck:
    """Which timestamps can be believed, in one run."""

    __slots__ = ("_choice", "_recent", "invalid_timestamps")

    def __init__(self, choice: Choice = "auto") -> None:
        self._choice = choice
        self.invalid_timestamps = dict.fromkeys(InvalidTimestamps, 0)
        self._recent: list[int] = []

    def check(
        self, stamps: Timestamps, round_trip: int, here: Claim, there: Claim
    ) -> tuple[int, InvalidTimestamps | None]:
        """Return the processing time at the far end of a probe, and what is wrong with its timestamps.

        Wrong ones are counted. Where the timestamps contradict each other the
        processing time is 0; where they are only of another time, their difference still holds.
        """
        wrong = self._wrong(stamps, round_trip, here, there)
        if wrong is not None:
            self.invalid_timestamps[wrong] += 1
        return (0 if wrong is not None and wrong not in OTHER_TIME else stamps.t3 - stamps.t2), wrong

    def _wrong(self, stamps: Timestamps, round_trip: int, here: Claim, there: Claim) -> InvalidTimestamps | None:
        if stamps.unset:
            return InvalidTimestamps.ZERO
        kept = stamps.t3 - stamps.t2
        if kept < 0:
            return InvalidTimestamps.BACKWARDS
        if kept >= round_trip:
            return InvalidTimestamps.LONGER
        usual = self._usual_offset(stamps) if self._choice == "estimated" else 0
        apart = _APART_SYNCED if here.synchronised and there.synchronised else _APART
        if stamps.t2 - stamps.t4 > usual + apart:
            return InvalidTimestamps.FUTURE
        return InvalidTimestamps.PAST if stamps.t3 - stamps.t1 < usual - apart else None

    def _usual_offset(self, stamps: Timestamps) -> int:
        """Return the offset that most of the latest probes agree on: where clocks may differ, only that can be odd."""
        offset = stamps.t2 - stamps.t1
        recent = self._recent
        recent.append(offset)
        if len(recent) > _RECENT:
            del recent[0]
        return int(median(recent)) if len(recent) >= _FEW else offset


class OneWay:
    """The state of a run's one-way figures, shared by all its connections, which have the same two clocks."""

    def __init__(self, choice: Choice = "auto", *, warmup: int = 0) -> None:
        self._checked = TimestampCheck(choice)
        self._choice = choice
        self._warmup = warmup
        self._flows: list[Flow] = []
        # Those that are large are made when there is something to count: of a thousand targets most have none.
        self._processing: Histogram | None = None
        self._best = BestSamples()
        self._here: Claim | None = None
        self._there: Claim | None = None
        self._block: list[tuple[int, int, int]] = []
        self._block_best = BestSamples()
        self._drained: list[tuple[int, int, int]] = []
        self._drained_by: Line | None = None
        # As stamped, and corrected; forward and backward. The first block says what is near the values.
        self._stamped: tuple[SignedHistogram, SignedHistogram] | None = None
        self._corrected: tuple[SignedHistogram, SignedHistogram] | None = None

    def flow(self) -> Flow:
        """Return the state of one connection."""
        flow = self._new_flow()
        self._flows.append(flow)
        return flow

    def _new_flow(self) -> Flow:
        return Flow(self._warmup)

    def check(
        self, stamps: Timestamps, round_trip: int, here: Claim, there: Claim
    ) -> tuple[int, InvalidTimestamps | None]:
        """Return what `TimestampCheck` says of a probe; one that is wrong must not be given to `replied`."""
        return self._checked.check(stamps, round_trip, here, there)

    def replied(self, flow: Flow, seq: int, at: int, stamps: Timestamps, here: Claim, there: Claim) -> None:
        """Take in a probe whose timestamps can be believed.

        `seq` is its number on its connection; `at` when it was answered, by the monotonic clock.
        """
        self._here = here if self._here is None else self._here.worse(here)
        self._there = there if self._there is None else self._there.worse(there)
        forward, backward, kept = stamps.t2 - stamps.t1, stamps.t4 - stamps.t3, stamps.t3 - stamps.t2
        if self._processing is None:
            self._processing = Histogram()
        self._processing.record(kept)
        flow.forward.replied(seq, forward)
        flow.backward.replied(seq, backward)
        sample = Sample(at, forward - backward, forward + backward)
        self._best.add(sample)
        self._block_best.add(sample)
        self._block.append((at, forward, backward))
        self._drain(_AT_ONCE)
        if len(self._block) == BLOCK:
            self._close_block()

    def _close_block(self) -> None:
        self._drain(len(self._drained))
        if self._stamped is None and self._block:
            self._corrected = (SignedHistogram(), SignedHistogram())
            self._stamped = (
                SignedHistogram(min(forward for _, forward, _ in self._block)),
                SignedHistogram(min(backward for _, _, backward in self._block)),
            )
        self._drained, self._block = self._block, []
        self._drained_by = self._block_best.line()
        self._block_best = BestSamples()

    def _drain(self, most: int) -> None:
        line, stamped, corrected = self._drained_by, self._stamped, self._corrected
        if line is None or stamped is None or corrected is None:
            return
        for _ in range(min(most, len(self._drained))):
            at, forward, backward = self._drained.pop()
            offset = round(line.offset_at(at))
            stamped[0].record(forward)
            stamped[1].record(backward)
            corrected[0].record(forward - offset)
            corrected[1].record(backward + offset)

    def summary(self, lost: int = 0, dropped_here: int = 0) -> OneWaySummary:
        """Return the figures so far, where so many probes were lost in all, and of so many the reply dropped here."""
        self._close_block()
        self._drain(len(self._drained))
        line = self._best.line()
        clock = chosen_clock(self._choice, line, self._here, self._there)
        counted = self._corrected if clock == "estimated" else self._stamped
        forward, backward = (NO_VALUES, NO_VALUES) if counted is None else (each.distribution() for each in counted)
        loss = loss_by_direction([flow.directions for flow in self._flows], lost, dropped_here)
        stateful = self._stateful()
        # A part of the losses in one direction is no figure of that direction: all of them are known, or none.
        lost_forward, lost_backward = (None, None) if loss.unknown else (loss.forward, loss.backward)
        return OneWaySummary(
            clock=clock,
            forward=_direction(forward, [flow.forward for flow in self._flows], lost_forward),
            backward=_direction(backward, [flow.backward for flow in self._flows], lost_backward),
            processing=NO_VALUES if self._processing is None else Distribution.of(self._processing),
            here=self._here,
            there=self._there,
            line=line,
            stateful=stateful,
            loss=loss,
            repeated_forward=sum(flow.directions.repeated_forward for flow in self._flows) if stateful else None,
            repeated_backward=sum(flow.directions.repeated_backward for flow in self._flows) if stateful else None,
            overtaken_forward=sum(flow.directions.overtaken_forward for flow in self._flows) if stateful else None,
            overtaken_backward=sum(flow.directions.overtaken_backward for flow in self._flows) if stateful else None,
            invalid_timestamps=dict(self._checked.invalid_timestamps),
        )

    def _stateful(self) -> bool | None:
        known = [stateful for flow in self._flows if (stateful := flow.directions.stateful) is not None]
        return any(known) if known else None


def chosen_clock(
    choice: Choice, line: Line | None, here: Claim | None, there: Claim | None
) -> Literal["synced", "estimated"] | None:
    """Return by which clock delays are to be taken: in doubt the one with the smaller error; None without a line."""
    if line is None or here is None or there is None:
        return None
    if choice != "auto":
        return choice
    if not (here.synchronised and there.synchronised) or here.error is None or there.error is None:
        return "estimated"
    return "synced" if here.error + there.error <= line.within else "estimated"


def _direction(delay: Distribution, variations: Sequence[Variation], lost: int | None) -> Direction:
    pairs = sum(each.pairs for each in variations)
    jitters = [jitter for each in variations if (jitter := each.jitter) is not None]
    return Direction(
        delay=delay,
        ipdv_mean_abs=sum(each.ipdv_sum for each in variations) / pairs if pairs else None,
        pdv_p99=None if delay.p99 is None or delay.min is None else delay.p99 - delay.min,
        jitter_rfc3550=sum(jitters) / len(jitters) if jitters else None,
        lost=lost,
    )
