"""`netecho compare`: two saved runs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from netecho.cli.click_ext.command import command, section
from netecho.cli.click_ext.types import CHANGES, FILE, choice, form_of
from netecho.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.cli.context import CliContext
    from netecho.measure.criteria import Criterion
    from netecho.report.document.comparison import Loaded, OtherLoaded
    from netecho.report.document.model import Document
    from netecho.report.output import Output

EXAMPLES = (
    ("netecho compare before.ndjson after.ndjson", "each figure in both, and whether it is more than chance"),
    ("netecho compare before.ndjson after.ndjson --fail-if 'rtt.p99>+10%'", "exit 1 if it got so much worse"),
    ("netecho compare before.json after.json --fail-if 'upload.added>+20ms'", "of two runs of netecho load"),
    ("netecho compare before.ndjson after.ndjson --json | jq '.changes[0]'", "for scripts"),
)

LOAD_RUN = "a run of load"

output = section("Output")
verdict = section("Verdict")


@command(
    "compare",
    examples=EXAMPLES,
    epilog="Every option is also read from the environment, as NETECHO_COMPARE_<OPTION>.",
)
@click.argument("before", metavar="BEFORE", type=FILE)
@click.argument("after", metavar="AFTER", type=FILE)
@output("--format", type=choice("text", "json", "junit", "github"), shown="text", help="what goes to standard output")
@output("--json", is_flag=True, help="short for --format json")
@output("--no-color", is_flag=True, help="no colour, as NO_COLOR=1 in the environment")
@verdict(
    "--fail-if",
    type=CHANGES,
    multiple=True,
    help="exit 1 if this came true beyond noise: rtt.p99>+10%, loss>+1%; rtt.p99>+noise: if it is significantly higher;"
    " raw:rtt.p99>+10%: noise or not; without a sign, of the second run alone; of load with the phase:"
    " upload.added>+20ms; may be repeated, or joined by commas",
)
@click.pass_context
def compare(ctx: click.Context, /, **values: Any) -> int:
    """Put two saved runs side by side: what changed, and whether it is more than the runs' own spread explains.

    BEFORE and AFTER are what netecho probe wrote with --save or --format ndjson; of --json there are the figures, and
    nothing to tell a change from chance by. Or both are what netecho load wrote with --save or --json. Either may be -
    (standard input), and compressed by gzip.
    """
    from netecho.measure.compare import compare as compare_runs, judge
    from netecho.report.document.comparison import OtherLoaded, compared, load
    from netecho.report.document.source import STANDARD_INPUT
    from netecho.report.output import Output
    from netecho.report.terminal.comparison import show
    from netecho.report.terminal.reading import reading

    form = form_of(values)
    context: CliContext = ctx.obj
    context.output = shown = Output(color=not values["no_color"])
    if values["before"] == values["after"] == STANDARD_INPUT:
        raise UsageError("both runs are read from standard input, which has one", "give one of them as a file")
    before, after = (load(values[name], reading(shown, values[name])) for name in ("before", "after"))
    criteria = [criterion for each in values["fail_if"] for criterion in each]
    if isinstance(before, OtherLoaded) or isinstance(after, OtherLoaded):
        return _compare_loads(before, after, form, shown, criteria)
    _check(criteria, of_load=False)
    comparison = compare_runs(before.run, after.run)
    failed = judge(criteria, before.run, after.run, comparison)
    document = compared(comparison, before, after, [str(each) for each in failed])
    _print(document, form, shown, criteria, show)
    for word in (before.remark, after.remark):
        if word is not None:
            shown.say(f"netecho: {word}")
    for each in failed:
        shown.say(f"netecho: failed: {each}")
    return ExitCode.FAILED if failed else ExitCode.OK


def _compare_loads(
    before: Loaded | OtherLoaded, after: Loaded | OtherLoaded, form: str, shown: Output, criteria: Sequence[Criterion]
) -> int:
    """Print two runs of load side by side. Raises UsageError where that has no meaning."""
    from netecho.report.document.comparison import OtherLoaded
    from netecho.report.document.load_comparison import compared
    from netecho.report.terminal.load_comparison import show

    kinds = [each.kind.name if isinstance(each, OtherLoaded) else "a run of probes" for each in (before, after)]
    if kinds != [LOAD_RUN, LOAD_RUN]:
        said = " and ".join(dict.fromkeys(kinds))
        raise UsageError(f"{said} cannot be compared", "two runs of netecho probe, or two of netecho load")
    _check(criteria, of_load=True)
    document = compared(before.document, after.document, (before.path, after.path), criteria)
    _print(document, form, shown, criteria, show)
    failed = document["verdict"]["failed"]
    for each in failed:
        shown.say(f"netecho: failed: {each}")
    return ExitCode.FAILED if failed else ExitCode.OK


def _check(criteria: Sequence[Criterion], *, of_load: bool) -> None:
    """Raise UsageError where a criterion names a figure that runs of this kind have not."""
    from netecho.load.criteria import is_of_load

    for each in criteria:
        if is_of_load(each.text) is not of_load:
            runs, right = ("load", "upload.added>+20ms") if of_load else ("probes", "rtt.p99>+10%")
            raise UsageError(f"--fail-if: {each.metric!r} is no figure of these runs, which are of {runs}", right)


def _print(
    document: Document,
    form: str,
    shown: Output,
    criteria: Sequence[Criterion],
    page: Callable[[Document, Output], None],
) -> None:
    if form == "json":
        from netecho.report.formats.json_document import pretty

        shown.write(pretty(document))
    elif form == "text":
        page(document, shown)
    else:
        import os

        from netecho.report.formats import github
        from netecho.report.formats.junit import junit
        from netecho.report.formats.verdict import of_comparison

        verdict = of_comparison(document, [str(each) for each in criteria])
        if form == "junit":
            shown.write(junit(verdict))
        else:
            github.write(shown, verdict, os.environ.get(github.SUMMARY))
