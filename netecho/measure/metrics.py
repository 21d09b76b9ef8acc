"""The figures that can be judged and compared, by the names people use for them. A new one is a row in `METRICS`."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from netecho.measure.result import Setup
    from netecho.measure.stats.distribution import Distribution
    from netecho.measure.summary import Summary

Value = float | None
Get = Callable[["Summary", "Setup"], Value]


class Unit(Enum):
    """What a value is measured in: times are nanoseconds."""

    TIME = "a time"
    COUNT = "a count"
    PERCENT = "a percentage"

    def show(self, value: float, *, signed: bool = False) -> str:
        """Return a value as a person reads it, exact to the nanosecond; `signed` ones above 0 have a plus."""
        scale, digits, after = _SHOWN[self]
        rounded = round(value / scale, digits) + 0.0  # makes a 0 of -0
        number = f"{rounded:.{digits}f}"
        if digits:
            number = number.rstrip("0").rstrip(".")
        return f"{'+' if signed and rounded > 0 else ''}{number}{after}"


_SHOWN = {Unit.TIME: (MILLISECOND, 6, " ms"), Unit.COUNT: (1, 0, ""), Unit.PERCENT: (1, 3, "%")}


class Metric(NamedTuple):
    """A figure: what it is measured in and where it is found."""

    unit: Unit
    get: Get
    share: Get | None = None
    """A count in percent of what it is a part of, for those that are a part of something."""

    @property
    def example(self) -> str:
        """A condition on this metric, without its name."""
        return ">20ms" if self.unit is Unit.TIME else ">1%" if self.share else ">3"


FIGURES = ("min", "mean", "stddev", "p50", "p90", "p95", "p99", "p99_9", "max")
"""What a distribution is asked for, in the order it is shown."""


def distribution(name: str, get: Callable[[Summary], Distribution | None]) -> dict[str, Metric]:
    """Return the rows of one kind of time, `name.min` to `name.max`; no distribution, no values."""

    def figure(which: str) -> Metric:
        return Metric(Unit.TIME, lambda summary, _: getattr(get(summary), which, None))

    return {f"{name}.{which}": figure(which) for which in FIGURES}


def part(of: Callable[[Summary], int | None], whole: Callable[[Summary], int]) -> Metric:
    """Return the row of a count that is also a share of another."""

    def share(summary: Summary, _: Setup) -> Value:
        counted = of(summary)
        return 100 * counted / whole(summary) if whole(summary) and counted is not None else None

    return Metric(Unit.COUNT, lambda summary, _: of(summary), share)


def _settled(summary: Summary) -> int:
    return summary.received + summary.lost


METRICS: dict[str, Metric] = {
    **distribution("rtt", lambda summary: summary.rtt),
    **distribution("response", lambda summary: summary.response),
    **distribution("lag", lambda summary: summary.lag),
    **distribution("forward", lambda summary: summary.forward),
    **distribution("backward", lambda summary: summary.backward),
    **distribution("processing", lambda summary: summary.processing),
    "sent": Metric(Unit.COUNT, lambda summary, _: summary.sent),
    "received": Metric(Unit.COUNT, lambda summary, _: summary.received),
    "loss": part(lambda summary: summary.lost, _settled),
    "loss_forward": part(lambda summary: summary.lost_forward, _settled),
    "loss_backward": part(lambda summary: summary.lost_backward, _settled),
    "late": part(lambda summary: summary.late, _settled),
    "duplicate": part(lambda summary: summary.duplicate, lambda summary: summary.received),
    "reordered": part(lambda summary: summary.reordered, lambda summary: summary.received),
    "corrupt": part(lambda summary: summary.corrupt, lambda summary: summary.received),
    "unavailable": Metric(Unit.TIME, lambda summary, _: summary.unavailable if summary.sent else None),
    "gone": Metric(Unit.TIME, lambda summary, _: summary.gone),
    "ipdv": Metric(Unit.TIME, lambda summary, _: summary.ipdv_mean_abs),
    "pdv": Metric(Unit.TIME, lambda summary, _: summary.pdv_p99),
    "jitter": Metric(Unit.TIME, lambda summary, _: summary.jitter_rfc3550),
    "resolve": Metric(Unit.TIME, lambda _, setup: setup.resolve),
    # With a connection for each probe, there are as many of them: the median.
    "connect": Metric(Unit.TIME, lambda summary, setup: setup.connect or summary.connect.p50),
    "tls": Metric(Unit.TIME, lambda summary, setup: setup.tls or summary.tls.p50),
}
"""All that a criterion may name."""
