"""The summary of a run on paper: the path and its phases, counts, a table of times, what deserves a sentence.

Laid out by Rich for the width there is, from 60 columns up; printed from the document alone, so a saved run looks
as it did when it ended.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from netecho.report.escape import printable_values
from netecho.report.humanize import ms, percent, span
from netecho.report.terminal.findings import Weight, remarks
from netecho.report.terminal.headline import manner, path, phases
from netecho.report.terminal.histogram_chart import lines
from netecho.report.terminal.tables import sizes, times
from netecho.report.terminal.transport_facts import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.report.document.model import Document
    from netecho.report.output import Output

MARKS: dict[Weight, tuple[str, str]] = {"bad": ("!", "bold red"), "odd": ("!", "yellow"), "note": ("-", "dim")}
_BLANK_END = re.compile(r"(?: |\x1b\[[0-9;]*m)*$")
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
    return "".join(f"{_BLANK_END.sub(_styles_alone, line)}\n" for line in paper.getvalue().splitlines())


def _styles_alone(end: re.Match[str]) -> str:
    return end[0].replace(" ", "")


def summary(document: Document, width: int, *, glyphs: bool = True, histogram: bool = False) -> RenderableType:
    """Return the whole summary, for a width in columns."""
    return Group(*_parts(printable_values(document), width, glyphs=glyphs, histogram=histogram))


def _parts(document: Document, width: int, *, glyphs: bool, histogram: bool) -> Iterator[RenderableType]:
    yield _title(document)
    yield _manner(document)
    if taken := phases(document["setup"]):
        yield Text(taken, style="dim")
    yield _counts(document)
    if document["rtt"]["count"]:
        yield Text()
        yield times(document, width)
        yield Text()
        yield from _variation(document, width)
        yield from (Text(line, style="dim") for line in facts(document))
        if document.get("sizes"):
            yield Text()
            yield sizes(document["sizes"], width)
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
        title.append(f"\n{document['label']}", style="not bold")
    return title


def _manner(document: Document) -> Text:
    line = Text(f"{manner(document['settings'], document['probes']['sent'])}, in {span(document['duration_ms'])}")
    if document["interrupted"]:
        line.append(" (interrupted)", style="yellow")
    return line


def _counts(document: Document) -> Text:
    probes = document["probes"]
    lost = probes["lost"]
    line = Text(f"{probes['received']:,} received, ", style="bold")
    line.append(f"{lost:,} lost ({percent(lost, probes['sent'] - probes['pending'])})", style="red" if lost else "")
    for name in ("late", "duplicate", "reordered", "corrupt", "pending"):
        if probes[name]:
            line.append(f", {probes[name]:,} {name}", style="not bold yellow")
    return line


def _variation(document: Document, width: int) -> Iterator[Text]:
    named = (("ipdv", "ipdv_mean_abs_ms"), ("pdv", "pdv_p99_ms"), ("jitter (RFC 3550)", "jitter_rfc3550_ms"))
    figures = "   ".join(f"{name} {ms(document['variation'][key])}" for name, key in named) + " ms"
    stamps = f"rtt by {document['rtt']['stamps']} stamps"
    together = f"{figures}   {stamps}"
    for line in [together] if len(together) <= width else [figures, stamps]:
        yield Text(line, style="dim")
