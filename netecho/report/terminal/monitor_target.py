"""One target of a monitor, looked into: its last hour as a chart, percentiles, phases, and what happened last."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from netecho.measure.stats.timeline import Period
from netecho.monitor.buckets import BOUNDS
from netecho.report.escape import printable
from netecho.report.humanize import many, ms, percent, reason_words, span
from netecho.report.terminal import time_chart
from netecho.report.terminal.tables import fitted
from netecho.report.terminal.time_chart import Line, chart
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from netecho.measure.stats.distribution import Distribution
    from netecho.monitor.buckets import Buckets
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.state import Change, State

REMEMBERED = 50
"""Changes of a target that are kept for this."""
_MINUTE = 60 * SECOND
_COLUMNS = ("min", "mean", "p50", "p90", "p99", "p99_9", "max")
_DROPPED_FIRST = ("mean", "p90", "p99_9", "min")
_PHASES = ("resolve", "connect", "tls")
_LEAST_CHART = 6
_COMPACT_BELOW = 12
"""Rows."""


class Event(NamedTuple):
    """A change of state, and when it was: wall clock, nanoseconds since 1970."""

    at: int
    change: Change


def opened(
    target: MonitoredTarget, events: Sequence[Event], now: int, wall: int, size: tuple[int, int], *, glyphs: bool
) -> list[RenderableType]:
    """Return a target in so many columns and rows; `now` is of the clock of its state, `wall` the same moment."""
    width, height = size
    compact = height < _COMPACT_BELOW
    above = [*_head(target, now), _counts(target)]
    table = _times(target, width, compact=compact)
    below: list[RenderableType] = [table, *(() if compact else _phases(target))]
    taken = len(above) + table.row_count + len(below) - 1
    lines = [_event(each) for each in reversed(events)][: max(0, min(8, (height - taken) // 3))]
    drawn = _chart(target, width, height - taken - len(lines), wall, glyphs=glyphs)
    return [*above, *drawn, *below, *lines]


def _head(target: MonitoredTarget, now: int) -> list[Text]:
    settings, state = target.settings, target.state
    title = Text(printable(settings.name), "bold", no_wrap=True, overflow="crop")
    title.append(f"  {state.state} for {span((now - state.since) / MILLISECOND)}", "")
    if state.reason:
        title.append(f": {printable(state.reason)}", "")
    facts = [printable(settings.target.url)]
    if target.address is not None:
        facts.append(printable(target.address))
    if settings.group is not None:
        facts.append(f"group {printable(settings.group)}")
    facts += [f"{name}={printable(value)}" for name, value in settings.probing.labels]
    return [title, Text("  ".join(facts), "dim", no_wrap=True, overflow="crop")]


def _counts(target: MonitoredTarget) -> Text:
    minute, hour = target.last_minute(), target.last_hour()
    line = Text(no_wrap=True, overflow="crop")
    for name, each in (("last minute", minute), ("last hour", hour)):
        known = each.received + each.lost
        line.append(f"{name}: {each.sent:,} sent, ")
        line.append(f"{each.lost:,} lost ({percent(each.lost, known)})", "bold red" if each.lost else "")
        line.append("  ")
    losses = target.recorder.losses
    if losses:
        line.append(", ".join(f"{count:,} {reason_words(str(reason))}" for reason, count in losses.items()), "red")
    return line


def _times(target: MonitoredTarget, width: int, *, compact: bool) -> Table:
    minute, hour = target.last_minute(), target.last_hour()
    rows = {"rtt, minute": minute.rtt, "rtt, hour": hour.rtt}
    if not compact:
        rows |= {"response, minute": minute.response, "response, hour": hour.response}
    columns = {name: [name.replace("_", "."), *(_cell(each, name) for each in rows.values())] for name in _COLUMNS}
    return fitted(["ms", *rows], columns, _DROPPED_FIRST, width)


def _cell(times: Distribution, column: str) -> str:
    value: float | None = getattr(times, column)
    return ms(None if value is None else value / MILLISECOND)


def _phases(target: MonitoredTarget) -> list[RenderableType]:
    """Return a line of what connections took, of those that there were, since the start."""
    phases = target.recorder.phases
    known = [(name, buckets) for name in _PHASES if (buckets := getattr(phases, name)) is not None]
    if not known:
        return []
    said = (f"{name} {_phase(buckets)}" for name, buckets in known)
    return [Text("  ".join(said), no_wrap=True, overflow="crop")]


def _phase(buckets: Buckets) -> str:
    reached = buckets.classic()
    count = reached[-1]
    half = (count + 1) // 2
    place = bisect_left(reached, half)
    mean = ms(buckets.total / count / MILLISECOND)
    middle = f"half <= {BOUNDS[place] / MILLISECOND:g}" if place < len(BOUNDS) else "half > 10000"
    return f"{mean} ms in the mean of {many(count, 'time')}, {middle} ms"


def _chart(target: MonitoredTarget, width: int, height: int, wall: int, *, glyphs: bool) -> list[RenderableType]:
    minutes = target.windows.minutes[-max(1, width - time_chart.MARGIN) :]
    if height < _LEAST_CHART or not minutes:
        return []
    periods = [
        Period(
            n * _MINUTE,
            (n + 1) * _MINUTE,
            minute.counts.received,
            minute.counts.lost,
            minute.p50,
            None,
            minute.rtt.high if minute.rtt.counted else None,
        )
        for n, minute in enumerate(minutes)
    ]
    hour = target.last_hour().rtt
    lines = [Line("p50", hour.p50), Line("p99", hour.p99)]
    drawn = time_chart.BLOCKS if glyphs else time_chart.ASCII
    return [*chart(periods, width, height, started=wall - len(minutes) * _MINUTE, lines=lines, glyphs=drawn)]


def _event(event: Event) -> Text:
    moment = datetime.fromtimestamp(event.at // SECOND, UTC).astimezone()
    before: State = event.change.before
    was = "" if before == "pending" else f" (was {before} for {span(event.change.lasted / MILLISECOND)})"
    text = f"{moment:%Y-%m-%d %H:%M:%S} {event.change.after}: {printable(event.change.reason)}{was}"
    return Text(text, no_wrap=True, overflow="crop")
