"""A histogram for a terminal: round trips by size on a logarithmic scale, drawn with block characters.

It is printed from the document's bins, which are finer than its rows; a bin that reaches over a row's edge counts
where its middle is. Rows have round edges: Renard's preferred numbers (ISO 3), or even steps where all values lie
close together. Laid out by Rich; the ASCII form needs nothing but `#`.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from math import floor, log10
from typing import TYPE_CHECKING, NamedTuple

from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

ROWS = 14
FEWEST = 6
"""Fewer rows than this on the finest logarithmic scale, and even steps show more."""
TAIL_ROWS = 3
TAIL_SHARE = 0.01
"""So many of the slowest may have wider rows of their own, lest a few outliers squeeze all others into one."""

# The R40 series, by which a decade has 40 steps.
_R40 = (
    *(100, 106, 112, 118, 125, 132, 140, 150, 160, 170, 180, 190, 200, 212, 224, 236, 250, 265, 280, 300),
    *(315, 335, 355, 375, 400, 425, 450, 475, 500, 530, 560, 600, 630, 670, 710, 750, 800, 850, 900, 950),
)
_SCALES: tuple[tuple[Sequence[int], int], ...] = (
    *((_R40[::every], 1) for every in (1, 2, 4, 8)),  # R40, R20, R10, R5
    ((100, 200, 500), 1),
    ((100, 315), 1),
    *(((100,), decades) for decades in (1, 2, 3, 5)),
)
"""From fine to coarse: the numbers of a decade, and how many decades it is to the next one that has edges."""
WIDEST_BAR = 60
NARROWEST_BAR = 8
_GAP = 2


class Row(NamedTuple):
    """How many round trips took from about `low` to about `high`, in nanoseconds."""

    low: int
    high: int
    held: int


class _Bin(NamedTuple):
    middle: float
    held: int


def rows(bins: Sequence[Sequence[float]], most: int = ROWS) -> list[Row]:
    """Put bins (low and high in milliseconds, count; ascending) together into at most `most` rows.

    Empty rows between others are shown; the slowest may have wider ones.
    """
    counted = sorted(_Bin((low + high) * 0.5e6, int(held)) for low, high, held in bins)
    if not counted:
        return []
    fast, slow = _parted(counted)
    whole, body = _edges(counted, most), _edges(fast, most - TAIL_ROWS)
    # A tail of its own is worth it where it lets the rest be seen at least twice as finely.
    if not slow or body[1] - body[0] > (_around(fast[0].middle, whole)) / 2:
        return _rows(counted, whole)
    tail = [body[-1], *(edge for edge in _edges(slow, TAIL_ROWS) if edge > body[-1])]
    return _rows(counted, [*body[:-1], *tail])


def chart(
    bins: Sequence[Sequence[float]], width: int, *, glyphs: bool = True, most: int = ROWS
) -> RenderableType | None:
    """Return the histogram for at most `width` columns, in no more than it needs to be read; None: it is empty."""
    shown = rows(bins, most)
    if not shown:
        return None
    total = sum(row.held for row in shown)
    highest = max(row.held for row in shown)
    edges = _labels([shown[0].low, *(row.high for row in shown)])
    ranges = [f"{low} - {high:>{max(map(len, edges[1:]))}}" for low, high in pairwise(edges)]
    counts = [f"{row.held:,}" for row in shown]
    shares = [_share(row.held, total) for row in shown]
    beside = sum(max(map(len, column)) + _GAP for column in (ranges, counts, shares))
    room = max(NARROWEST_BAR, min(WIDEST_BAR, width - beside))
    bar = _bar if glyphs else _ascii_bar
    drawn = Table.grid(padding=(0, _GAP, 0, 0))
    drawn.add_column(justify="right", no_wrap=True)
    drawn.add_column(no_wrap=True, width=room)
    drawn.add_column(justify="right", no_wrap=True)
    drawn.add_column(justify="right", no_wrap=True)
    for row, edge, count, share in zip(shown, ranges, counts, shares, strict=True):
        drawn.add_row(edge, bar(row.held / highest, room), count, share)
    return drawn


def _parted(bins: list[_Bin]) -> tuple[list[_Bin], list[_Bin]]:
    """Part the slowest few from the rest."""
    allowed = TAIL_SHARE * sum(held for _, held in bins)
    begin = len(bins)
    while begin > 1 and allowed >= bins[begin - 1].held:
        begin -= 1
        allowed -= bins[begin].held
    return bins[:begin], bins[begin:]


def _edges(bins: list[_Bin], most: int) -> list[int]:
    """Return the edges of at most `most` rows that hold all the bins, on the finest scale that has so few."""
    low, high = bins[0].middle, bins[-1].middle
    for numbers, decades in _SCALES:
        edges = _between(low, high, _preferred(low, numbers, decades))
        if len(edges) - 1 <= most:
            break
    if len(edges) - 1 >= FEWEST:
        return edges
    even = _even(low, high, most)
    return even if len(even) > len(edges) else edges


def _even(low: float, high: float, most: int) -> list[int]:
    """Return edges in the smallest steps of 1, 2 or 5 that are enough."""
    decade = 10 ** max(0, floor(log10(max(1, high - low) / most)))
    for step in (decade, 2 * decade, 5 * decade, 10 * decade, 20 * decade):
        first, last = int(low // step), int(high // step) + 1
        if last - first <= most:
            break
    return [n * step for n in range(first, last + 1)]


def _between(low: float, high: float, scale: Iterator[int]) -> list[int]:
    """Return the part of an ascending scale that encloses `low` and `high`."""
    edges = [0]
    for edge in scale:
        if edge <= low:
            edges = [edge]
            continue
        edges.append(edge)
        if edge > high:
            break
    return edges


def _preferred(low: float, numbers: Sequence[int], decades: int) -> Iterator[int]:
    """Yield the preferred numbers from the decade of `low` on."""
    decade = max(0, floor(log10(max(low, 1))) - 2)
    while True:
        for number in numbers:
            yield number * 10**decade
        decade += decades


def _around(value: float, edges: list[int]) -> int:
    """Return the width of the row that `value` lies in."""
    place = bisect_right(edges, value)
    return edges[place] - edges[place - 1]


def _rows(bins: list[_Bin], edges: list[int]) -> list[Row]:
    held = [0] * (len(edges) - 1)
    for middle, count in bins:
        held[bisect_right(edges, middle) - 1] += count
    return [Row(edges[n], edges[n + 1], count) for n, count in enumerate(held)]


def _labels(edges: list[int]) -> list[str]:
    """Write edges in milliseconds, all with as many decimals as the longest of them has."""
    texts = [f"{edge / MILLISECOND:.6f}" for edge in edges]
    decimals = max(len(text.rstrip("0").partition(".")[2]) for text in texts)
    return [text[: len(text) - 6 + decimals].rstrip(".") for text in texts]


def _share(held: int, total: int) -> str:
    share = 100 * held / total
    return "<0.1%" if 0 < share < 0.05 else f"{share:.1f}%"


def _bar(share: float, room: int) -> RenderableType:
    """Draw a bar to the eighth of a column; what is not nothing can be seen."""
    return Bar(room * 8, 0, round(share * room * 8) or (1 if share else 0), width=room)


def _ascii_bar(share: float, room: int) -> RenderableType:
    return Text("#" * round(share * room) or ("." if share else ""))
