"""What makes a run of load fail: `--fail-if 'upload.backward.p99>100ms'`, in the grammar of every criterion.

A figure is of a phase: its delays and what they grew by are times, its loss is a percentage, its goodput is in bit/s,
with k, M or G for powers of 1,000, and rpm is a number. `added` alone is that of the worst phase. What has no value
fails.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from netecho.errors import UsageError
from netecho.load.run import LOADS, PHASES
from netecho.measure.criteria import Criterion, Failure
from netecho.measure.metrics import FIGURES, Unit
from netecho.units import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from netecho.load.phases import PhaseSummary

DELAYS = ("rtt", "forward", "backward", "lag")
ADDED = ("added", "added_forward", "added_backward")
_RATES = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_CRITERION = re.compile(r"([\w.]*)\s*(>=|<=|>|<)\s*(\S.*)")
_NUMBER = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([kMG%]?)")


class _Figure(NamedTuple):
    unit: Unit
    example: str


def _figures() -> dict[str, _Figure]:
    time = _Figure(Unit.TIME, ">100ms")
    found = {"added": time}
    for phase in PHASES:
        found |= {f"{phase}.{delay}.{which}": time for delay in DELAYS for which in FIGURES}
        found[f"{phase}.loss"] = _Figure(Unit.PERCENT, ">1%")
        if LOADS[phase]:
            found |= {f"{phase}.{added}": time for added in ADDED}
            found[f"{phase}.goodput"] = _Figure(Unit.COUNT, "<50M")
            found[f"{phase}.rpm"] = _Figure(Unit.COUNT, "<1000")
    return found


METRICS = _figures()


def parse(text: str) -> tuple[Criterion, ...]:
    """Read criteria, joined by commas. Raises UsageError."""
    return tuple(_parse_one(part.strip()) for part in text.split(","))


def judge(criteria: Iterable[Criterion], phases: Sequence[PhaseSummary]) -> tuple[Failure, ...]:
    """Return those that came true, or have no value."""
    measured = [(each, _value(each.metric, phases)) for each in criteria]
    return tuple(Failure(criterion, value) for criterion, value in measured if criterion.fails(value))


def _parse_one(part: str) -> Criterion:
    match = _CRITERION.fullmatch(part)
    if match is None:
        raise UsageError(f"{part!r} is not a criterion", "a figure, a comparison and a value: upload.added>100ms")
    name, operator, value = match.groups()
    figure = METRICS.get(name)
    if figure is None:
        from difflib import get_close_matches

        near = get_close_matches(name, METRICS, n=1)
        right = near[0] if near else "upload.rtt.p99"
        raise UsageError(f"{name!r} in {part!r} is not a figure of load", f"perhaps {right}{METRICS[right].example}")
    return Criterion(
        metric=name,
        operator=operator,
        value=_number(value, name, figure),
        unit=figure.unit,
        text=f"{name}{operator}{value}",
    )


def _number(value: str, name: str, figure: _Figure) -> float:
    if figure.unit is Unit.TIME and not re.fullmatch(r"[0-9.]+", value):
        return parse_time(value)
    match = _NUMBER.fullmatch(value)
    share = figure.unit is Unit.PERCENT
    if match is None or share != (match[2] == "%") or figure.unit is Unit.TIME:
        raise UsageError(f"{value!r} does not fit {name}", f"{name}{figure.example}")
    return float(match[1]) * (1 if share else _RATES[match[2]])


def _value(metric: str, phases: Sequence[PhaseSummary]) -> float | None:
    if metric == "added":
        return max((each.added for each in phases if each.added is not None), default=None)
    phase, _, what = metric.partition(".")
    found = next((each for each in phases if each.phase == phase), None)
    if found is None:
        return None
    if what == "loss":
        return 100 * found.lost / found.sent if found.sent else None
    if what == "rpm":
        return None if found.responsiveness is None else found.responsiveness.rpm
    delay, _, which = what.partition(".")
    value: float | None = getattr(getattr(found, delay), which) if which else getattr(found, what)
    return value
