"""Several runs in one table, a row for each target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netecho.report.escape import printable_values
from netecho.report.humanize import ms, percent
from netecho.report.terminal import histogram_chart
from netecho.report.terminal.findings import remarks
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.summary import MARKS
from netecho.report.terminal.tables import fitted, measured_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netecho.report.document.model import Document
    from netecho.report.output import Output

TIMES = ("min", "mean", "p50", "p99", "max")
_DROPPED_FIRST = ("sent", "mean", "min", "received", "max")
"""What a narrow terminal does without, in this order."""


def show(documents: Sequence[Document], output: Output, *, histogram: bool = False) -> None:
    """Print the table to standard output."""
    width = output.width
    paper = table(documents, width, glyphs=output.glyphs, histogram=histogram)
    output.write(rendered(paper, width=width, color=output.stdout_color))


def table(documents: Sequence[Document], width: int, *, glyphs: bool = True, histogram: bool = False) -> RenderableType:
    """Return the table, and what deserves a sentence of each target, for a width in columns."""
    printable = [printable_values(document) for document in documents]
    drawn = [part for each in printable for part in _histogram(each, width, glyphs=glyphs)] if histogram else []
    return Group(*_table(printable, width), *drawn, *_remarks(printable))


def _table(documents: Sequence[Document], width: int) -> Iterator[RenderableType]:
    first = ["rtt, ms", *(document["target"]["url"] for document in documents)]
    columns: dict[str, list[str | Text]] = {
        name: [name, *(f"{document['probes'][name]:,}" for document in documents)] for name in ("sent", "received")
    }
    columns["lost"] = ["lost", *(_lost(document) for document in documents)]
    columns |= {name: [name, *(ms(document["rtt"][f"{name}_ms"]) for document in documents)] for name in TIMES}
    yield fitted(first, columns, _DROPPED_FIRST, width)


def _histogram(document: Document, width: int, *, glyphs: bool) -> Iterator[RenderableType]:
    if drawn := histogram_chart.chart(document["histogram"]["rtt"], width, glyphs=glyphs):
        yield Text()
        yield Text(f"{document['target']['url']}: {measured_name(document['settings'])}, ms", style="dim")
        yield drawn


def _remarks(documents: Sequence[Document]) -> Iterator[RenderableType]:
    said = [(document["target"]["url"], *each) for document in documents for each in remarks(document)]
    if said:
        yield Text()
    for url, weight, sentence in said:
        if weight == "note":
            continue
        mark, style = MARKS[weight]
        row = Table.grid(padding=(0, 1))
        row.add_row(Text(mark, style=style), Text(f"{url}: {sentence}", overflow="fold"))
        yield row


def _lost(document: Document) -> Text:
    if "error" in document:
        return Text("not reached", style="red")
    probes = document["probes"]
    lost = probes["lost"]
    return Text(percent(lost, probes["received"] + lost), style="red" if lost else "")
