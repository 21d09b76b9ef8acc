"""The summary of a run on paper: the path and its phases, counts, a table of times, what deserves a sentence.

Laid out by Rich for the width there is, from 60 columns up; printed from the document alone, so a saved run looks
as it did when it ended.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from netecho.report.headline import manner, path, phases
from netecho.report.histogram import lines
from netecho.report.remarks import Weight, remarks
from netecho.report.wording import many, ms, percent, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.report.model import Document
    from netecho.report.output import Output

COLUMNS = ("min", "mean", "p50", "p90", "p95", "p99", "p99_9", "max", "stddev")
DROPPED_FIRST = ("p95", "stddev", "p99_9", "p90", "mean")
"""What a narrow terminal does without, in this order."""
MARKS: dict[Weight, tuple[str, str]] = {"bad": ("!", "bold red"), "odd": ("!", "yellow"), "note": ("-", "dim")}
_GAP = 2
ROOMY = 32
"""Lines that a terminal must have for a histogram that was not asked for..."""
ENOUGH = 20
"""...and round trips for it to say anything."""


def show(document: Document, output: Output, *, histogram: bool | None = None) -> None:
    """Print the summary to standard output; `histogram` None: where there is room for it and reason."""
    width, height = output.size
    if histogram is None:
        histogram = output.stdout_is_terminal and height >= ROOMY and document["rtt"]["count"] >= ENOUGH
    paper = summary(document, width, glyphs=output.glyphs, histogram=histogram)
    output.write(rendered(paper, width=width, color=output.stdout_color))


def rendered(content: RenderableType, *, width: int, color: bool) -> str:
    """Return what Rich makes of it, with nothing taken from the environment and no blanks at the line ends."""
    paper = StringIO()
    Console(
        file=paper,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,  # sixteen: they suit light terminals and dark ones
        no_color=not color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    ).print(content)
    return "".join(f"{line.rstrip()}\n" for line in paper.getvalue().splitlines())


def summary(document: Document, width: int, *, glyphs: bool = True, histogram: bool = False) -> RenderableType:
    """Return the whole summary, for a width in columns."""
    return Group(*_parts(document, width, glyphs=glyphs, histogram=histogram))


def _parts(document: Document, width: int, *, glyphs: bool, histogram: bool) -> Iterator[RenderableType]:
    yield _title(document)
    if taken := phases(document["setup"]):
        yield Text(taken, style="dim")
    yield _counts(document)
    if document["rtt"]["count"]:
        yield Text()
        yield times(document, width)
        yield Text()
        yield _variation(document["variation"])
        if histogram and (drawn := lines(document["histogram"]["rtt"], width, glyphs=glyphs)):
            yield Text()
            yield Text("rtt, ms", style="dim")
            yield Text("\n".join(drawn), no_wrap=True)
    if said := remarks(document):
        yield Text()
        for weight, sentence in said:
            mark, style = MARKS[weight]
            row = Table.grid(padding=(0, 1))
            row.add_row(Text(mark, style=style), Text(sentence, style=style if weight == "note" else ""))
            yield row


def _title(document: Document) -> Text:
    title = Text(document["target"]["url"], style="bold")
    title.append(f"  {path(document)}", style="not bold dim")
    if document["label"]:
        title.append(f"  {document['label']}", style="not bold")
    return title


def _counts(document: Document) -> Text:
    probes = document["probes"]
    sent, lost = probes["sent"], probes["lost"]
    line = Text(f"{many(sent, 'probe')} of {manner(document['settings'])}, {probes['received']:,} received, ")
    share = percent(lost, sent - probes.get("pending", 0))
    line.append(f"{lost:,} lost ({share})", style="bold red" if lost else "")
    for name in ("late", "duplicate", "reordered", "corrupt", "pending"):
        if probes.get(name):
            line.append(f", {probes[name]:,} {name}", style="yellow")
    if document["duration_ms"] is not None:
        line.append(f", in {span(document['duration_ms'])}", style="dim")
    if document["interrupted"]:
        line.append(" (interrupted)", style="yellow")
    return line


def times(document: Document, width: int) -> Table:
    """Return the table of times: as many columns as there is room for."""
    rows = {name: document[name] for name in ("rtt", "response", "lag")}
    cells = {
        column: [column.replace("_", ".")] + [ms(figures[f"{column}_ms"]) for figures in rows.values()]
        for column in COLUMNS
    }
    first = ["ms", *rows]
    widths = {column: max(map(len, texts)) + _GAP for column, texts in cells.items()}
    needed = max(map(len, first)) + sum(widths.values())
    for column in DROPPED_FIRST:
        if needed <= width:
            break
        needed -= widths[column]
        del cells[column]
    table = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
    table.add_column()
    for column in cells:
        table.add_column(justify="right", no_wrap=True, style="bold" if column in ("p50", "p99") else "")
    for row, name in enumerate(first):
        table.add_row(name, *(texts[row] for texts in cells.values()), style="dim" if row in (0, 3) else "")
    return table


def _variation(variation: Document) -> Text:
    named = (("ipdv", "ipdv_mean_abs_ms"), ("pdv", "pdv_p99_ms"), ("jitter (RFC 3550)", "jitter_rfc3550_ms"))
    return Text("   ".join(f"{name} {ms(variation[key])}" for name, key in named) + " ms")
