"""`netecho report`: a saved run, printed as it would have been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from netecho.cli.click_ext.command import command, section
from netecho.cli.click_ext.types import FILE, choice, form_of
from netecho.errors import ExitCode, UsageError
from netecho.report.formats import FORMATS

if TYPE_CHECKING:
    from netecho.cli.context import CliContext
    from netecho.report.output import Output

EXAMPLES = (
    ("netecho report run.ndjson", "the summary, as it was when the run ended"),
    ("netecho report run.ndjson --format csv > run.csv", "a row for each probe"),
    ("netecho report monday.ndjson tuesday.ndjson", "one after the other"),
)

output = section("Output")


@command(
    "report", examples=EXAMPLES, epilog="Every option is also read from the environment, as NETECHO_REPORT_<OPTION>."
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
@output(
    "--format",
    type=choice(*FORMATS),
    metavar="FORMAT",
    shown="text",
    help=f"what goes to standard output: {', '.join(FORMATS)}",
)
@output("--json", is_flag=True, help="short for --format json")
@output("--histogram", is_flag=True, shown="where there is room", help="draw the round trips by their size")
@output("--no-color", is_flag=True, help="no colour, as NO_COLOR=1 in the environment")
@click.pass_context
def report(ctx: click.Context, /, **values: Any) -> int:
    """Print saved runs again, in any format.

    FILE is what netecho probe wrote with --save, --format ndjson or --json. A run that was killed is read up to where
    it ends.
    """
    from netecho.report.output import Output

    form = form_of(values)
    if values["histogram"] and form != "text":
        raise UsageError(f"--histogram is drawn in text, not in {form}", "leave it out")
    context: CliContext = ctx.obj
    context.output = Output(color=not values["no_color"])
    for n, path in enumerate(values["files"]):
        if n and form == "text":
            context.output.write("\n")
        _print_again(path, form, values["histogram"] or None, context.output)
    return ExitCode.OK


def _print_again(path: str, form: str, histogram: bool | None, output: Output) -> None:
    from netecho.cli.reporters import printer
    from netecho.report.document.reader import replay

    replayed = replay(path, printer(form, output, lines=False, histogram=histogram))
    if form == "csv" and not replayed.events:
        raise UsageError(f"{path!r} has the figures alone, and no probes to make rows of", "save with --save FILE")
    if replayed.remark is not None:
        output.say(f"netecho: {replayed.remark}")
