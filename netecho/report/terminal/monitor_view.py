"""The live table of a monitor: a row a target, the worst first, at the bottom of the terminal.

It is drawn from the targets when the reactor has time for it. With many targets only those that are shown are looked
into: the order is made of what each has at hand.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from netecho.monitor.state import State
from netecho.report.document.monitoring import states
from netecho.report.escape import printable
from netecho.report.humanize import many, ms, percent, span
from netecho.report.terminal import sparkline
from netecho.report.terminal.display import Display
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.tables import fitted, room_beside
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.measure.summary import Summary
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.report.output import Output

STYLES = {
    State.UNREACHABLE: "bold red",
    State.DOWN: "bold red",
    State.DEGRADED: "bold yellow",
    State.PENDING: "dim",
    State.UP: "green",
}
"""From the worst on."""
_RANKS = {state: rank for rank, state in enumerate(STYLES)}
_HISTORY = "last hour"
_DROPPED_FIRST = ("p50/h", "p99/h", "loss/h", "p50", "p99")
"""What a narrow terminal does without, in this order."""
_REASON = "reason"
_LEAST_REASON, _MOST_REASON = 10, 40
"""Columns that it needs, and that it takes: the course over time has what is left."""
_NARROWEST, _SHARE = 12, 3
"""A target's name has at least so many columns, and at most one in so many of all."""


class MonitorView:
    """Draws the targets."""

    def __init__(
        self,
        output: Output,
        targets: Callable[[], Sequence[MonitoredTarget]],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._levels = sparkline.BLOCKS if output.glyphs else sparkline.ASCII
        self._display = Display(output)
        self._targets = targets
        self._clock = clock
        self._began = self._drawn = clock()

    def draw(self) -> None:
        """Put the targets on the screen, once a second."""
        now = self._clock()
        if self._began < now < self._drawn + SECOND:
            return
        self._drawn = now
        self._display.show(self.frame(now, *self._display.size))

    def pause(self, least: float, took: float) -> float | None:
        """Return None: the targets are probed at different times."""
        del least, took
        return None

    def draw_anew(self) -> None:
        """Draw what was drawn last again, whole."""
        self._display.show_anew()

    def close(self) -> None:
        """Leave the screen as it was."""
        self._display.close()

    def frame(self, now: int, width: int, height: int) -> RenderableType:
        """Return what is shown in so many columns and rows."""
        every = self._targets()
        return Group(
            _title(every, now - self._began),
            *table(every, width, max(1, height - 3), self._levels),
        )


def _title(targets: Sequence[MonitoredTarget], elapsed: int) -> Text:
    title = Text(no_wrap=True, overflow="crop")
    title.append(f"{many(len(targets), 'target')}, {span(elapsed / MILLISECOND)}", "bold")
    counted = states(targets)
    for state, style in STYLES.items():
        if str(state) in counted:
            title.append(f"  {counted[str(state)]} {state}", style)
    return title


def table(targets: Sequence[MonitoredTarget], width: int, most: int, levels: str) -> list[RenderableType]:
    """Return the table of at most so many targets, the worst first, and a line of how many it leaves out."""
    ordered = sorted(targets, key=_badness)
    shown = ordered if len(ordered) <= most else ordered[:most]
    parts: list[RenderableType] = [_rows(shown, width, levels)]
    if len(shown) < len(ordered):
        others = many(len(ordered) - len(shown), "more target", "more targets")
        parts.append(Text(f"and {others}, none of them worse", "dim", no_wrap=True, overflow="crop"))
    return parts


def printed(targets: Sequence[MonitoredTarget], most: int, *, width: int, color: bool, glyphs: bool) -> str:
    """Return the table as text."""
    levels = sparkline.BLOCKS if glyphs else sparkline.ASCII
    return rendered(Group(*table(targets, width, most, levels)), width=width, color=color)


def _badness(target: MonitoredTarget) -> tuple[int, int, int, str]:
    lost, median = target.windows.at_a_glance()
    return _RANKS[target.state.state], -lost, -median, target.settings.name


def _rows(targets: Sequence[MonitoredTarget], width: int, levels: str) -> RenderableType:
    room = max(_NARROWEST, width // _SHARE)
    first = ["rtt, ms", *(_cut(printable(target.settings.name), room) for target in targets)]
    minutes = [target.last_minute() for target in targets]
    hours = [target.last_hour() for target in targets]
    columns: dict[str, list[str | Text]] = {
        "state": ["state", *(Text(str(each.state.state), STYLES[each.state.state]) for each in targets)],
        "loss": ["loss", *map(_loss, minutes)],
        "p50": ["p50", *(_time(each, "p50") for each in minutes)],
        "p99": ["p99", *(_time(each, "p99") for each in minutes)],
        "loss/h": ["loss/h", *map(_loss, hours)],
        "p50/h": ["p50/h", *(_time(each, "p50") for each in hours)],
        "p99/h": ["p99/h", *(_time(each, "p99") for each in hours)],
    }
    left = room_beside(first, columns, width)
    reasons = [_reason(target) for target in targets]
    if any(reasons) and left >= _LEAST_REASON:
        beside = left - len(_HISTORY) - 2
        room = min(_MOST_REASON, max(map(len, reasons)), beside if beside >= _LEAST_REASON else left)
        columns[_REASON] = [_REASON, *(Text(_begun(reason, room)) for reason in reasons)]
        left = room_beside(first, columns, width)
    if left >= len(_HISTORY):
        columns[_HISTORY] = [_HISTORY, *(_course(target, min(left, 60), levels) for target in targets)]
    return fitted(first, columns, _DROPPED_FIRST, width, left=("state", _REASON, _HISTORY))


def _reason(target: MonitoredTarget) -> str:
    return "" if target.state.state in (State.UP, State.PENDING) else printable(target.state.reason)


def _begun(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 2]}.."


def _cut(name: str, room: int) -> str:
    """Return a name, its middle left out where it is too long: what differs stands at its ends."""
    if len(name) <= room:
        return name
    end = (room - 2) // 2
    return f"{name[: room - 2 - end]}..{name[-end:]}"


def _loss(summary: Summary) -> Text:
    if not summary.received + summary.lost:
        return Text("-", "dim")
    return Text(percent(summary.lost, summary.received + summary.lost), "bold red" if summary.lost else "")


def _time(summary: Summary, name: str) -> str:
    value: int | None = getattr(summary.rtt, name)
    return ms(None if value is None else value / MILLISECOND)


def _course(target: MonitoredTarget, room: int, levels: str) -> Text:
    """Return the medians of the last minutes; `x` where none was answered."""
    minutes = target.windows.minutes[-room:]
    drawn = sparkline.of_times([minute.p50 for minute in minutes], levels)
    course = Text("".join(" " if not minute.counts.sent else each for minute, each in zip(minutes, drawn, strict=True)))
    course.highlight_regex("x", "bold red")
    return course
