"""`netecho history`: what a monitor kept."""

from __future__ import annotations

import csv
import io
import time
from typing import TYPE_CHECKING, Any

import click

from netecho.cli.click_ext.command import command, section
from netecho.cli.click_ext.types import FILE, TEXT, TIME, choice, form_of
from netecho.errors import ExitCode
from netecho.units import SECOND, TIME_UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netecho.cli.context import CliContext
    from netecho.history.parts import Span
    from netecho.report.output import Output

EXAMPLES = (
    ("netecho history paths.db", "every target in the last day: loss, percentiles, outages, course"),
    ("netecho history paths.db fra --since 168h", "one of them, in the last week"),
    ("netecho history paths.db --format csv > minutes.csv", "a row a target and minute"),
    ("netecho history paths.db --json | jq '.targets[].outages'", "for scripts"),
)
DAY = 24 * TIME_UNITS["h"]

what = section("What is shown")
output = section("Output")


@command("history", examples=EXAMPLES, epilog="netecho monitor --history FILE writes it; netecho help monitor.")
@click.argument("file", metavar="FILE", type=FILE)
@click.argument("target", metavar="[TARGET]", type=TEXT, required=False)
@what("--since", type=TIME, default=DAY, shown="24h", help="from so long ago on")
@output("--format", type=choice("text", "json", "csv"), shown="text", help="text, json, or csv: a row a minute")
@output("--json", is_flag=True, help="short for --format json")
@output("--no-color", is_flag=True, help="no colour, as NO_COLOR=1 in the environment")
@click.pass_context
def history(ctx: click.Context, /, **values: Any) -> int:
    """Print what a monitor kept: loss, percentiles and outages of each target, and its course over time.

    TARGET is a target's name, or its address as the file has it. Percentiles are those of merged histograms, within
    1.6% of the exact ones. A monitor may be writing the file meanwhile.
    """
    from netecho.history.parts import Span, from_whole_hours
    from netecho.report.output import Output

    context: CliContext = ctx.obj
    form = form_of(values)
    context.output = shown = Output(color=not values["no_color"])
    now = time.time_ns()
    span = Span(since=(now - values["since"]) // SECOND, until=now // SECOND + 1, target=values["target"])
    if form == "csv":
        _write_minutes(values["file"], span, shown)
    else:
        _write_summary(values["file"], from_whole_hours(span), shown, as_json=form == "json")
    return ExitCode.OK


def _write_summary(path: str, span: Span, shown: Output, *, as_json: bool) -> None:
    from netecho.history.reading import read
    from netecho.report.document.history import document

    found = document(read(path, span, responses=as_json), span)
    if as_json:
        from netecho.report.formats.json_document import by_rows

        shown.write("".join(by_rows(found, "targets")))
    else:
        from netecho.report.terminal.history import show

        show(found, shown)


def _write_minutes(path: str, span: Span, shown: Output) -> None:
    from netecho.history.reading import minutes
    from netecho.report.document.history import csv_rows

    for row in csv_rows(minutes(path, span)):
        shown.write(_line(row))


def _line(row: Iterable[object]) -> str:
    paper = io.StringIO()
    csv.writer(paper, lineterminator="\n").writerow(row)
    return paper.getvalue()
