"""How far reading a saved run is, on standard error's terminal, for files that take a while."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from netecho.report.output import Output

LARGE = 8 << 20
"""Bytes from which on it is shown: what is smaller is read before it could be seen."""


@contextmanager
def reading(output: Output, path: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show how far reading is; None where nobody watches, or rows are printed to the same terminal."""
    if not output.stderr_moves or output.quiet:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from netecho.report.escape import printable

    console = Console(stderr=True, no_color=not output.stderr_color, highlight=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(printable(path), total=None, visible=False)

        def at(position: int, size: int) -> None:
            shown.update(task, completed=position, total=size or None, visible=max(position, size) >= LARGE)

        yield at
