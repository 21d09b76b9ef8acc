"""Two runs of load side by side: what changed, and what is more than the runs' own spread explains.

Under load delays follow the sawtooth of TCP's congestion control, of which a phase has a few teeth: a bootstrap of its
parts, which takes them for independent, would find differences where there are none. So a phase's steady part is cut
into stretches, each with its median, and a change is more than noise only where no stretch of one run is as high as
any of the other: what a run varies by within itself is then less than what it differs by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.measure.compare import Change
from netecho.measure.criteria import Failure
from netecho.measure.metrics import Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netecho.measure.criteria import Criterion
    from netecho.measure.metrics import Value

FEWEST = 10
"""Stretches below which a run's spread is not known."""
TEST = "ranges of the medians of stretches"


class Figure(NamedTuple):
    """One figure of a run. Times are nanoseconds, shares percent, a goodput is bit/s."""

    value: float | None
    unit: Unit
    stretches: tuple[float, ...] = ()
    """What it was in the stretches of its phase; none where a run has one value of it."""


def compare(before: Mapping[str, Figure], after: Mapping[str, Figure]) -> tuple[Change, ...]:
    """Return the change of each figure that has a value in one of the runs, in their order."""
    names = dict.fromkeys([*before, *after])
    nothing = Figure(None, Unit.COUNT)
    pairs = {name: (before.get(name, nothing), after.get(name, nothing)) for name in names}
    return tuple(
        _change(name, was, now) for name, (was, now) in pairs.items() if was.value is not None or now.value is not None
    )


def judge(criteria: Iterable[Criterion], after: Mapping[str, Figure], changes: Iterable[Change]) -> tuple[Failure, ...]:
    """Return what failed: of a change between the two runs, or, without a sign, of the second.

    A change that is within noise does not fail; one of which that is not known does, and says so.
    """
    of = {each.metric: each for each in changes}
    failures = []
    for criterion in dict.fromkeys(criteria):
        change = of.get(criterion.metric)
        value = _changed(criterion, change) if criterion.change else _value(after, criterion.metric)
        if not criterion.fails(value):
            continue
        if not criterion.change or criterion.raw or change is None or value is None:
            failures.append(Failure(criterion, value))
        elif not change.within_noise:
            why = None if change.within_noise is False else f"noise not known: {change.reason}"
            failures.append(Failure(criterion._replace(meaning=why), value))
    return tuple(failures)


def _value(run: Mapping[str, Figure], metric: str) -> Value:
    figure = run.get(metric)
    return None if figure is None else figure.value


def _changed(criterion: Criterion, change: Change | None) -> Value:
    """Return by what a figure changed, in the unit of the criterion."""
    if change is None:
        return None
    if criterion.unit is change.unit:
        return change.difference
    return 0.0 if change.difference == 0 else change.percent


def _change(name: str, was: Figure, now: Figure) -> Change:
    if was.value is None or now.value is None:
        unit = now.unit if was.value is None else was.unit
        why = "one of the runs has no value"
        return Change(
            metric=name, unit=unit, before=was.value, after=now.value, difference=None, percent=None, reason=why
        )
    difference = round(now.value - was.value, 9)
    relative = 100 * difference / was.value if was.value and was.unit is not Unit.PERCENT else None
    interval, reason = _interval(was, now)
    return Change(
        metric=name,
        unit=was.unit,
        before=was.value,
        after=now.value,
        difference=difference,
        percent=relative,
        interval=interval,
        reason=reason,
    )


def _interval(was: Figure, now: Figure) -> tuple[tuple[float, float] | None, str | None]:
    """Return from where to where stretches of the two runs differ, or why that is not known."""
    if not was.stretches or not now.stretches:
        return None, "a run has one value of it"
    if min(len(was.stretches), len(now.stretches)) < FEWEST:
        return None, f"needs {FEWEST} stretches of a phase in each run"
    return (min(now.stretches) - max(was.stretches), max(now.stretches) - min(was.stretches)), None
