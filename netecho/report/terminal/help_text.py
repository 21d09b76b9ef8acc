"""A help text on a terminal: headings, paragraphs, lists, tables and examples, as wide as there is room for.

Nothing is drawn around anything and no colour is used, so that it reads the same in a pager, a file and a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from netecho.help.markup import Block, Code, Heading, Items, Paragraph, Table, read, spans
from netecho.report.terminal.paper import rendered

if TYPE_CHECKING:
    from rich.console import RenderableType

    from netecho.report.output import Output

WIDEST = 96
"""Columns; longer lines are hard to find the next of."""
_INDENT = 2
_STRONG = "bold"


def show(title: str, source: str, output: Output) -> None:
    """Print a text under its title to standard output."""
    output.write(laid_out(title, source, width=output.width, color=output.stdout_color))


def laid_out(title: str, source: str, *, width: int, color: bool = False) -> str:
    """Return a text for a width in columns; an example's line may be longer, since it is for copying."""
    width = min(width, WIDEST)
    parts = [Text(title, style=_STRONG), *(_block(block) for block in read(source))]
    # Each by itself, because a Console crops what it prints to its width, and examples must stay whole.
    return "\n".join(part if isinstance(part, str) else rendered(part, width=width, color=color) for part in parts)


def _block(block: Block) -> RenderableType:
    match block:
        case Heading(text):
            return Text(text, style=_STRONG)
        case Paragraph(text):
            return Padding(_marked(text), (0, 0, 0, _INDENT))
        case Items(entries):
            return Padding(_items(entries), (0, 0, 0, _INDENT))
        case Code(text):
            return "".join(f"{' ' * 2 * _INDENT}{line}".rstrip() + "\n" for line in text.splitlines())
        case Table():
            return Padding(_table(block), (0, 0, 0, _INDENT))


def _items(entries: tuple[str, ...]) -> Grid:
    grid = Grid.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for entry in entries:
        grid.add_row("-", _marked(entry))
    return grid


def _table(table: Table) -> Grid:
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=_STRONG)
    for n, title in enumerate(table.header):
        grid.add_column(_marked(title), no_wrap=n == 0 and len(table.header) > 1)
    for row in table.rows:
        grid.add_row(*(_marked(cell) for cell in row))
    return grid


def _marked(text: str) -> Text:
    line = Text()
    for span in spans(text):
        line.append(span.text, style=_STRONG if span.strong else None)
    return line
