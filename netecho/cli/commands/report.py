"""`netecho report`: a saved run, printed as it would have been."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from netecho.cli.click_ext.command import command, section
from netecho.cli.click_ext.types import CRITERIA, FILE, choice, form_of
from netecho.cli.files import ResultFile, check_writable
from netecho.cli.reporters import printer
from netecho.errors import ExitCode, UsageError
from netecho.measure.events import EchoCorrupted, ProbeLost, ReplyReceived
from netecho.report.document.source import STANDARD_INPUT
from netecho.report.formats import FORMATS
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.cli.context import CliContext
    from netecho.measure.criteria import Criterion, Failure
    from netecho.measure.events import Event
    from netecho.measure.result import Start
    from netecho.report.document.model import Document
    from netecho.report.document.reader import Kind
    from netecho.report.document.reporter import Reporter
    from netecho.report.output import Output

EXAMPLES = (
    ("netecho report run.ndjson", "the summary, as it was when the run ended"),
    ("netecho report run.ndjson --format csv > run.csv", "a row for each probe"),
    ("netecho report - --fail-if 'rtt.p99>20ms' < run.ndjson", "standard input, held to a criterion"),
    ("netecho report monday.ndjson tuesday.ndjson", "one after the other"),
)

output = section("Output")
verdict = section("Verdict")


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
@output("-q", "--quiet", count=True, help="NDJSON: the summary alone; twice: nothing, the exit code speaks")
@output("--histogram", is_flag=True, shown="where there is room", help="draw the round trips by their size")
@output("--hdr", type=FILE, help="also write the round trips in HdrHistogram's log format")
@output("--no-color", is_flag=True, help="no colour, as NO_COLOR=1 in the environment")
@verdict(
    "--fail-if",
    type=CRITERIA,
    multiple=True,
    help="exit 1 if this came true: rtt.p99>20ms, loss>1%, ...; may be repeated, or joined by commas",
)
@click.pass_context
def report(ctx: click.Context, /, **values: Any) -> int:
    """Print saved runs again, in any format.

    FILE is what netecho probe wrote with --save, --format ndjson or --json, or netecho diagnose, load or trace with
    --save or --json; - is standard input. What is compressed by gzip is read as what it holds. A run that was killed is
    read up to where it ends.
    """
    from netecho.report.output import Output

    form, files = form_of(values), values["files"]
    if values["histogram"] and form != "text":
        raise UsageError(f"--histogram is drawn in text, not in {form}", "leave it out")
    if files.count(STANDARD_INPUT) > 1:
        raise UsageError("standard input is read once", "give - once")
    if values["hdr"] is not None:
        if len(files) > 1:
            raise UsageError("--hdr is of one run", "one command for each")
        check_writable(values["hdr"], "--hdr")
    context: CliContext = ctx.obj
    context.output = shown = Output(quiet=values["quiet"], color=not values["no_color"])
    criteria = [criterion for each in values["fail_if"] for criterion in each]
    unfit = [f"--{name.replace('_', '-')}" for name in ("fail_if", "histogram", "hdr") if values[name]]
    code = ExitCode.OK
    for n, path in enumerate(files):
        if n and form == "text":
            shown.write("\n")
        again = _Again(printer(form, shown, lines=False, histogram=values["histogram"] or None), criteria)
        _print_again(path, form, again, shown, unfit)
        if values["hdr"] is not None:
            again.write_hdr(path, values["hdr"])
        for failure in again.failed:
            shown.say(f"netecho: failed: {failure}")
            code = ExitCode.FAILED
    return code


def _print_again(path: str, form: str, again: _Again, output: Output, unfit: Sequence[str]) -> None:
    from netecho.report.document.reader import replay
    from netecho.report.terminal.reading import reading

    # Rows on a terminal show by themselves how far it is.
    rows = output.stdout_is_terminal and form in ("ndjson", "csv")
    replayed = replay(path, again, None if rows else reading(output, path), others=True)
    if replayed.kind is not None:
        _print_other(path, form, replayed.document, replayed.kind, output, unfit)
        return
    if form == "csv" and replayed.events is None and "error" not in replayed.document:
        raise UsageError(f"{path!r} has the figures alone, and no probes to make rows of", "save with --save FILE")
    if replayed.remark is not None:
        output.say(f"netecho: {replayed.remark}")


def _print_other(path: str, form: str, document: Document, kind: Kind, output: Output, unfit: Sequence[str]) -> None:
    """Print a saved diagnosis, run of load or trace; `unfit` are the options that were given and are for runs alone."""
    if unfit:
        raise UsageError(f"{unfit[0]} is for runs, and {path!r} is {kind.name}", "leave it out")
    if form == "json":
        from netecho.report.formats.json_document import pretty

        output.write(pretty(document))
    elif form == "text":
        import_module(f"netecho.report.terminal.{kind.part}").show(document, output)
    else:
        raise UsageError(f"{path!r} is {kind.name}, which is printed as text or json, not as {form}", "--format json")


class _Again:
    """A reporter of a saved run that holds it to criteria of its own, and keeps its histograms."""

    def __init__(self, printing: Reporter, criteria: Sequence[Criterion]) -> None:
        from netecho.measure.stats.histogram import Histogram

        self.failed: Sequence[Failure] = ()
        self.follows = True
        self._printing = printing
        self._criteria = criteria
        self._histograms = {None: Histogram(), "response": Histogram(), "lag": Histogram()}
        self._start: Start | None = None
        self._duration = 0

    def started(self, start: Start) -> None:
        """Pass it on."""
        self._start = start
        self._printing.started(start)

    def tell(self, event: Event) -> None:
        """Take the event in, and pass it on."""
        rtt, response, lag = self._histograms.values()
        if isinstance(event, ReplyReceived | EchoCorrupted):
            rtt.record(event.rtt)
            response.record(event.response)
        if isinstance(event, ReplyReceived | EchoCorrupted | ProbeLost):
            lag.record(event.lag)
        self._printing.tell(event)

    def finished(self, document: Document) -> None:
        """Judge the run by the criteria, where there are any, and pass it on."""
        from netecho.measure.criteria import judge
        from netecho.report.document.decode import start_of, summary_of

        self._duration = round(document["duration_ms"] * MILLISECOND)
        if self._criteria:
            self.failed = judge(self._criteria, summary_of(document), start_of(document).setup)
            document = document | {
                "settings": document["settings"] | {"fail_if": [str(each) for each in self._criteria]},
                "verdict": {
                    "exit_code": int(bool(self.failed)),
                    "failed": [str(each) for each in self.failed],
                },
            }
        self._printing.finished(document)

    def write_hdr(self, path: str, hdr: str) -> None:
        """Write the histograms. Raises UsageError where the file has no probes, OutputError."""
        from netecho.report.formats.hdrlog import lines

        if self._start is None or not self._histograms[None].max:
            raise UsageError(f"{path!r} has no probes to make a histogram of", "save with --save FILE")
        with ResultFile(hdr) as kept:
            for line in lines(self._start.started, self._duration, self._histograms):
                kept.write(f"{line}\n")
