"""The live table of a monitor: a row a target, the worst first, at the bottom of the terminal.

Where keys are read they order it, choose what is in it and open one target; a line at its end has them.

It is drawn from the targets when the reactor has time for it. With many targets only those that are shown are looked
into: the order is made of what each has at hand.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from netecho.monitor.state import State
from netecho.report.document.monitoring import states
from netecho.report.escape import printable
from netecho.report.humanize import many, ms, percent, span
from netecho.report.terminal import sparkline
from netecho.report.terminal.browsing import Browsing, Order
from netecho.report.terminal.display import Display
from netecho.report.terminal.keys import Keys
from netecho.report.terminal.monitor_target import REMEMBERED, Event, opened
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.tables import fitted, room_beside
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from netecho.measure.summary import Summary
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.state import Change
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
        wall: Callable[[], int] = time.time_ns,
        *,
        ended: Callable[[], None] | None = None,
    ) -> None:
        """`clock` is that of the targets' states. `ended` is called where a key asks for the end; None: no keys."""
        self._glyphs = output.glyphs
        self._levels = sparkline.BLOCKS if output.glyphs else sparkline.ASCII
        self._display = Display(output)
        self._targets = targets
        self._clock = clock
        self._wall = wall
        self._began = self._drawn = clock()
        self._ended = ended
        self._keys = Keys()
        self._browsing = Browsing()
        self._events: dict[str, deque[Event]] = {}
        """The last changes of each target, while keys may ask for them."""

    def changed(self, target: MonitoredTarget, change: Change) -> None:
        """Remember a change of state."""
        if self._ended is not None:
            events = self._events.setdefault(target.settings.name, deque(maxlen=REMEMBERED))
            events.append(Event(self._wall(), change))

    def pressed(self, data: bytes) -> None:
        """Take in what was typed, and draw what becomes of it at once."""
        browsing = self._browsing
        names: list[str] = []
        listed = None
        for key in self._keys.taken(data):
            if listed != (browsing.order, browsing.filter) and not browsing.is_typing:
                listed = browsing.order, browsing.filter
                names = [target.settings.name for target in self._listed()]
            browsing.press(key, names)
        if browsing.wants_end and self._ended is not None:
            self._ended()
            return
        self._drawn = self._clock()
        self._display.show(self.frame(self._drawn, *self._display.size))

    def draw(self) -> None:
        """Put the targets on the screen, once a second."""
        now = self._clock()
        if self._began < now < self._drawn + SECOND or self._browsing.paused:
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
        title = _title(every, now - self._began)
        if self._ended is None:
            return Group(title, *table(every, width, max(1, height - 3), self._levels))
        browsing = self._browsing
        keys = _key_line(browsing, arrows=self._glyphs)
        target = next((each for each in every if each.settings.name == browsing.opened), None)
        if target is not None:
            events = tuple(self._events.get(target.settings.name, ()))
            size = width, height - 1
            return Group(*opened(target, events, now, self._wall(), size, glyphs=self._glyphs), keys)
        shown = _browsed(self._listed(), browsing, width, max(1, height - 4), self._levels)
        return Group(title, *shown, keys)

    def _listed(self) -> list[MonitoredTarget]:
        """Return the targets that the filter leaves, in their order."""
        wanted = self._browsing.filter.casefold()
        targets = self._targets()
        if wanted:
            targets = [each for each in targets if wanted in _searched(each)]
        return sorted(targets, key=_ORDERS[self._browsing.order])


def _searched(target: MonitoredTarget) -> str:
    """Return what a filter looks through."""
    settings = target.settings
    labels = (f"{name}={value}" for name, value in settings.probing.labels)
    facts = (settings.name, settings.target.url, settings.group, target.address, target.state.state, *labels)
    return "\n".join(str(each) for each in facts if each).casefold()


def _key_line(browsing: Browsing, *, arrows: bool) -> Text:
    line = Text(no_wrap=True, overflow="crop")
    if browsing.is_typing:
        line.append(f"/{browsing.filter}", "bold")
        line.append("_  Enter keeps it  Esc leaves it", "dim")
        return line
    up_down = "↑↓" if arrows else "j k"
    if browsing.opened is not None:
        words = [("q", "quit"), (up_down, "next"), ("Esc", "back"), ("p", "go on" if browsing.paused else "pause")]
    else:
        kept = f"filter: {browsing.filter}" if browsing.filter else "filter"
        order = f"by {browsing.order}"
        pause = "go on" if browsing.paused else "pause"
        words = [("q", "quit"), ("s", order), ("p", pause), (f"{up_down} Enter", "open"), ("/", kept)]
    for key, word in words:
        line.append(f"{key} ", "bold")
        line.append(f"{printable(word)}  ", "yellow" if word == "go on" else "dim")
    return line


def _browsed(
    listed: Sequence[MonitoredTarget], browsing: Browsing, width: int, most: int, levels: str
) -> list[RenderableType]:
    """Return the part of the targets in which the selected one stands, and a line of which part that is."""
    if not listed:
        return [Text("no target has that in its name, address, group, labels or state" if browsing.filter else "")]
    names = [target.settings.name for target in listed]
    place = names.index(browsing.selected) if browsing.selected in names else None
    top = 0 if place is None else max(0, min(place - most // 2, len(listed) - most))
    shown = listed[top : top + most]
    parts: list[RenderableType] = [_rows(shown, width, levels, None if place is None else place - top)]
    if len(shown) < len(listed):
        where = f"{top + 1:,} to {top + len(shown):,} of {many(len(listed), 'target')}"
        parts.append(Text(where, "dim", no_wrap=True, overflow="crop"))
    return parts


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


_ORDERS: Mapping[Order, Callable[[MonitoredTarget], tuple[int | str, ...]]] = {
    Order.WORST: _badness,
    Order.LOSS: lambda target: (-target.windows.at_a_glance()[0], target.settings.name),
    Order.DELAY: lambda target: (-target.windows.at_a_glance()[1], target.settings.name),
    Order.NAME: lambda target: (target.settings.name,),
}
"""By what is at hand: figures of a thousand targets would take longer than a frame may."""


def _rows(targets: Sequence[MonitoredTarget], width: int, levels: str, selected: int | None = None) -> RenderableType:
    room = max(_NARROWEST, width // _SHARE)
    names = [_cut(printable(target.settings.name), room) for target in targets]
    if selected is not None:
        names = [f"{'>' if n == selected else ' '} {name}" for n, name in enumerate(names)]
    first = ["rtt, ms", *names]
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
