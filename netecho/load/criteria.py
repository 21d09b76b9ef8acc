"""What makes a run of load fail: `--fail-if 'upload.backward.p99>100ms'`, in the grammar of every criterion.

A figure is of a phase: its delays and what they grew by are times, its loss is a percentage, its goodput is in bit/s,
with k, M or G for powers of 1,000, and rpm is a number. `added` alone is that of the worst phase. What has no value
fails.

Between two runs (`netecho compare`) a value with a sign is a change, as it is for runs of probes (`measure.criteria`):
`upload.added>+20ms`, `download.goodput<-10%` of the first run's, `idle.loss>+1%` in percentage points.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from netecho.errors import UsageError
from netecho.load.run import LOADS, PHASES
from netecho.measure.criteria import NOISE, Criterion, Failure
from netecho.measure.metrics import FIGURES, Unit
from netecho.units import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from netecho.load.phases import PhaseSummary

DELAYS = ("rtt", "forward", "backward", "lag")
ADDED = ("added", "added_forward", "added_backward")
_RATES = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_CRITERION = re.compile(r"(raw:)?([\w.]*)\s*(>=|<=|>|<)\s*([+-]?)(\S.*)")
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


def parse(text: str, *, comparing: bool = False) -> tuple[Criterion, ...]:
    """Read criteria, joined by commas; `comparing` allows changes. Raises UsageError."""
    return tuple(_parse_one(part.strip(), comparing=comparing) for part in text.split(","))


def is_of_load(text: str) -> bool:
    """Tell whether a criterion names a figure of load, or means to: no figure of a run of probes begins so."""
    name = text.strip().removeprefix("raw:")
    return re.match(rf"(?:added|(?:{'|'.join(PHASES)})\.)", name) is not None


def judge(criteria: Iterable[Criterion], phases: Sequence[PhaseSummary]) -> tuple[Failure, ...]:
    """Return those that came true, or have no value."""
    measured = [(each, _value(each.metric, phases)) for each in criteria]
    return tuple(Failure(criterion, value) for criterion, value in measured if criterion.fails(value))


def _parse_one(part: str, *, comparing: bool) -> Criterion:
    match = _CRITERION.fullmatch(part)
    if match is None:
        right = "upload.added>+20ms" if comparing else "upload.added>100ms"
        raise UsageError(f"{part!r} is not a criterion", f"a figure, a comparison and a value: {right}")
    raw, name, operator, sign, value = match.groups(default="")
    figure = METRICS.get(name)
    if figure is None:
        from difflib import get_close_matches

        near = get_close_matches(name, METRICS, n=1)
        right = near[0] if near else "upload.rtt.p99"
        raise UsageError(f"{name!r} in {part!r} is not a figure of load", f"perhaps {right}{METRICS[right].example}")
    if (sign or raw) and not comparing:
        right = f"{name}{figure.example}; or netecho compare"
        raise UsageError(f"{part!r} compares two runs", right)
    if raw and not sign:
        raise UsageError(f"{part!r} is no change between two runs", f"raw:{name}{operator}+{value}")
    number, unit = _number(value, name, figure, change=bool(sign))
    if value == NOISE and (raw or operator + sign not in (">+", "<-")):
        raise UsageError(f"{NOISE!r} in {part!r} is one way or the other", f"{name}>+{NOISE} or {name}<-{NOISE}")
    return Criterion(
        metric=name,
        operator=operator,
        value=-number if sign == "-" else number,
        unit=unit,
        change=bool(sign),
        raw=bool(raw),
        text=f"{raw}{name}{operator}{sign}{value}",
    )


def _number(value: str, name: str, figure: _Figure, *, change: bool) -> tuple[float, Unit]:
    """Read a value without its sign, as it fits the figure; of a change it may be a percentage, or `noise`."""
    if change and value == NOISE:
        return 0, figure.unit
    match, unit = _NUMBER.fullmatch(value), figure.unit
    percent = match is not None and match[2] == "%"
    if match is not None and percent and (change or unit is Unit.PERCENT):
        return float(match[1]), Unit.PERCENT
    if unit is Unit.TIME and not percent and not re.fullmatch(r"[0-9.]+", value):
        return parse_time(value), unit
    if match is not None and unit is Unit.COUNT and not percent:
        return float(match[1]) * _RATES[match[2]], unit
    right = f"{figure.example[0]}+{1 if unit is Unit.PERCENT else 10}%" if change else figure.example
    raise UsageError(f"{value!r} does not fit {name}", f"{name}{right}")


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
