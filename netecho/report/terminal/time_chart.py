"""Round trips over time for a terminal: a column for each period of the run, with an axis in milliseconds and a clock.

A column is filled up to the period's p50, and has a thin line above it up to the longest round trip. Dotted lines show
the p50 and p99 of the whole run. Losses have a row of their own under the time axis, in the columns where they
happened, so that they can be seen whatever the round trips did.

The scale is linear where that shows something, logarithmic where the longest round trip is far above the shortest.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import accumulate, groupby
from math import ceil, floor, log10
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from rich.segment import Segment

from netecho.measure.stats.timeline import Period
from netecho.report.document.values import exact_milliseconds
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

LOWEST = 3
"""Rows without which a chart says nothing."""
LOGARITHMIC_FROM = 12.0
"""Longest by shortest, above which a linear scale would press most columns to the floor."""
MARGIN = 24
"""Columns beside the periods, about: the axis, and the names of the lines."""
WIDEST_COLUMN = 4
"""Characters for a period, where there are few."""
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_TICK_ROWS = 2
"""Rows from one label of the axis to the next, at least."""
_CLOCK_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds from one label of the clock to the next."""


class Glyphs(NamedTuple):
    """What a chart is drawn with."""

    fills: str
    """A cell of a column from empty to full."""
    above: str
    dotted: str
    axis: str
    tick: str
    floor: str
    mark: str
    loss: str


BLOCKS = Glyphs(fills=_EIGHTHS, above="│", dotted="┄", axis="│", tick="┤", floor="─", mark="┬", loss="×")  # noqa: RUF001 - a cross is meant
ASCII = Glyphs(fills=" #", above="|", dotted=".", axis="|", tick="+", floor="-", mark="+", loss="x")


class Row:
    """Runs of characters, each in its style. Rich's Text could be laid out for any width, at four times the cost."""

    def __init__(self, *runs: tuple[str, str]) -> None:
        self._runs = runs

    @property
    def plain(self) -> str:
        """The characters alone."""
        return "".join(text for text, _ in self._runs)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Return what Rich makes of it, whatever the width: a chart was made for that."""
        del options
        yield from self.line(console)
        yield Segment.line()

    def line(self, console: Console) -> list[Segment]:
        """Return it as `Console.render_lines` would, without the search for its end."""
        return [Segment(text, console.get_style(style)) for text, style in self._runs]


class Line(NamedTuple):
    """A level of the whole run that is drawn across the chart, in nanoseconds."""

    name: str
    value: int | None


def chart(
    periods: Sequence[Period],
    width: int,
    height: int,
    *,
    started: int,
    lines: Sequence[Line] = (),
    glyphs: Glyphs = BLOCKS,
) -> list[Row]:
    """Return the rows of a chart, at most `height` and none wider than `width`; none where it would say nothing.

    `started` is the wall clock at the start of the run, nanoseconds since 1970; the clock shows local time.
    """
    answered = [period for period in periods if period.p50 is not None and period.max is not None]
    rows = height - 2 - any(period.lost for period in periods)
    if not answered or rows < LOWEST:
        return []
    scale = _scale(answered, rows)
    gutter = max(len("lost"), *map(len, scale.labels.values()))
    named: dict[int, str] = {}
    for name, value in lines:
        if value is not None and value > 0:
            row = scale.row(value)
            named[row] = f"{named[row]}, {name} {_number(value)}" if row in named else f"{name} {_number(value)}"
    side = len("... ") + max(map(len, named.values()), default=0) if width >= 60 else 0
    room = width - gutter - 2 - side
    if room < len(periods):
        return []
    wide = max(1, min(WIDEST_COLUMN, room // len(periods)))
    empty = [_Cell(glyphs.dotted, "dim") if row in named else _EMPTY for row in range(rows)]
    columns = [_column(period, scale, glyphs, empty) for period in periods]
    drawn = []
    for row, cells in reversed(list(enumerate(zip(*columns, strict=True)))):
        tick = glyphs.tick if row in scale.labels else glyphs.axis
        runs = [(f"{scale.labels.get(row, ''):>{gutter}} {tick}", "dim")]
        for style, alike in groupby(cells, key=itemgetter(1)):  # a run for each style, not for each cell
            glyphs_alike = "".join(map(itemgetter(0), alike))
            runs.append((_widened(glyphs_alike, wide), style))
        if row in named and side:
            runs.append((f"{glyphs.dotted * 3} {named[row]}", "dim"))
        drawn.append(Row(*runs))
    return [*drawn, *_clock(periods, gutter, wide, width, started, glyphs), *_losses(periods, gutter, wide, glyphs)]


def fitting(periods: Sequence[Period], width: int) -> list[Period]:
    """Return the periods, as many neighbours put together as it takes for a chart of that width.

    The p50 of several is the median of theirs, by how many round trips each has.
    """
    together = ceil(len(periods) / max(1, width - MARGIN)) or 1
    return [_merged(periods[first : first + together]) for first in range(0, len(periods), together)]


def _merged(periods: Sequence[Period]) -> Period:
    answered = sorted((period.p50, period.received) for period in periods if period.p50 is not None)
    received = sum(count for _, count in answered)
    below = accumulate(count for _, count in answered)
    middles = (p50 for (p50, _), counted in zip(answered, below, strict=True) if 2 * counted >= received)
    return Period(
        periods[0].start,
        periods[-1].end,
        received,
        sum(period.lost for period in periods),
        next(middles, None),
        max((period.p99 for period in periods if period.p99 is not None), default=None),
        max((period.max for period in periods if period.max is not None), default=None),
    )


class _Cell(NamedTuple):
    glyph: str
    style: str


_EMPTY = _Cell(" ", "")


def _column(period: Period, scale: _Scale, glyphs: Glyphs, empty: Sequence[_Cell]) -> list[_Cell]:
    """Return a period from the bottom up: filled to its p50, a line to the longest, `empty` above."""
    if period.p50 is None or period.max is None:
        return [*empty]
    steps = len(glyphs.fills) - 1
    filled, part = divmod(max(1, round(scale.height(period.p50) * steps)), steps)
    cells = [_Cell(glyphs.fills[-1], "")] * filled
    if part:
        cells.append(_Cell(glyphs.fills[part], ""))
    if scale.height(period.max) - scale.height(period.p50) >= 0.5:
        cells += [_Cell(glyphs.above, "yellow")] * (scale.row(period.max) + 1 - len(cells))
    return [*cells[: len(empty)], *empty[len(cells) :]]


def _widened(text: str, wide: int) -> str:
    return text if wide == 1 else "".join(character * wide for character in text)


class _Scale(NamedTuple):
    """From nanoseconds to rows, counted from the bottom, and what the axis says beside which row."""

    height: Callable[[int], float]
    labels: dict[int, str]
    rows: int

    def row(self, value: int) -> int:
        return min(self.rows - 1, max(0, floor(self.height(value))))


def _scale(periods: Sequence[Period], rows: int) -> _Scale:
    low = max(1, min(period.p50 or 0 for period in periods))
    high = max(low, *(period.max or 0 for period in periods))
    if high / low >= LOGARITHMIC_FROM:
        return _logarithmic(low, high, rows)
    return _linear(low, high, rows)


def _linear(low: int, high: int, rows: int) -> _Scale:
    most = max(1, rows // _TICK_ROWS)
    step = _step(max(high - low, high / 20) / most)
    bottom, top = floor(low / step) * step, ceil(high / step) * step
    if bottom == low:
        bottom = max(0, bottom - step)

    def height(value: int) -> float:
        return (value - bottom) / (top - bottom) * rows

    decimals = max(0, 6 - floor(log10(step)))  # alike, and enough to tell two labels apart
    count = round((top - bottom) / step)
    labels: dict[int, str] = {}
    for number in range(count + 1):
        value = bottom + number * step
        labels.setdefault(min(rows - 1, floor(height(round(value)))), f"{exact_milliseconds(value):.{decimals}f}")
    return _Scale(height, labels, rows)


def _logarithmic(low: int, high: int, rows: int) -> _Scale:
    """Span whole steps of 1, 2 and 5; the axis names as many of them as have room."""
    ladder = [digit * 10.0**power for power in range(19) for digit in (1, 2, 5)]
    bottom = max(value for value in ladder if value <= low)
    top = min(value for value in ladder if value >= high * 1.0001) if high < ladder[-1] else float(high)
    span = log10(top / bottom)

    def height(value: int) -> float:
        return log10(max(value, bottom) / bottom) / span * rows

    labels: dict[int, str] = {}
    for value in (value for value in ladder if bottom <= value <= top):
        row = min(rows - 1, floor(height(round(value))))
        if not labels or row - max(labels) >= _TICK_ROWS:
            labels[row] = _number(value)
    return _Scale(height, labels, rows)


def _step(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not below `least`."""
    decade = 10.0 ** floor(log10(max(least, 1)))
    return next(decade * digit for digit in (1, 2, 5, 10) if decade * digit >= least)


def _number(nanoseconds: float) -> str:
    """Return milliseconds in three digits, without a unit."""
    value = exact_milliseconds(nanoseconds)
    return f"{value:.0f}" if value >= 100 else f"{float(f'{value:.3g}'):g}"


def _clock(periods: Sequence[Period], gutter: int, wide: int, width: int, started: int, glyphs: Glyphs) -> list[Row]:
    """Return the time axis and its labels, in local time."""
    seconds = (periods[-1].end - periods[0].start) / SECOND
    length = max(seconds / len(periods), 1e-9)
    columns = wide * len(periods)
    zone = datetime.fromtimestamp(started / SECOND, UTC).astimezone()
    offset = zone.utcoffset()
    first = started / SECOND + (offset.total_seconds() if offset else 0)
    steps = [step for step in _CLOCK_STEPS if step / length * wide >= len("00:00:00") + 2]
    marks: dict[int, str] = {}
    if steps and seconds >= steps[0]:
        step = steps[0]
        form = "%H:%M" if step % 60 == 0 else "%H:%M:%S"
        moment = ceil(first / step) * step
        while moment < first + seconds:
            place = min(columns - 1, int((moment - first) / length * wide))
            marks[place] = f"{datetime.fromtimestamp(moment, UTC):{form}}"
            moment += step
    if not marks:  # it is over before the first round time
        marks[0] = f"{datetime.fromtimestamp(first, UTC):%H:%M:%S}"
    axis = "".join(glyphs.mark if place in marks else glyphs.floor for place in range(columns))
    labels = ""
    for place, label in marks.items():
        if gutter + 2 + place + len(label) <= width:
            labels = f"{labels:<{place}}{label}"
    return [
        Row((f"{'ms':>{gutter}}  {axis}", "dim")),
        Row((f"{'':{gutter}}  {labels}", "dim")),
    ]


def _losses(periods: Sequence[Period], gutter: int, wide: int, glyphs: Glyphs) -> list[Row]:
    """Return the row of losses, where there are any."""
    if not any(period.lost for period in periods):
        return []
    marks = "".join((glyphs.loss if period.lost else " ") * wide for period in periods)
    return [Row((f"{'lost':>{gutter}}  ", "red"), (marks, "bold red"))]
