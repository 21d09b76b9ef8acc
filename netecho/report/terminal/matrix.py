"""A mesh on a terminal: for each figure a table, from the node of the row to that of the column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from netecho.report.humanize import many, ms, span
from netecho.report.terminal.paper import rendered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from netecho.report.output import Output

_DOWN = ("down", "unreachable")
_DOWN_SHOWN = 20
"""Paths that do not work that have a line of their own."""
_WIDEST = 24
"""Columns that a name may take."""
_GAP = 2
_LOSSES = 0.1
"""Percent from which on a loss stands out."""

Cells = dict[tuple[str, str], dict[str, Any]]


def show(document: dict[str, Any], output: Output) -> None:
    """Print a document of `report.document.matrix`."""
    cells: Cells = {(each["node"], each["target"]): each for each in document["cells"]}
    nodes: Sequence[str] = document["nodes"]
    left_out = f", {many(document['left_out'], 'more node')} left out" if document["left_out"] else ""
    head = f"{many(len(nodes), 'node')}, the last {span(document['window_ms'])}{left_out}: from the row to the column"
    parts: list[RenderableType] = [Text(head, "bold")]
    for title, shown in _figures(cells):
        parts.append(Text())
        parts += _tables(title, nodes, {pair: shown(each) for pair, each in cells.items()}, output.width)
    parts += [Text(), *_down(document)]
    output.write(rendered(Group(*parts), width=output.width, color=output.stdout_color))


def _figures(cells: Cells) -> Iterator[tuple[str, Callable[[dict[str, Any]], Text]]]:
    yield "rtt p50, ms", lambda cell: _time(cell, "p50_ms")
    yield "rtt p99, ms", lambda cell: _time(cell, "p99_ms")
    yield "loss", _loss
    if any(cell["one_way"] is not None for cell in cells.values()):
        yield "one way p50, ms", lambda cell: _time(_one_way(cell), "p50_ms")
        yield "one way p99, ms", lambda cell: _time(_one_way(cell), "p99_ms")
        yield "lost on that way", lambda cell: _loss(_one_way(cell))


def _one_way(cell: dict[str, Any]) -> dict[str, Any]:
    return {"p50_ms": None, "p99_ms": None, "loss_percent": None, **(cell["one_way"] or {}), "state": cell["state"]}


def _time(cell: dict[str, Any], name: str) -> Text:
    if cell[name] is None:
        return Text(cell["state"], "bold red") if cell["state"] in _DOWN else Text("-", "dim")
    return Text(ms(cell[name]), "red" if cell["state"] in _DOWN else "")


def _loss(cell: dict[str, Any]) -> Text:
    lost = cell["loss_percent"]
    if lost is None:
        return Text("-", "dim")
    return Text(f"{lost:.3g}%", "bold red" if lost >= _LOSSES else "")


def _tables(
    title: str, nodes: Sequence[str], cells: Mapping[tuple[str, str], Text], width: int
) -> Iterator[RenderableType]:
    """Yield a table, or as many as it takes to have all columns."""
    names = {node: node if cell_len(node) <= _WIDEST else f"{node[: _WIDEST - 1]}~" for node in nodes}
    unknown = Text("?", "dim")
    first = max(cell_len(title), *(cell_len(name) for name in names.values()))
    columns = {
        there: [Text() if here == there else cells.get((here, there), unknown) for here in nodes] for there in nodes
    }
    widths = {there: max(cell_len(names[there]), *(each.cell_len for each in columns[there])) for there in nodes}
    left = list(nodes)
    while left:
        taken, room = [left.pop(0)], width - first
        room -= widths[taken[0]] + _GAP
        while left and widths[left[0]] + _GAP <= room:
            room -= widths[left[0]] + _GAP
            taken.append(left.pop(0))
        table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, show_edge=False)
        table.add_column(Text(title), no_wrap=True)
        for there in taken:
            table.add_column(Text(names[there]), justify="right", no_wrap=True)
        for n, here in enumerate(nodes):
            table.add_row(Text(names[here]), *(columns[there][n] for there in taken))
        yield table


def _down(document: dict[str, Any]) -> list[RenderableType]:
    """Say which paths do not work: at a glance that is what is asked first."""
    down = [cell for cell in document["cells"] if cell["state"] in _DOWN]
    if not down:
        return [Text("every path that is measured works")]
    more = len(down) - _DOWN_SHOWN
    lines = [Text(f"{cell['node']} to {cell['target']}: {cell['state']}", "bold red") for cell in down[:_DOWN_SHOWN]]
    return [*lines, Text(f"and {more:,} more", "bold red")] if more > 0 else [*lines]
