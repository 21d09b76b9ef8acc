"""The run itself: the measurement, those who watch it, and the exit code at its end.

The seam between what was asked and what is done. Twisted and Rich are imported here, when there is something to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.cli.watchers import watchers
from netecho.errors import ExitCode
from netecho.report.output import Output

if TYPE_CHECKING:
    from netecho.cli.asked import Asked
    from netecho.cli.edge import Edge


def run(asked: Asked, edge: Edge) -> int:
    """Probe as asked, show what comes of it, and return the exit code."""
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
        failed: list[str] = []
        watching.finished(document(result, failed))
    return ExitCode.FAILED if failed else ExitCode.OK
