"""A server's event on a terminal: its time to the millisecond, its kind in colour, wrapped between words.

With the manners of Rich's `RichHandler`: the time in a column of its own, and what is wrapped indented under its text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from netecho.echo.events import (
    Connected,
    Counted,
    Disconnected,
    Listening,
    Noticed,
    Received,
    Refused,
    ServerEvent,
    Stopped,
)
from netecho.report.terminal.paper import rendered

if TYPE_CHECKING:
    from datetime import datetime

STYLES: dict[type[ServerEvent], str] = {
    Listening: "bold",
    Stopped: "bold",
    Connected: "green",
    Disconnected: "",
    Received: "dim",
    Refused: "yellow",
    Noticed: "yellow",
    Counted: "cyan",
}
_WIDE = 100
"""Columns from which the day stands before the time."""


def log_line(event: ServerEvent, words: str, now: datetime, *, width: int, color: bool) -> str:
    """Return an event, said in `words`, as lines for a terminal; one that says where it listens stands bare."""
    style = "bold red" if isinstance(event, Noticed) and event.kind == "bug" else STYLES[type(event)]
    text = Text(words, style)
    if isinstance(event, Listening):
        return rendered(text, width=width, color=color)
    local = now.astimezone()
    day = f"{local:%Y-%m-%d} " if width >= _WIDE else ""
    row = Table.grid(padding=(0, 1, 0, 0))
    row.add_column(no_wrap=True, style="dim")
    row.add_column(ratio=1)
    row.add_row(f"{day}{local:%H:%M:%S}.{local.microsecond // 1000:03d}", text)
    return rendered(row, width=width, color=color)
