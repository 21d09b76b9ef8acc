"""The tables of a summary, with as many columns as there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from netecho.report.humanize import ms, percent
from netecho.report.terminal import stamp

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from rich.console import Console, ConsoleOptions

    from netecho.report.document.model import Document

COLUMNS = ("min", "mean", "p50", "p90", "p95", "p99", "p99_9", "max", "stddev")
DROPPED_FIRST = ("p95", "stddev", "p99_9", "p90", "mean")
"""What a narrow terminal does without, in this order."""
FLOWS_SHOWN = 8
"""Connections that have a row at most."""
SIZE_COLUMNS = ("min", "mean", "p50", "p99", "max")
_STANDS_OUT = ("p50", "p99")
_GAP = 2


def times(document: Document, width: int) -> Table:
    """Return the table of times, a row for each kind."""
    kinds = rows(document)
    return fitted(
        ["ms", *kinds],
        {column: [_name(column), *(ms(kind[f"{column}_ms"]) for kind in kinds.values())] for column in COLUMNS},
        DROPPED_FIRST,
        width,
    )


def rows(document: Document) -> dict[str, Document]:
    """Return the kinds of times that a run has, in the order they are read."""
    kinds = {"rtt": document["rtt"], **stamp.rows(document), "response": document["response"], "lag": document["lag"]}
    connections = document.get("connections")
    if connections is None:
        return kinds
    if document["settings"].get("connect_only"):
        del kinds["rtt"]  # it is the connect
    return {name: phase for name, phase in connections.items() if phase is not None} | kinds


def sizes(document: Document, width: int) -> Table:
    """Return the table of a sweep, a row for each size, and one for all."""
    swept: Iterable[Document] = document["sizes"]
    each = list(swept)
    sent, received, lost = (sum(size[key] for size in each) for key in ("sent", "received", "lost"))
    columns = {
        "sent": ["sent", *(f"{size['sent']:,}" for size in each), f"{sent:,}"],
        "lost": ["lost", *(_lost(size) for size in each), percent(lost, received + lost)],
    }
    whole = document["rtt"]
    columns |= {
        column: [_name(column), *(ms(kind[f"{column}_ms"]) for kind in (*(size["rtt"] for size in each), whole))]
        for column in SIZE_COLUMNS
    }
    first = ["bytes", *(f"{size['size']:,}" for size in each), "all"]
    widest = max(map(len, first))
    return fitted([name.rjust(widest) for name in first], columns, ("sent", "mean"), width)


def flows(document: Document, width: int) -> Table:
    """Return the table of several connections, a row for each: the worst of them, if there are many."""
    every: list[Document] = document["flows"]
    worst = sorted(every, key=_badness, reverse=True)[:FLOWS_SHOWN]
    each = sorted(worst, key=lambda flow: int(flow["connection"]))
    columns = {
        "sent": ["sent", *(f"{flow['sent']:,}" for flow in each)],
        "lost": ["lost", *(_lost(flow) for flow in each)],
    }
    columns |= {column: [_name(column), *(ms(flow["rtt"][f"{column}_ms"]) for flow in each)] for column in SIZE_COLUMNS}
    first = ["port", *(_port(flow) for flow in each)]
    widest = max(map(len, first))
    return fitted([name.rjust(widest) for name in first], columns, ("sent", "mean"), width)


def _lost(part: Document) -> str:
    return percent(part["lost"], part["received"] + part["lost"])


def _badness(flow: Document) -> tuple[float, float]:
    return flow["loss_percent"] or 0, flow["rtt"]["p99_ms"] or 0


def _port(flow: Document) -> str:
    """Return what tells a connection from the others: its port, or its number where it has none."""
    port = flow["local"]["port"]
    return f"#{flow['connection']}" if port is None else str(port)


def measured_name(settings: Mapping[str, object]) -> str:
    """Return what `rtt` is called in words: with --connect-only nothing is sent, and it is the TCP handshake."""
    return "connect" if settings.get("connect_only") else "rtt"


def _name(column: str) -> str:
    return column.replace("_", ".")


def room_beside(first: Sequence[str], columns: Mapping[str, Sequence[str | Text]], width: int) -> int:
    """Return how wide one more column of `fitted` may be; below 0: the others alone are too wide."""
    return width - max(map(len, first)) - sum(max(map(len, cells)) + _GAP for cells in columns.values()) - _GAP


def fitted(
    first: Sequence[str],
    columns: Mapping[str, Sequence[str | Text]],
    dropped_first: Iterable[str],
    width: int,
    *,
    left: Container[str] = (),
) -> Table:
    """Return a table without lines, of the columns that there is room for.

    `columns` have their heading and a cell for each of `first`; those in `left` stand to the left, not to the right.
    """
    shown, widths = _with_room(first, columns, dropped_first, width)
    # Every width is given, gap included: to measure the cells again and to pad each is half of what a table costs.
    table = Table.grid()
    table.add_column(no_wrap=True, width=max(map(cell_len, first)))
    for name in shown:
        justify: Literal["left", "right"] = "left" if name in left else "right"
        style = "bold" if name in _STANDS_OUT else ""
        table.add_column(justify=justify, no_wrap=True, style=style, width=widths[name])
    indent = " " * _GAP
    for n, name in enumerate(first):
        row = (Text.assemble(indent, cells[n]) if name in left else cells[n] for name, cells in shown.items())
        table.add_row(name, *row, style="" if n and name != "lag" else "dim")
    return table


def _with_room(
    first: Sequence[str], columns: Mapping[str, Sequence[str | Text]], dropped_first: Iterable[str], width: int
) -> tuple[dict[str, Sequence[str | Text]], dict[str, int]]:
    """Return the columns that there is room for, and how wide each is with the gap before it."""
    widths = {name: max(map(len, cells)) + _GAP for name, cells in columns.items()}
    needed = max(map(len, first)) + sum(widths.values())
    shown = dict(columns)
    for name in filter(columns.__contains__, dropped_first):
        if needed <= width:
            break
        needed -= widths[name]
        del shown[name]
    return shown, widths


class Rows:
    """What `fitted` makes, for hundreds of rows: laid out here, as Rich takes half a millisecond to lay out each."""

    def __init__(
        self,
        first: Sequence[str],
        columns: Mapping[str, Sequence[str | Text]],
        dropped_first: Iterable[str],
        width: int,
        *,
        left: Container[str] = (),
    ) -> None:
        self._first = first
        self._shown, self._widths = _with_room(first, columns, dropped_first, width)
        self._left = left

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield the rows."""
        widest = max(map(cell_len, self._first))
        dim, bold = Style(dim=True), Style(bold=True)
        for n, name in enumerate(self._first):
            style = None if n else dim
            line = [Segment(name + " " * (widest - cell_len(name)), style)]
            for column, cells in self._shown.items():
                own = Style.combine([style or Style.null(), bold]) if column in _STANDS_OUT else style
                line += self._cell(console, column, cells[n], own)
            yield from Segment.adjust_line_length(line, options.max_width, pad=False)
            yield Segment.line()

    def _cell(self, console: Console, column: str, cell: str | Text, style: Style | None) -> list[Segment]:
        gap = " " * (self._widths[column] - cell_len(cell if isinstance(cell, str) else cell.plain))
        if isinstance(cell, str):
            return [Segment(gap + cell, style)]
        inside = list(Segment.apply_style(cell.render(console), style))
        if column not in self._left:
            return [Segment(gap, style), *inside]
        return [Segment(" " * _GAP, style), *inside, Segment(gap[_GAP:], style)]
