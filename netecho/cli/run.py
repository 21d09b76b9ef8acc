"""The run itself: the measurement, those who watch it, and the exit code at its end.

The seam between what was asked and what is done. Twisted and Rich are imported here, when there is something to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netecho.cli import files
from netecho.cli.reporters import Reporters
from netecho.cli.watch import Watch
from netecho.errors import ExitCode
from netecho.report.output import Output

if TYPE_CHECKING:
    from netecho.cli.context import CliContext
    from netecho.cli.job.build import Invocation
    from netecho.measure.recorder import Recorder
    from netecho.measure.result import Result
    from netecho.net.reactor.runner import Interrupt


def run(invocation: Invocation, context: CliContext) -> int:
    """Probe as asked, show what comes of it, and return the exit code."""
    from netecho.net.reactor.lean_imports import import_twisted

    import_twisted()
    from netecho.measure.criteria import judge
    from netecho.measure.recorder import Recorder
    from netecho.net.reactor.runner import run as run_reactor
    from netecho.net.self_server import reachable
    from netecho.report.document.model import document

    output_options, (planned,) = invocation.output_options, invocation.runs
    context.output = output = Output(quiet=output_options.quiet, color=output_options.color, patient=False)
    recorder = Recorder(by_size=len(planned.job.plan.sizes) > 1)

    async def measured(reactor: Any, interrupt: Interrupt) -> Result:
        from netecho.net.client.measurement import probe

        with Watch(reactor, output, reporters.live, reporters.interim, reporters.report_every):
            return await probe(reactor, interrupt, job, recorder, reporters)

    with Reporters(output_options, planned.job, output, recorder) as reporters, reachable(planned.job) as job:
        result = run_reactor(measured)
        failed = judge(planned.criteria, result.summary, result.start.setup)
        reporters.finished(document(result, [str(each) for each in failed]))
    if output_options.hdr is not None:
        _write_hdr(output_options.hdr, result, recorder)
    if left_out := output.finish():
        output.say(f"netecho: {left_out:,} lines were left out: standard output was not read fast enough")
    for each in failed:
        output.say(f"netecho: failed: {each}")
    return ExitCode.FAILED if failed else ExitCode.OK


def _write_hdr(path: str, result: Result, recorder: Recorder) -> None:
    from netecho.report.formats.hdrlog import lines

    histograms = {None: recorder.rtt, "response": recorder.response, "lag": recorder.lag}
    with files.ResultFile(path) as kept:
        for line in lines(result.start.started, result.duration, histograms):
            kept.write(f"{line}\n")
