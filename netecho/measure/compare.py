"""Two runs side by side: for each figure the difference, and whether it is more than the runs' own spread explains.

The figures are those of the summaries, exact as ever. What they vary by is learned from the single probes, where the
runs were saved with them; from summaries alone it is not known, and said so. The tests are in `stats.bootstrap`.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from netecho.measure.criteria import Criterion, Failure
from netecho.measure.metrics import FIGURES, METRICS, Metric, Unit, Value
from netecho.measure.stats.bootstrap import CONFIDENCE, LEAST, Blocks, RankTest, Resample, interval, location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from netecho.measure.result import Setup
    from netecho.measure.samples import Samples
    from netecho.measure.summary import Summary

INTERVAL_TEST = f"block bootstrap, {CONFIDENCE:.0%} interval"
LOCATION_TEST = "Mann-Whitney U test of stretch medians"
BEYOND = 10
"""Values that have to lie above a percentile for its spread to be known: a p99 needs 1,000."""

Known = tuple[tuple[float, float] | None, str | None]
"""An interval, or why there is none."""

_PERCENTS = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p99_9": 99.9}
_KINDS = ("rtt", "response", "lag")
# Which figures of which series of `Samples` are which metrics. A new series is a row here.
_TESTED = {kind: {f"{kind}.{figure}": figure for figure in FIGURES} for kind in _KINDS} | {
    "ipdv": {"ipdv": "mean"},
    "lost": {"loss": "percent"},
}
_NOT_TESTED: Known = (None, "not tested")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One of two runs that are compared; `samples` where it was saved with its events."""

    summary: Summary
    setup: Setup
    samples: Samples | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One figure in both runs. Times are nanoseconds, shares percent and their difference percentage points."""

    metric: str
    unit: Unit
    before: Value
    after: Value
    difference: Value
    percent: Value
    """The difference in percent of `before`; None where that is 0, or a share itself."""
    interval: tuple[float, float] | None = None
    """What the difference could be, by what the figure varies within the runs; None where that is not known."""
    reason: str | None = None
    """Why it is not."""

    @property
    def within_noise(self) -> bool | None:
        """Whether the runs' own spread explains the difference; None where that is undecided."""
        if self.difference == 0:
            return True
        return None if self.interval is None else self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs side by side."""

    changes: tuple[Change, ...]
    """Of every metric that has a value in one of the runs, in the order of `METRICS`."""
    locations: Mapping[str, RankTest]
    """Whether `rtt`, `response` and `lag` as a whole are higher in the second run; empty without samples."""

    def of(self, metric: str) -> Change | None:
        """Return the change of one metric."""
        return next((change for change in self.changes if change.metric == metric), None)


def compare(before: Run, after: Run, *, seed: int = 0) -> Comparison:
    """Compare two runs; the same runs and `seed` give the same answer. Takes seconds where they have many probes."""
    known: dict[str, Known] = {}
    locations: dict[str, RankTest] = {}
    for series, metrics in _TESTED.items():
        if before.samples is None or after.samples is None:
            known |= dict.fromkeys(metrics, (None, "a run was saved without its probes"))
            continue
        values = [getattr(samples, series).ordered() for samples in (before.samples, after.samples)]
        # One series at a time: prepared for resampling, a long one takes some 20 MB.
        tests = _Tests(values[0], values[1], Random(f"{seed} {series}"))
        known |= {metric: tests.known(figure) for metric, figure in metrics.items()}
        if series in _KINDS and tests.location is not None:
            locations[series] = tests.location
    values_of = {name: _values(metric, before, after) for name, metric in METRICS.items()}
    return Comparison(
        changes=tuple(
            _change(name, was, now, known.get(name, _NOT_TESTED))
            for name, (was, now) in values_of.items()
            if was is not None or now is not None
        ),
        locations=locations,
    )


def judge(criteria: Iterable[Criterion], before: Run, after: Run, comparison: Comparison) -> tuple[Failure, ...]:
    """Return what failed: of a change between the two runs, or, without a sign, of the second.

    A change that is within noise does not fail; one of which that is undecided does, and says so.
    """
    failures = []
    for criterion in dict.fromkeys(criteria):
        value = _measured(criterion, before, after)
        change = comparison.of(criterion.metric) if criterion.change and not criterion.raw else None
        if not criterion.fails(value) or (change is not None and change.within_noise):
            continue
        unknown = change is not None and value is not None and change.within_noise is None
        meaning = f"noise not known: {change.reason}" if change is not None and unknown else criterion.meaning
        failures.append(Failure(criterion._replace(meaning=meaning), value))
    return tuple(failures)


def _measured(criterion: Criterion, before: Run, after: Run) -> Value:
    if not criterion.change:
        return criterion.measured(after.summary, after.setup)
    metric = METRICS[criterion.metric]
    if criterion.unit is Unit.PERCENT and not metric.share:
        return _relative(metric.get(before.summary, before.setup), metric.get(after.summary, after.setup))
    was, now = (criterion.measured(run.summary, run.setup) for run in (before, after))
    return _difference(was, now)


def _values(metric: Metric, before: Run, after: Run) -> tuple[Value, Value]:
    # Runs may differ in length, so what is a share is compared as one.
    get = metric.share or metric.get
    return get(before.summary, before.setup), get(after.summary, after.setup)


def _difference(was: Value, now: Value) -> Value:
    # Rounded so that 0.3% less 0.2% is not a little less than 0.1.
    return None if was is None or now is None else round(now - was, 9)


def _relative(was: Value, now: Value) -> Value:
    if was is None or now is None:
        return None
    return 100 * (now - was) / was if was else (0.0 if now == was else None)


class _Tests:
    """What is known of the figures of one series, in both runs."""

    def __init__(self, before: list[int], after: list[int], random: Random) -> None:
        self._fewest = min(len(before), len(after))
        self.location: RankTest | None = None
        self._resamples: list[list[Resample]] = []
        """Of both runs."""
        if self._fewest >= LEAST:
            first, second = Blocks(before), Blocks(after)
            self._resamples = [list(run.resamples(random)) for run in (first, second)]
            self._parts = min(len(first.parts), len(second.parts))
            self.location = location(first, second)

    def known(self, figure: str) -> Known:
        """Return the interval of a figure's difference, or why there is none."""
        if figure in ("min", "max"):
            return None, "an extreme: no resample goes beyond it"
        percent = _PERCENTS.get(figure)
        needed = LEAST if percent is None else max(LEAST, round(BEYOND / (1 - percent / 100)))
        if self._fewest < needed:
            return None, f"needs {needed:,} probes in each run"
        if percent is not None:
            return self._interval(lambda resample: resample.percentile(percent)), None
        if figure == "stddev":
            return self._interval(Resample.stddev), None
        low, high = self._interval(Resample.mean)
        return ((100 * low, 100 * high) if figure == "percent" else (low, high)), None

    def _interval(self, figure: Callable[[Resample], float]) -> tuple[float, float]:
        first, second = (list(map(figure, resamples)) for resamples in self._resamples)
        return interval(first, second, self._parts)


def _change(name: str, was: Value, now: Value, known: Known) -> Change:
    metric = METRICS[name]
    found, why = (None, "one of the runs has no value") if was is None or now is None else known
    return Change(
        metric=name,
        unit=Unit.PERCENT if metric.share else metric.unit,
        before=was,
        after=now,
        difference=_difference(was, now),
        percent=None if metric.share else _relative(was, now),
        interval=found,
        reason=why,
    )
