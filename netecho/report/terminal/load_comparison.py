"""Two runs of load for people: both, a row a figure, and which changes are more than the runs' own spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netecho.report.escape import printable_values
from netecho.report.terminal.comparison import figures
from netecho.report.terminal.paper import rendered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.report.document.model import Document
    from netecho.report.output import Output


def show(document: Document, output: Output) -> None:
    """Print the comparison to standard output."""
    width = output.width
    output.write(rendered(sidebyside(document, width), width=width, color=output.stdout_color))


def sidebyside(document: Document, width: int) -> RenderableType:
    """Return the comparison, for a width in columns."""
    return Group(*_parts(printable_values(document), width))


def _parts(document: Document, width: int) -> Iterator[RenderableType]:
    runs = Table.grid(padding=(0, 2, 0, 0))
    for name in ("before", "after"):
        runs.add_row(Text(name, style="dim"), _named(document[name]))
    yield runs
    yield Text()
    shown = [each for each in document["changes"] if each["unit"] != "percent" or each["before"] or each["after"]]
    yield figures(shown, width, interval="range")
    yield Text()
    if differing := document["differing"]:
        kinds = "; ".join(f"{key.removesuffix('_ms')} {' and '.join(map(str, two))}" for key, two in differing.items())
        yield Text(f"The runs differ in kind ({kinds}): their figures may not be the same measure.", style="yellow")
    if any(each["interval"] is not None for each in shown):
        yield Text(
            "same: some stretch of one run is as high as one of the other; HIGHER and LOWER: none is.", style="dim"
        )
    reasons = sorted({each["reason"] or "" for each in shown if each["undecided"]})
    if reasons:
        yield Text(f"?: not known ({'; '.join(reasons)}).", style="dim")


def _named(run: Document) -> Text:
    line = Text(run["label"] or run["file"], style="bold")
    when = run["started"][:16].replace("T", " ")
    grade = "" if run["grade"] is None else f"{run['grade']}, "
    line.append(f"  {run['target']}, {when} UTC: {grade}{run['sentence']}", style="not bold")
    return line
