"""The live view: how a run goes, on standard error, while it goes.

It is drawn from the recorder's figures when the reactor has time for it, never from the measuring path, and hears of
no single reply. What it draws with is Rich's; see `display` for how that is kept from holding a send up.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from netecho.measure.stats.timeline import Period
from netecho.report import humanize
from netecho.report.document.model import head
from netecho.report.terminal import sparkline, time_chart
from netecho.report.terminal.display import Display
from netecho.report.terminal.headline import headline, phases
from netecho.report.terminal.progress import RunProgress, progress_row
from netecho.report.terminal.tables import fitted, measured_name
from netecho.report.terminal.time_chart import Line, Row, chart
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import OverflowMethod
    from rich.table import Table

    from netecho.measure.events import Event
    from netecho.measure.recorder import Recorder
    from netecho.measure.result import Start
    from netecho.measure.stats.distribution import Distribution
    from netecho.measure.summary import Summary
    from netecho.report.document.model import Document
    from netecho.report.output import Output

COMPACT_BELOW = 16
"""Rows below which the chart gets those of the blank lines, of the phases and of all times but the first."""
ROOM_FOR_FRAME = 4
"""Times that a frame must go into the time between two sends to be drawn in its middle."""
_COLUMNS = ("min", "p50", "p90", "p99", "max")
_DROPPED_FIRST = ("min", "p90", "max", "p99")


class LiveView:
    """Draws a run in progress, on the whole screen; a `brief` one is a line below the lines of a short run."""

    follows = False

    def __init__(
        self,
        output: Output,
        recorder: Recorder,
        target: str,
        *,
        brief: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._recorder = recorder
        self._brief = brief
        self._clock = clock
        self._glyphs = output.glyphs
        self._display = Display(output, whole_screen=not brief)
        self._progress = RunProgress({})
        self._title = f"{target}: connecting"
        self._phases = ""
        self._measured = "rtt"
        self._start: Start | None = None
        self._began = 0
        self._interval = 0
        self._warm_up()

    def started(self, start: Start) -> None:
        """Begin: the connection stands."""
        self._began = self._clock()
        self._start = start
        document = head(start)
        self._title = headline(document)
        self._phases = phases(document["setup"])
        self._measured = measured_name(start.settings)
        self._progress = RunProgress(start.settings)
        self._interval = _interval_of(start.settings)

    def _warm_up(self) -> None:
        """Have Rich load what a frame takes now, and not in the middle of the run: that takes ten frames' time."""
        periods = [Period(0, SECOND, 1, 1, MILLISECOND, MILLISECOND, MILLISECOND)]
        drawn = chart(periods, 60, 10, started=0)
        table = self._table(60, self._recorder.summary(whole=False), compact=False)
        self._display.prepare(Group(*drawn, progress_row(60, 0.5, ""), table))

    def tell(self, event: Event) -> None:
        """Do nothing: what is drawn is the recorder's."""

    def finished(self, document: Document) -> None:
        """End: leave the screen as it was."""
        del document
        self.close()

    def draw_anew(self) -> None:
        """Draw what was drawn last again, whole."""
        self._display.show_anew()

    def close(self) -> None:
        """Take the view off the screen; does no harm when there is none."""
        self._display.close()

    def draw(self) -> None:
        """Put the state of the run on the screen."""
        self._display.show(self.frame(self._clock(), *self._display.size))

    def pause(self, least: float, took: float) -> float | None:
        """Return the time to the first middle between two sends, where there is room for a frame between them."""
        if self._start is None:
            return least  # nothing is sent yet
        interval = self._interval
        if interval < ROOM_FOR_FRAME * took * SECOND:
            return None
        earliest = self._clock() + round(least * SECOND)
        since_send = (earliest - self._began) % interval
        return least + ((interval // 2 - since_send) % interval) / SECOND

    def frame(self, now: int, width: int, height: int) -> RenderableType:
        """Return what is shown in so many columns and rows."""
        if self._start is None:
            return Text(self._title, no_wrap=True, overflow="crop")
        summary = self._recorder.summary(whole=False)
        elapsed = now - self._began
        share, left = self._progress.at(elapsed, summary)
        if self._brief:
            return self._line(width, summary, left)
        compact = height < COMPACT_BELOW
        above = [
            *self._heading(width, lines=1 if compact else 2),
            progress_row(width, share, f"{humanize.span(elapsed / MILLISECOND)}, {left}"),
            counts(summary),
        ]
        table = self._table(width, summary, compact=compact)
        gap = [] if compact else [Text()]
        room = height - len(above) - table.row_count - 2 * len(gap)
        drawn = self._chart(width, room, summary, self._start.started)
        return Group(*above, *gap, *drawn, *(gap if drawn else ()), table)

    def _heading(self, width: int, *, lines: int) -> list[Text]:
        overflow: OverflowMethod = "ellipsis" if self._glyphs else "crop"
        title = Text(self._title, "bold", no_wrap=True, overflow=overflow)
        taken = Text(self._phases, "dim", no_wrap=True, overflow=overflow)
        if not self._phases or (lines == 1 and len(title) + 2 + len(taken) > width):
            return [title]
        if len(title) + 2 + len(taken) <= width:
            return [Text.assemble(title, "  ", taken, no_wrap=True)]
        return [title, taken]

    def _chart(self, width: int, height: int, summary: Summary, started: int) -> list[Row]:
        periods = self._recorder.timeline.periods(max(1, width - time_chart.MARGIN))
        lines = [Line("p50", summary.rtt.p50), Line("p99", summary.rtt.p99)]
        glyphs = time_chart.BLOCKS if self._glyphs else time_chart.ASCII
        return chart(periods, width, height, started=started, lines=lines, glyphs=glyphs)

    def _table(self, width: int, summary: Summary, *, compact: bool) -> Table:
        kinds = {self._measured: summary.rtt}
        if not compact:
            kinds |= {"response": summary.response, "lag": summary.lag}
        cells = {column: [column, *(_cell(kind, column) for kind in kinds.values())] for column in _COLUMNS}
        return fitted(["ms", *kinds], cells, _DROPPED_FIRST, width)

    def _line(self, width: int, summary: Summary, left: str) -> Text:
        line = counts(summary)
        line.append(f"  {left}")
        room = width - len(line) - 2
        periods = self._recorder.timeline.periods(max(1, room))
        if room > 0 and periods:
            levels = sparkline.BLOCKS if self._glyphs else sparkline.ASCII
            drawn = sparkline.of_times([None if period.lost else period.p50 for period in periods], levels)
            line.append(f"  {drawn}")
        return line


def counts(summary: Summary) -> Text:
    """Return how many were sent, received and lost, and why."""
    line = Text(f"{summary.sent:,} sent, {summary.received:,} received, ", no_wrap=True, overflow="crop")
    if summary.dropped_here:
        line.append(f"{summary.dropped_here:,} dropped here, ", "yellow")
    lost = f"{summary.lost:,} lost"
    if summary.lost:
        lost += f" ({humanize.percent(summary.lost, summary.received + summary.lost)})"
    line.append(lost, "bold red" if summary.lost else "")
    reasons = [f"{count:,} {humanize.reason_words(reason)}" for reason, count in summary.loss_by_reason.items()]
    if reasons and list(summary.loss_by_reason) != ["timeout"]:
        line.append(f": {', '.join(reasons)}", "red")
    return line


def _interval_of(settings: Mapping[str, object]) -> int:
    """Return the nanoseconds between sends that are even and known; 0 where they are not."""
    interval, connections = settings.get("interval_ms"), settings.get("connections", 1)
    if not isinstance(interval, int | float) or settings.get("schedule") != "even" or not isinstance(connections, int):
        return 0
    return int(interval * MILLISECOND / connections)


def _cell(times: Distribution, column: str) -> str:
    value: int | None = getattr(times, column)
    return humanize.ms(None if value is None else value / MILLISECOND)
