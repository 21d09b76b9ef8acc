"""The figures so far, in a line: what a signal or `--report-every` asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.report.document.values import exact_milliseconds, milliseconds
from netecho.report.humanize import ms, percent, span

if TYPE_CHECKING:
    from netecho.measure.summary import Summary


def interim_line(summary: Summary, elapsed: int, measured: str = "rtt") -> str:
    """Return the figures after `elapsed` nanoseconds; `measured` is what the round trips are called."""
    settled = summary.received + summary.lost
    line = (
        f"netecho: after {span(exact_milliseconds(elapsed))}: {summary.sent:,} sent, {summary.received:,} received, "
        f"{summary.lost:,} lost ({percent(summary.lost, settled)})"
    )
    if summary.dropped_here:
        line += f", {summary.dropped_here:,} dropped here"
    rtt = summary.rtt
    if not rtt.count:
        return line
    figures = {"min": rtt.min, "p50": rtt.p50, "p99": rtt.p99, "max": rtt.max}
    words = ", ".join(f"{name} {ms(milliseconds(value))}" for name, value in figures.items())
    return f"{line}; {measured} {words} ms"
