"""Nanoseconds as documents have them, floats of milliseconds and ISO 8601, and back: no other module converts them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from netecho.units import MICROSECOND, MILLISECOND, SECOND

if TYPE_CHECKING:
    from netecho.measure.stats.distribution import Distribution


def milliseconds(nanoseconds: float | None) -> float | None:
    """Return nanoseconds as milliseconds, rounded to the nanosecond; None for what is no number."""
    if isinstance(nanoseconds, int):
        return nanoseconds / MILLISECOND  # the nearest float there is to it, as a rounded one would be
    if nanoseconds is None or not math.isfinite(nanoseconds):
        return None
    return round(nanoseconds / MILLISECOND, 6)


def exact_milliseconds(nanoseconds: float) -> float:
    """Return nanoseconds as milliseconds; whole ones are read back by `nanoseconds` as they were."""
    return nanoseconds / MILLISECOND


def nanoseconds(milliseconds: float) -> int:
    """Return milliseconds of a document as nanoseconds."""
    return round(milliseconds * MILLISECOND)


def timestamp(nanoseconds: int) -> str:
    """Return wall clock since 1970 as ISO 8601, UTC, to the microsecond."""
    seconds, rest = divmod(nanoseconds, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // MICROSECOND:06d}Z"


class TimeOfDay:
    """When something happened, from the nanoseconds since the start of the run: a row has it, so it is made fast."""

    def __init__(self, started: int) -> None:
        self._started = started
        self._second = -1
        self._shown = ""

    def at(self, scheduled: int) -> str:
        """Return it as `timestamp` does."""
        second, rest = divmod(self._started + scheduled, SECOND)
        if second != self._second:
            self._second, self._shown = second, timestamp(second * SECOND)[: -len("000000Z")]
        return f"{self._shown}{rest // MICROSECOND:06d}Z"


def distribution(values: Distribution) -> dict[str, float | int | None]:
    """Return the figures of one kind of time, under the names they have everywhere in the document."""
    return {
        "count": values.count,
        "min_ms": milliseconds(values.min),
        "mean_ms": milliseconds(values.mean),
        "stddev_ms": milliseconds(values.stddev),
        "p50_ms": milliseconds(values.p50),
        "p90_ms": milliseconds(values.p90),
        "p95_ms": milliseconds(values.p95),
        "p99_ms": milliseconds(values.p99),
        "p99_9_ms": milliseconds(values.p99_9),
        "max_ms": milliseconds(values.max),
    }
