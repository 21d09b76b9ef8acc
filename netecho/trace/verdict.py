"""What makes a trace fail: `--fail-if` of the loss and the round trips to the end of the path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.errors import UsageError
from netecho.measure.criteria import Failure, parse
from netecho.measure.metrics import FIGURES, Unit
from netecho.trace.loss import end_to_end

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netecho.measure.criteria import Criterion
    from netecho.trace.result import Trace

METRICS = ("loss", "received", *(f"rtt.{figure}" for figure in FIGURES))


def criteria(text: str) -> tuple[Criterion, ...]:
    """Read the criteria of one `--fail-if`. Raises UsageError, for figures that a trace has not too."""
    found = parse(text)
    for each in found:
        if each.metric not in METRICS:
            raise UsageError(
                f"{each.metric!r} is not a figure of a trace", f"loss, received, or {METRICS[-1]} and the like"
            )
    return found


def judge(asked: Iterable[Criterion], trace: Trace) -> tuple[Failure, ...]:
    """Return what a trace failed: that the target answers is asked of all."""
    (answered,) = parse("received<1")
    values = [(each, _value(each, trace)) for each in (answered, *asked)]
    return tuple(Failure(each, value) for each, value in values if each.fails(value))


def _value(criterion: Criterion, trace: Trace) -> float | None:
    lost = end_to_end(trace)
    if criterion.metric == "received":
        return lost.of - lost.lost if trace.reached else 0
    if criterion.metric == "loss":
        if criterion.unit is Unit.PERCENT:
            return 100 * lost.lost / lost.of if lost.of and trace.reached else None
        return lost.lost if trace.reached else None
    figure: float | None = getattr(trace.rtt, criterion.metric.removeprefix("rtt."))
    return figure if trace.reached else None
