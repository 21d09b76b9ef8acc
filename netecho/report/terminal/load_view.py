"""The live view of a run of load: a bar of its time, a row for each phase so far, and the round trips over time.

On standard error's terminal, below the lines of a short run; see `display` for how it is kept from holding a send up.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from netecho.report import humanize
from netecho.report.terminal import sparkline
from netecho.report.terminal.display import Display
from netecho.report.terminal.progress import progress_row
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

    from netecho.load.progress import LoadProgress, SoFar
    from netecho.report.output import Output

COLUMN = 500 * MILLISECOND
"""What a column of the round trips over time stands for."""
_LABEL = "rtt over time "


class LoadView:
    """Draws a run of load in progress."""

    def __init__(self, output: Output, progress: LoadProgress, target: str, clock: Callable[[], int]) -> None:
        self._progress = progress
        self._target = target
        self._clock = clock
        self._glyphs = output.glyphs
        self._display = Display(output)
        self._columns: dict[int, list[int | None]] = {}
        self._taken = 0
        self._display.prepare(Group(*self._parts(60)))

    def draw(self) -> None:
        """Put the state of the run on the screen."""
        width, height = self._display.size
        self._display.show(Group(*list(self._parts(width))[-height:]))

    def pause(self, least: float, took: float) -> float | None:
        """Return None: between probes that are so close there is no room for a frame."""
        del least, took
        return None

    def draw_anew(self) -> None:
        """Draw what was drawn last again, whole."""
        self._display.show_anew()

    def close(self) -> None:
        """Take the view off the screen."""
        self._display.close()

    def _parts(self, width: int) -> Iterator[RenderableType]:
        progress, now = self._progress, self._clock()
        number, of = progress.place()
        doing = progress.phase or ("the queues empty" if progress.before else "looking for what answers")
        title = f"{self._target}: {doing}" if not of else f"{self._target}: {number} of {of}, {doing}"
        yield Text(title, "bold", no_wrap=True, overflow="ellipsis" if self._glyphs else "crop")
        share, left = progress.share(now)
        yield progress_row(width, share, f"{humanize.span(left / MILLISECOND)} left, Ctrl-C ends it with what is known")
        so_far = progress.so_far()
        rows = [*progress.before, *([] if so_far is None else [so_far])]
        if rows:
            yield _table(rows)
        drawn = self._over_time(max(0, width - len(_LABEL)))
        if drawn:
            yield Text.assemble((_LABEL, "dim"), (drawn, "cyan"), no_wrap=True, overflow="crop")

    def _over_time(self, width: int) -> str:
        """Return a character for the median of each half second, as many of the latest as there is room for."""
        samples = self._progress.samples
        for each in samples[self._taken :]:
            self._columns.setdefault(each.at // COLUMN, []).append(each.rtt)
        self._taken = len(samples)
        if not self._columns:
            return ""
        latest = max(self._columns)
        shown = range(max(min(self._columns), latest - width + 1), latest + 1)
        levels = sparkline.BLOCKS if self._glyphs else sparkline.ASCII
        return sparkline.of_times([_median(self._columns.get(column, [])) for column in shown], levels)


def words(progress: LoadProgress) -> str:
    """Return in a line how far a run is."""
    so_far = progress.so_far()
    if so_far is None:
        return f"netecho: {len(progress.before)} phases so far"
    rates = ", ".join(f"{direction} {humanize.rate(rate)}" for direction, rate in so_far.goodputs.items())
    p50 = "no round trip yet" if so_far.p50 is None else f"rtt p50 {humanize.ms(so_far.p50 / MILLISECOND)} ms"
    return f"netecho: {so_far.phase}: {', '.join(each for each in (rates, p50) if each)}, {so_far.lost:,} lost"


def _table(rows: list[SoFar]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("")
    for title in ("download", "upload", "rtt p50", "p99", "lost"):
        table.add_column(title, justify="right")
    for each in rows:
        rates = [each.goodputs.get("download"), each.goodputs.get("upload")]
        times = [None if value is None else value / MILLISECOND for value in (each.p50, each.p99)]
        table.add_row(
            each.phase,
            *("" if rate is None else humanize.rate(rate) for rate in rates),
            *(humanize.ms(value) for value in times),
            f"{each.lost:,}",
        )
    return table


def _median(values: list[int | None]) -> float | None:
    known = [each for each in values if each is not None]
    return median(known) if known else None
