"""The live view of several runs at once: a row for each target, at the bottom of the terminal.

Like the view of one run it is drawn from the recorders' figures when the reactor has time for it, and hears of no
single reply.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from netecho.report.humanize import many, ms, percent, span
from netecho.report.terminal import sparkline
from netecho.report.terminal.display import Display
from netecho.report.terminal.progress import RunProgress, progress_row
from netecho.report.terminal.tables import fitted, measured_name, room_beside
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.measure.events import Event
    from netecho.measure.recorder import Recorder
    from netecho.measure.result import Start
    from netecho.measure.summary import Summary
    from netecho.report.document.model import Document
    from netecho.report.output import Output

TIMES = ("p50", "p99", "max")
_DROPPED_FIRST = ("sent", "max", "p99")
"""What a narrow terminal does without, in this order."""
_HISTORY = "over time"


class WatchedTarget:
    """A target's row, and the reporter that learns of its run."""

    follows = False

    def __init__(self, url: str, recorder: Recorder, clock: Callable[[], int]) -> None:
        self.url = url
        self.recorder = recorder
        self.measured = "rtt"
        self.progress = RunProgress({})
        self.began: int | None = None
        """When the first probe was about to leave; None: it is connecting."""
        self.is_reached = True
        self._clock = clock

    def started(self, start: Start) -> None:
        """Begin: the connection stands."""
        self.began = self._clock()
        self.progress = RunProgress(start.settings)
        self.measured = measured_name(start.settings)

    def tell(self, event: Event) -> None:
        """Do nothing: what is drawn is the recorder's."""

    def unreached(self) -> None:
        """Show that it could not be reached."""
        self.is_reached = False

    def finished(self, document: Document) -> None:
        """Do nothing: the view ends when all of them have."""


class SeveralView:
    """Draws several runs in progress."""

    def __init__(self, output: Output, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._levels = sparkline.BLOCKS if output.glyphs else sparkline.ASCII
        self._display = Display(output)
        self._clock = clock
        self._targets: list[WatchedTarget] = []
        # Rich loads what a frame takes now, and not in the middle of the runs: that takes ten frames' time.
        table = fitted(["", "host"], {_HISTORY: [_HISTORY, Text("x", "red")]}, (), 60, left=(_HISTORY,))
        self._display.prepare(Group(progress_row(60, 0.5, ""), table))

    def target(self, url: str, recorder: Recorder) -> WatchedTarget:
        """Add a row, and return what is to be told of its run."""
        target = WatchedTarget(url, recorder, self._clock)
        self._targets.append(target)
        return target

    def draw(self) -> None:
        """Put the state of the runs on the screen."""
        self._display.show(self.frame(self._clock(), *self._display.size))

    def pause(self, least: float, took: float) -> float | None:
        """Return None: the runs send at different times."""
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
        room = height - 2
        shown = self._targets if len(self._targets) <= room else self._targets[: max(1, room - 1)]
        summaries = [target.recorder.summary(whole=False) for target in shown]
        parts = [self._progress(now, width, shown, summaries), self._table(width, shown, summaries)]
        if len(shown) < len(self._targets):
            others = many(len(self._targets) - len(shown), "more target", "more targets")
            parts.append(Text(f"and {others}", "dim", no_wrap=True, overflow="crop"))
        return Group(*parts)

    def _progress(
        self, now: int, width: int, targets: Sequence[WatchedTarget], summaries: Sequence[Summary]
    ) -> RenderableType:
        """Return how far the run is that has the most before it."""
        begun = [
            (now - target.began, *target.progress.at(now - target.began, summary))
            for target, summary in zip(targets, summaries, strict=True)
            if target.began is not None and target.is_reached
        ]
        if not begun:
            return Text("connecting" if any(target.is_reached for target in targets) else "", no_wrap=True)
        elapsed, share, left = min(begun, key=lambda each: each[1] or 0.0)
        return progress_row(width, share, f"{span(elapsed / MILLISECOND)}, {left}")

    def _table(self, width: int, targets: Sequence[WatchedTarget], summaries: Sequence[Summary]) -> RenderableType:
        measured = {target.measured for target in targets}
        first = [f"{measured.pop() if len(measured) == 1 else 'rtt'}, ms", *(target.url for target in targets)]
        columns: dict[str, list[str | Text]] = {
            "sent": ["sent", *(f"{summary.sent:,}" for summary in summaries)],
            "lost": ["lost", *map(_lost, targets, summaries)],
        }
        columns |= {name: [name, *(_time(summary, name) for summary in summaries)] for name in TIMES}
        room = room_beside(first, columns, width)
        if room >= len(_HISTORY):
            columns[_HISTORY] = [_HISTORY, *(self._course(target, room) for target in targets)]
        return fitted(first, columns, _DROPPED_FIRST, width, left=(_HISTORY,))

    def _course(self, target: WatchedTarget, room: int) -> Text:
        periods = target.recorder.timeline.periods(room)
        drawn = sparkline.of_times([None if period.lost else period.p50 for period in periods], self._levels)
        course = Text(drawn)
        course.highlight_regex("x", "bold red")
        return course


def _lost(target: WatchedTarget, summary: Summary) -> Text:
    if not target.is_reached:
        return Text("not reached", "red")
    if target.began is None:
        return Text("connecting", "dim")
    share = percent(summary.lost, summary.received + summary.lost)
    return Text(share, "bold red" if summary.lost else "")


def _time(summary: Summary, name: str) -> str:
    value: int | None = getattr(summary.rtt, name)
    return ms(None if value is None else value / MILLISECOND)
