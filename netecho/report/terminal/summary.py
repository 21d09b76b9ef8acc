"""The summary of a run on paper: the path and its phases, counts, a table of times, what deserves a sentence.

Laid out by Rich for the width there is, from 60 columns up; printed from the document alone, so a saved run looks
as it did when it ended. Charts are imported where they are drawn: most runs draw none, and wait for their end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netecho.report.document.decode import started_of, timeline_of
from netecho.report.escape import printable_values
from netecho.report.humanize import many, ms, percent, reason_words, span
from netecho.report.terminal.findings import Weight, remarks
from netecho.report.terminal.headline import manner, path, phases
from netecho.report.terminal.moments import moment
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.tables import FLOWS_SHOWN, flows, measured_name, sizes, times
from netecho.report.terminal.transport_facts import facts
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.report.document.model import Document
    from netecho.report.output import Output
    from netecho.report.terminal.time_chart import Row

MARKS: dict[Weight, tuple[str, str]] = {"bad": ("!", "bold red"), "odd": ("!", "yellow"), "note": ("-", "dim")}
ROOMY = 40
"""Lines that a terminal must have for a histogram that was not asked for..."""
ROOM_FOR_CHART = 24
"""...and for a chart of the round trips over time..."""
ENOUGH = 20
"""...and round trips for either to say anything."""
OUTAGES_SHOWN = 3
CHART_HEIGHT = 8
"""Rows of that chart, with its axes."""


def show(document: Document, output: Output, *, histogram: bool | None = None) -> None:
    """Print the summary to standard output; `histogram` None: where there is room for it and reason."""
    width, height = output.size
    is_worth_drawing = output.stdout_is_terminal and document["rtt"]["count"] >= ENOUGH
    chart = is_worth_drawing and height >= ROOM_FOR_CHART
    if histogram is None:
        histogram = is_worth_drawing and height >= ROOMY
    paper = summary(document, width, glyphs=output.glyphs, chart=chart, histogram=histogram)
    output.write(rendered(paper, width=width, color=output.stdout_color))


def summary(
    document: Document, width: int, *, glyphs: bool = True, chart: bool = False, histogram: bool = False
) -> RenderableType:
    """Return the whole summary, for a width in columns."""
    return Group(*_parts(printable_values(document), width, glyphs=glyphs, chart=chart, histogram=histogram))


def _parts(document: Document, width: int, *, glyphs: bool, chart: bool, histogram: bool) -> Iterator[RenderableType]:
    yield _title(document)
    yield _manner(document)
    if taken := phases(document["setup"]):
        yield Text(taken, style="dim")
    yield _counts(document)
    yield from _outages(document)
    if document["rtt"]["count"]:
        yield Text()
        yield times(document, width)
        yield Text()
        yield from _variation(document, width)
        yield from _worst(document)
        yield from (Text(line, style="dim") for line in facts(document))
        if chart and (over_time := _chart(document, width, glyphs=glyphs)):
            yield Text()
            yield from over_time
        if document.get("sizes"):
            yield Text()
            yield sizes(document, width)
        if document.get("flows"):
            yield Text()
            yield flows(document, width)
            if (others := len(document["flows"]) - FLOWS_SHOWN) > 0:
                yield Text(f"and {many(others, 'connection')} that fared better", style="dim")
        if histogram:
            yield from _histogram(document, width, glyphs=glyphs)
    if said := remarks(document):
        yield Text()
        for weight, sentence in said:
            mark, style = MARKS[weight]
            row = Table.grid(padding=(0, 1))
            row.add_row(
                Text(mark, style=style), Text(sentence, style=style if weight == "note" else "", overflow="fold")
            )
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
    line = Text(f"{probes['received']:,} received", style="bold")
    if dropped := probes.get("dropped_here"):
        line.append(f", {dropped:,} dropped here", style="not bold yellow")
    # With probes still unanswered "0 lost" would be said of what nobody knows: a run that is ended in an outage.
    if lost or not probes["pending"]:
        share = percent(lost, probes["received"] + lost)
        line.append(f", {lost:,} lost ({share})", style="bold red" if lost else "bold")
    for name in ("late", "duplicate", "reordered", "corrupt", "pending", "not_sent"):
        if probes.get(name):
            line.append(f", {probes[name]:,} {name.replace('_', ' ')}", style="not bold yellow")
    return line


def _outages(document: Document) -> Iterator[Text]:
    """Say when the target was not there, the longest times of it."""
    outages = document.get("outages") or []
    longest = sorted(outages, key=lambda outage: outage["start_ms"] - outage["end_ms"])[:OUTAGES_SHOWN]
    for outage in sorted(longest, key=lambda outage: outage["start_ms"]):
        start, end = (moment(document, outage[key]) for key in ("start_ms", "end_ms"))
        until = f"to {end}" if outage["recovered"] else f"to the end ({end})"
        took = span(max(0, outage["end_ms"] - outage["start_ms"]))
        why = reason_words(outage["reason"])
        yield Text(f"gone from {start} {until}: {took}, {outage['lost']:,} lost, {why}", style="bold red")
    if others := len(outages) - len(longest):
        yield Text(
            f"and {many(others, 'more time', 'more times')}; {span(document['unavailable_ms'])} in all", style="red"
        )


def _worst(document: Document) -> Iterator[Text]:
    worst = (document.get("timeline") or {}).get("worst")
    if worst is not None and document["rtt"]["count"] > 1:
        when = moment(document, worst["scheduled_ms"])
        yield Text(f"longest {measured_name(document['settings'])} {ms(worst['rtt_ms'])} ms at {when}", style="dim")


def _histogram(document: Document, width: int, *, glyphs: bool) -> Iterator[RenderableType]:
    from netecho.report.terminal import histogram_chart

    if drawn := histogram_chart.chart(document["histogram"]["rtt"], width, glyphs=glyphs):
        yield Text()
        yield Text(f"{measured_name(document['settings'])}, ms", style="dim")
        yield drawn


def _chart(document: Document, width: int, *, glyphs: bool) -> list[Row]:
    """Return the round trips over time; none where a saved run says nothing that can be drawn."""
    from netecho.report.terminal import time_chart

    rtt = document["rtt"]
    across = [
        time_chart.Line(name, None if rtt[f"{name}_ms"] is None else round(rtt[f"{name}_ms"] * MILLISECOND))
        for name in ("p50", "p99")
    ]
    drawn_with = time_chart.BLOCKS if glyphs else time_chart.ASCII
    periods = time_chart.fitting(timeline_of(document), width)
    try:
        return time_chart.chart(
            periods, width, CHART_HEIGHT, started=started_of(document), lines=across, glyphs=drawn_with
        )
    except (ValueError, OverflowError):  # its times are in no calendar
        return []


def _variation(document: Document, width: int) -> Iterator[Text]:
    named = (("ipdv", "ipdv_mean_abs_ms"), ("pdv", "pdv_p99_ms"), ("jitter (RFC 3550)", "jitter_rfc3550_ms"))
    figures = "   ".join(f"{name} {ms(document['variation'][key])}" for name, key in named) + " ms"
    stamps = f"rtt by {document['rtt']['stamps']} stamps"
    together = f"{figures}   {stamps}"
    for line in [together] if len(together) <= width else [figures, stamps]:
        yield Text(line, style="dim")
