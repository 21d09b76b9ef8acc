"""What makes a run fail: `--fail-if 'METRIC OP VALUE'`, and the criteria that every run is held to.

A criterion says what is *not* wanted: it fails when it comes true, and when its metric has no value, for what could
not be measured was not met either.

A value fits its metric. A time is compared with a time that has a unit (`rtt.p99>20ms`): all that is printed is
milliseconds, all that is typed elsewhere is seconds without one, so a bare number would be misread. A
count is compared with a whole number, or as a share with a percentage: `loss>3` is more than three probes, `loss>1%`
more than one in a hundred of those whose fate is known. `late` is a share of the same; `duplicate`, `reordered` and
`corrupt` are shares of the replies.

Between two runs (`netecho compare`) a value with a sign is a change from the first to the second: `rtt.p99>+10%` of
the first run's value, `rtt.p99>+2ms` in time, `loss>+3` in probes; and for what is a share, `loss>+1%` in percentage
points, since a loss of 0 has no tenth. Without a sign, the second run alone is judged.

A change counts where it is more than the runs' own spread explains, or where that is not known; `raw:rtt.p99>+10%`
asks for the difference as it is. `rtt.p99>+noise` is any change for the worse that is more than the spread explains.
"""

from __future__ import annotations

import operator
import re
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from netecho.errors import UsageError
from netecho.measure.metrics import FIGURES, METRICS, Metric, Unit, Value
from netecho.units import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netecho.measure.result import Setup
    from netecho.measure.summary import Summary

_OPERATORS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_CRITERION = re.compile(r"([\w.]*)\s*([<>=!]*)\s*(.*)", re.DOTALL)
_RAW = "raw:"
NOISE = "noise"
"""In the place of a value between two runs: any change beyond what they vary by themselves."""
_SIGNED = re.compile(r"([+-])?(.*)", re.DOTALL)
# Bounded, because int() refuses to convert thousands of digits with an error of its own.
_WHOLE = re.compile(r"[0-9]{1,18}")
_DECIMAL = re.compile(r"[0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18}")


class Criterion(NamedTuple):
    """One condition; its text is the grammar's shortest spelling."""

    metric: str
    operator: str
    value: float
    """Nanoseconds, a number, or percent: as `unit` says."""
    unit: Unit
    text: str
    change: bool = False
    """Whether the value is compared with the change between two runs..."""
    raw: bool = False
    """...even where it is within their noise."""
    meaning: str | None = None
    """What it means to fail this one, where the text is not what anybody wrote."""

    def __str__(self) -> str:
        return self.text

    def fails(self, measured: Value) -> bool:
        """Return whether a value, in `unit`, fails the criterion; None does."""
        return measured is None or _OPERATORS[self.operator](measured, self.value)

    def measured(self, summary: Summary, setup: Setup) -> Value:
        """Return what a run has to hold against this, in `unit`; None where it has no value."""
        metric = METRICS[self.metric]
        as_share = self.unit is Unit.PERCENT and metric.share
        return (as_share or metric.get)(summary, setup)


class Failure(NamedTuple):
    """A criterion that failed, and the value that failed it; None where there was none."""

    criterion: Criterion
    value: Value

    @property
    def measured(self) -> str:
        """The value as a person reads it."""
        if self.value is None:
            return "no value"
        return self.criterion.unit.show(self.value, signed=self.criterion.change)

    def __str__(self) -> str:
        meaning = self.criterion.meaning
        return f"{self.criterion}: {self.measured}{f' ({meaning})' if meaning else ''}"


def judge(criteria: Iterable[Criterion], summary: Summary, setup: Setup) -> tuple[Failure, ...]:
    """Return what a run failed: of the criteria that all are held to, then of these. Each text counts once."""
    held_to: dict[str, Criterion] = {}
    for criterion in (*ALWAYS, *criteria):
        held_to.setdefault(criterion.text, criterion)
    measured = [(criterion, criterion.measured(summary, setup)) for criterion in held_to.values()]
    return tuple(Failure(criterion, value) for criterion, value in measured if criterion.fails(value))


def parse(text: str, *, comparing: bool = False) -> tuple[Criterion, ...]:
    """Read criteria, joined by commas; `comparing` allows changes. Raises UsageError."""
    return tuple(_parse_one(part.strip(), text, comparing) for part in text.split(","))


def _parse_one(part: str, whole: str, comparing: bool) -> Criterion:
    right = "rtt.p99>+10%" if comparing else "rtt.p99>20ms"
    if not part:
        raise UsageError(f"an empty criterion in {whole!r}", f"a metric, a comparison and a value: {right}")
    raw = comparing and part.startswith(_RAW)
    name, comparison, value = _CRITERION.fullmatch(part.removeprefix(_RAW) if raw else part).groups()  # type: ignore[union-attr]
    metric = METRICS.get(name)
    if metric is None:
        raise _unknown(name, part)
    if comparison not in _OPERATORS:
        what = f"{comparison!r} in {part!r} is not a comparison" if comparison else f"no comparison in {part!r}"
        raise UsageError(what, f"one of > >= < <=: {name}{metric.example}")
    sign, size = _SIGNED.fullmatch(value).groups()  # type: ignore[union-attr]
    if not size:
        raise UsageError(f"no value in {part!r}", f"{name}{metric.example}")
    if sign == "-" and not comparing:
        raise UsageError(f"{value!r} in {part!r} is below 0", f"{name}{metric.example}")
    if sign and not comparing:
        raise UsageError(f"{value!r} in {part!r} compares two runs", f"{name}{metric.example}; or netecho compare")
    if metric.unit is Unit.TIME and _DECIMAL.fullmatch(size) and Fraction(size):
        raise UsageError(f"{size!r} has no unit, and {name} is {metric.unit.value}", f"{name}{comparison}{value}ms")
    if raw and not sign:
        raise UsageError(f"{part!r} is no change between two runs", f"raw:{name}{comparison}+{size}")
    if size == NOISE:
        number, unit = _parse_noise(part, name, metric, comparison, sign, raw=raw)
    else:
        number, unit = _parse_value(size, name, metric, comparing=comparing, change=bool(sign))
    return Criterion(
        metric=name,
        operator=comparison,
        value=-number if sign == "-" else number,
        unit=unit,
        change=bool(sign),
        raw=raw,
        text=f"{_RAW if raw else ''}{name}{comparison}{value}",
    )


def _parse_noise(
    part: str, name: str, metric: Metric, comparison: str, sign: str | None, *, raw: bool
) -> tuple[float, Unit]:
    """Read the change that is beyond noise: more than none, and significantly so."""
    if (comparison, sign) not in ((">", "+"), ("<", "-")) or raw:
        raise UsageError(f"{NOISE!r} in {part!r} is one way or the other", f"{name}>+{NOISE} or {name}<-{NOISE}")
    return 0, Unit.PERCENT if metric.share else metric.unit


def _parse_value(text: str, name: str, metric: Metric, *, comparing: bool, change: bool) -> tuple[float, Unit]:
    """Read a value without its sign, as it fits the metric."""
    right = name + (metric.example.replace(">", ">+") if change else metric.example)
    if text.endswith("%"):
        if comparing and not metric.share:
            right = f"{name}>+10%"
        if not (metric.share or change):
            raise UsageError(f"{text!r} does not fit {name}, which is {metric.unit.value}", right)
        number = text[:-1].rstrip()
        if not _DECIMAL.fullmatch(number):
            raise UsageError(f"{text!r} is not a percentage", right)
        return float(Fraction(number)), Unit.PERCENT
    if metric.unit is Unit.TIME:
        try:
            return parse_time(text), Unit.TIME
        except UsageError as error:
            raise UsageError(error.sentence, right) from None
    if not _WHOLE.fullmatch(text):
        also = " or a percentage" if metric.share else ""
        raise UsageError(f"{text!r} does not fit {name}, which is {metric.unit.value}{also}", right)
    return int(text), Unit.COUNT


def _unknown(name: str, part: str) -> UsageError:
    if not name:
        return UsageError(f"no metric in {part!r}", "rtt.p99>20ms")
    from difflib import get_close_matches

    rest = part[len(name) :].strip()
    begun = [known for known in METRICS if known == f"{name}.p99" or known.endswith(f".{name}")]
    near = begun or get_close_matches(name.lower(), METRICS, n=1)
    if near:
        return UsageError(f"{name!r} in {part!r} is not a metric", f"perhaps {near[0]}{rest}")
    kinds = dict.fromkeys(known.partition(".")[0] for known in METRICS if "." in known)
    others = ", ".join(known for known in METRICS if "." not in known)
    return UsageError(
        f"{name!r} in {part!r} is not a metric",
        f"{others}; or {', '.join(kinds)} with one of {' '.join(f'.{figure}' for figure in FIGURES)}",
    )


def _always(text: str, meaning: str) -> Criterion:
    (criterion,) = parse(text)
    return criterion._replace(meaning=meaning)


ALWAYS = (
    _always("received<1", "no reply at all"),
    _always("corrupt>0", "the echo differs from what was sent"),
    _always("gone>0ms", "the target no longer answered in time when the run ended"),
)
"""What every run is held to, asked or not."""
