"""The far clock against this one: offset and drift, and what that makes of one-way delays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.diagnose.finding import Figure, Finding, Fine, NotTested
from netecho.diagnose.words import time
from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.diagnose.finding import Outcome
    from netecho.measure.oneway.clock_offset import Line
    from netecho.measure.oneway.delays import OneWaySummary

FAR_APART = SECOND
"""An offset from which on certificates, logs and tokens of the two hosts begin to disagree."""
DRIFTS = 200e-6
"""More than any quartz in a computer is off by; a virtual machine whose clock is wrong may be."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What the timestamps of a STAMP run said; None where the far end has none."""

    oneway: OneWaySummary | None
    queue: int = 0
    """How long packets waited in a queue that was full, nanoseconds: it grows as if a clock ran away."""


def judge(observed: Observed) -> Outcome:
    """Say how far the clocks are apart, and how fast they part."""
    oneway = observed.oneway
    if oneway is None:
        return (NotTested("clocks", "the far end puts no timestamps in: there is no STAMP reflector"),)
    if oneway.line is None:
        return (NotTested("clocks", "no reply had timestamps that can be believed"),)
    if observed.queue:
        why = f"packets waited up to {time(observed.queue)} in a queue that was full, behind which clocks are not seen"
        return (NotTested("clocks", why),)
    line, basis = oneway.line, _basis(oneway)
    evidence = (
        Figure("offset", line.offset, "time"),
        Figure("offset_within", line.within, "time"),
        Figure("drift_ppm", None if line.drift is None else round(line.drift * 1e6, 3)),
    )
    found = []
    if abs(line.offset) > FAR_APART:
        way = "ahead of" if line.offset > 0 else "behind"
        found.append(
            Finding(
                check="clocks",
                code="clock-offset",
                severity="info",
                confidence="certain",
                sentence=f"The far clock is {time(abs(line.offset))} {way} this one; {basis}.",
                evidence=evidence,
                otherwise="It may be this clock that is wrong.",
            )
        )
    if line.drift is not None and abs(line.drift) > DRIFTS and _is_known(line):
        found.append(
            Finding(
                check="clocks",
                code="clock-drift",
                severity="info",
                confidence="likely",
                sentence=f"The two clocks part by {abs(line.drift) * 1e6:.0f} µs a second: one of them is not kept.",
                evidence=evidence,
                otherwise="A clock that is being slewed to the right time drifts by up to 500 µs a second meanwhile.",
            )
        )
    if found:
        return tuple(found)
    return (
        Fine("clocks", f"offset {time(line.offset)}, known to within {time(line.within)}; {basis}", evidence=evidence),
    )


def _is_known(line: Line) -> bool:
    """Tell whether the drift over the run is more than the offset may be wrong by."""
    return abs(line.drift or 0.0) * SECOND > line.within


def _basis(oneway: OneWaySummary) -> str:
    if oneway.clock == "synced":
        return "one-way delays are as stamped"
    return "one-way delays are corrected by it, so a constant difference between the directions is not seen"
