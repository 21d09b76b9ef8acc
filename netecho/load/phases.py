"""What each phase of a run comes to: its goodput, its delays, and what they grew by over the idle ones.

Figures are of a phase's steady part: from when the goodput no longer grew, and at the latest from its middle. One-way
delays are corrected by the offset of the clocks, which the probes with the smallest round trips say, whichever phase
they are of: under load only one direction is slow, and such a probe says nothing of the clocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from netecho.load.rpm import responsiveness
from netecho.load.run import LOADS
from netecho.measure.oneway.clock_offset import BestSamples, Sample as ClockSample
from netecho.measure.stats.distribution import NO_VALUES, Distribution
from netecho.measure.stats.signed_histogram import SignedHistogram
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from netecho.load.rpm import Responsiveness
    from netecho.load.run import Loaded, LoadRun, Phase, PhaseRun, Reading, Sample, Transfer
    from netecho.measure.oneway.clock_offset import Line

ENOUGH = 9 * SECOND // 10
"""A load that was over sooner says nothing of queues."""
RAMP = 2 * SECOND
"""What is left out at the beginning of a phase whose goodput was never found to be stable, if it is long enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSummary:
    """What one direction of load came to."""

    direction: Loaded
    goodput: float | None
    """bit/s of payload at its receiver, without headers and retransmissions."""
    bytes: int
    flows: int
    saturated: bool
    retransmits: int | None
    window_limited: float | None
    """Percent of the phase in which its flows waited for the receiver's window; None where that is not known."""
    short_of_memory: bool | None
    """Whether this system's TCP was short of memory, and its windows narrow; None where that is not known."""
    smoothed_rtt: int | None
    """The median of what the TCP stack says of the load's own connections: the working-conditions round trip."""
    ended: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSummary:
    """The figures of a phase. Times in nanoseconds; None where there is no value."""

    phase: Phase
    began: int
    """Nanoseconds since the first phase began, as is `steady`."""
    ended: int
    steady: int
    """From when on the figures are taken."""
    sent: int
    lost: int
    rtt: Distribution = NO_VALUES
    forward: Distribution = NO_VALUES
    backward: Distribution = NO_VALUES
    lag: Distribution = NO_VALUES
    added: int | None = None
    """Median round trip less that of the idle phase, and of each direction likewise; None for the idle phase."""
    added_forward: int | None = None
    added_backward: int | None = None
    connecting: int | None = None
    """The median handshake of new TCP connections to the load's port."""
    transfers: tuple[TransferSummary, ...] = ()
    responsiveness: Responsiveness | None = None

    @property
    def goodput(self) -> float | None:
        """bit/s of all directions of load together; None where there was none."""
        known = [each.goodput for each in self.transfers if each.goodput is not None]
        return sum(known) if known else None


def summarise(run: LoadRun) -> tuple[PhaseSummary, ...]:
    """Return the figures of each phase that was begun, in their order."""
    line = _clocks(run.samples)
    samples = [_corrected(each, line) for each in run.samples]
    zero = run.phases[0].began if run.phases else 0
    found: list[PhaseSummary] = []
    for phase in run.phases:
        idle = found[0] if found and found[0].phase == "idle" else None
        found.append(_summary(phase, samples, zero, idle))
    return tuple(found)


def corrected(run: LoadRun) -> list[Sample]:
    """Return the probes with delays by one clock, for a chart of them."""
    line = _clocks(run.samples)
    return [_corrected(each, line) for each in run.samples]


def _clocks(samples: Iterable[Sample]) -> Line | None:
    best = BestSamples()
    for each in samples:
        if each.forward is not None and each.backward is not None:
            best.add(ClockSample(each.at, each.forward - each.backward, each.forward + each.backward))
    return best.line()


def _corrected(sample: Sample, line: Line | None) -> Sample:
    if line is None or sample.forward is None or sample.backward is None:
        return sample
    offset = round(line.offset_at(sample.at))
    return sample._replace(forward=sample.forward - offset, backward=sample.backward + offset)


def _summary(phase: PhaseRun, samples: Sequence[Sample], zero: int, idle: PhaseSummary | None) -> PhaseSummary:
    steady = _steady(phase)
    within = [each for each in samples if steady <= each.at < phase.ended]
    # What was refused at once had no load beside it.
    exchanges = [] if all(was_refused(each, phase) for each in phase.transfers) else phase.exchanges
    handshakes = [each.tcp for each in exchanges if steady <= each.at < phase.ended]
    rtt, forward, backward = (
        _distribution(value for value in (getattr(each, name) for each in within) if value is not None)
        for name in ("rtt", "forward", "backward")
    )
    return PhaseSummary(
        phase=phase.phase,
        began=phase.began - zero,
        ended=phase.ended - zero,
        steady=steady - zero,
        sent=len(within),
        lost=sum(each.rtt is None for each in within),
        rtt=rtt,
        forward=forward,
        backward=backward,
        lag=_distribution(each.lag for each in within),
        added=None if idle is None else _grown(rtt, idle.rtt),
        added_forward=None if idle is None else _grown(forward, idle.forward),
        added_backward=None if idle is None else _grown(backward, idle.backward),
        connecting=round(median(handshakes)) if handshakes else None,
        transfers=tuple(_transfer(each, phase, steady) for each in phase.transfers),
        responsiveness=responsiveness(
            exchanges, [each for transfer in phase.transfers for each in transfer.smoothed_rtts]
        ),
    )


def was_refused(transfer: Transfer, phase: PhaseRun) -> bool:
    """Tell whether a load was no load: of an upload that is refused the far end's kernel takes some all the same."""
    return transfer.refused and phase.ended - phase.began < ENOUGH


def _steady(phase: PhaseRun) -> int:
    """Return from when on a phase's figures are taken."""
    if not LOADS[phase.phase]:
        return phase.began
    middle = (phase.began + phase.ended) // 2
    times = [each.saturated_at or phase.began + RAMP for each in phase.transfers]
    return min(middle, max(times, default=middle))


def _transfer(transfer: Transfer, phase: PhaseRun, steady: int) -> TransferSummary:
    readings, ended = transfer.readings, phase.ended
    waited, length = transfer.window_limited, ended - phase.began
    within = [each for each in readings if steady <= each.at <= ended]
    smoothed = [rtt for at, rtt in transfer.smoothed_rtts if steady <= at <= ended]
    return TransferSummary(
        direction=transfer.direction,
        goodput=None if was_refused(transfer, phase) else _goodput(within) or _goodput(readings),
        bytes=readings[-1].bytes if readings else 0,
        flows=max((each.flows for each in readings), default=0),
        saturated=transfer.saturated_at is not None,
        retransmits=transfer.retransmits,
        window_limited=None if waited is None or length <= 0 else min(100.0, 100 * waited / length),
        short_of_memory=transfer.short_of_memory,
        smoothed_rtt=round(median(smoothed)) if smoothed else None,
        ended=transfer.ended,
    )


def _goodput(readings: Sequence[Reading]) -> float | None:
    """Return bit/s from a reading of the first third to one of the last, each the furthest ahead of its third.

    What arrives behind a lost segment is not there for its receiver before the segment is: for a round trip or two
    nothing seems to arrive, and then all of it at once. Between readings that fall behind like that and others, a
    rate of seconds would be a tenth wrong.
    """
    if len(readings) < 2 or readings[-1].at == readings[0].at:
        return None
    third = max(1, len(readings) // 3)
    rate = _rate(readings[0], readings[-1])
    first = max(readings[:third], key=lambda each: each.bytes - rate * each.at)
    last = max(readings[-third:], key=lambda each: each.bytes - rate * each.at)
    return 8 * SECOND * _rate(first, last)


def _rate(first: Reading, last: Reading) -> float:
    return (last.bytes - first.bytes) / (last.at - first.at)


def _distribution(values: Iterable[int]) -> Distribution:
    every = list(values)
    histogram = SignedHistogram(min(every, default=0))
    for value in every:
        histogram.record(value)
    return histogram.distribution()


def _grown(loaded: Distribution, idle: Distribution) -> int | None:
    return None if loaded.p50 is None or idle.p50 is None else loaded.p50 - idle.p50
