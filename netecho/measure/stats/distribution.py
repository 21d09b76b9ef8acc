"""The figures of one kind of time over all probes, frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from netecho.measure.stats.histogram import Bin, Histogram


PERCENTS = (50, 90, 95, 99, 99.9)
"""The percentiles a `Distribution` has."""


class Distribution(NamedTuple):
    """One kind of time over all probes. Count, min, max, mean and stddev are exact, percentiles to 0.1%.

    `stddev` is the population's (divisor count), `pNN` the nearest rank.
    """

    count: int = 0  # type: ignore[assignment]  # a tuple has a method of this name
    min: int | None = None
    mean: float | None = None
    stddev: float | None = None
    p50: int | None = None
    p90: int | None = None
    p95: int | None = None
    p99: int | None = None
    p99_9: int | None = None
    max: int | None = None
    bins: tuple[Bin, ...] = ()
    """How the values lie, as finely as a picture or a comparison needs; empty where nobody asked."""

    @classmethod
    def of(cls, histogram: Histogram, *, bins: int = 0) -> Distribution:
        """Return what a histogram holds, with at most so many `bins`."""
        p50, p90, p95, p99, p99_9 = histogram.percentiles(PERCENTS)
        return cls(
            count=histogram.count,
            min=histogram.min,
            mean=histogram.mean,
            stddev=histogram.stddev,
            p50=p50,
            p90=p90,
            p95=p95,
            p99=p99,
            p99_9=p99_9,
            max=histogram.max,
            bins=histogram.bins(bins) if bins else (),
        )


NO_VALUES = Distribution()
