"""Several runs in one table, a row for each target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netecho.report.escape import printable_values
from netecho.report.humanize import ms, percent
from netecho.report.terminal.findings import remarks
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.summary import MARKS
from netecho.report.terminal.tables import fitted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netecho.report.document.model import Document
    from netecho.report.output import Output

TIMES = ("min", "mean", "p50", "p99", "max")
_DROPPED_FIRST = ("sent", "mean", "min", "received", "max")
"""What a narrow terminal does without, in this order."""


def show(documents: Sequence[Document], output: Output) -> None:
    """Print the table to standard output."""
    width = output.width
    output.write(rendered(table(documents, width), width=width, color=output.stdout_color))


def table(documents: Sequence[Document], width: int) -> RenderableType:
    """Return the table, and what deserves a sentence of each target, for a width in columns."""
    return Group(*_parts([printable_values(document) for document in documents], width))


def _parts(documents: Sequence[Document], width: int) -> Iterator[RenderableType]:
    first = ["rtt, ms", *(document["target"]["url"] for document in documents)]
    columns: dict[str, list[str | Text]] = {
        name: [name, *(f"{document['probes'][name]:,}" for document in documents)] for name in ("sent", "received")
    }
    columns["lost"] = ["lost", *(_lost(document) for document in documents)]
    columns |= {name: [name, *(ms(document["rtt"][f"{name}_ms"]) for document in documents)] for name in TIMES}
    yield fitted(first, columns, _DROPPED_FIRST, width)
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
    return Text(percent(lost, probes["sent"] - probes["pending"]), style="red" if lost else "")
