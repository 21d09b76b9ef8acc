"""The run itself: the measurement, those who watch it, and the exit code at its end.

The seam between what was asked and what is done. Twisted and Rich are imported here, when there is something to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.cli import files
from netecho.cli.watchers import watchers
from netecho.errors import ExitCode
from netecho.report.output import Output

if TYPE_CHECKING:
    from netecho.cli.asked import Asked
    from netecho.cli.edge import Edge
    from netecho.measure.recorder import Recorder
    from netecho.measure.result import Result


def run(asked: Asked, edge: Edge) -> int:
    """Probe as asked, show what comes of it, and return the exit code."""
    from netecho.measure.criteria import judge
    from netecho.measure.recorder import Recorder
    from netecho.net.own import reachable
    from netecho.net.run import run as run_reactor
    from netecho.report.model import document

    showing = asked.showing
    edge.output = output = Output(quiet=showing.quiet, color=showing.color)
    recorder = Recorder(by_size=len(asked.job.plan.sizes) > 1)
    with watchers(asked, output) as watching, reachable(asked.job) as job:
        from netecho.net.probe import probe

        result = run_reactor(lambda reactor, interrupt: probe(reactor, interrupt, job, recorder, watching))
        failed = judge(asked.criteria, result.summary, result.start.setup)
        watching.finished(document(result, [str(each) for each in failed]))
    if showing.hdr is not None:
        _write_hdr(showing.hdr, result, recorder)
    for each in failed:
        output.say(f"netecho: failed: {each}")
    return ExitCode.FAILED if failed else ExitCode.OK


def _write_hdr(path: str, result: Result, recorder: Recorder) -> None:
    from netecho.measure.hdrlog import lines

    histograms = {None: recorder.rtt, "response": recorder.response, "lag": recorder.lag}
    with files.Kept(path) as kept:
        for line in lines(result.start.started, result.duration, histograms):
            kept.write(f"{line}\n")
