"""The run itself: the measurement, those who watch it, and the exit code at its end.

The seam between what was asked and what is done. Twisted and Rich are imported here, when there is something to do.
Several targets are measured side by side on one reactor, each with a recorder of its own.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from netecho.cli import files
from netecho.cli.reporters import Reporters, Unwritten, printers, several_view
from netecho.cli.watch import Watch
from netecho.errors import ExitCode, UnreachableError
from netecho.report.output import Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.cli.context import CliContext
    from netecho.cli.job.build import Invocation, PlannedRun
    from netecho.measure.criteria import Failure
    from netecho.measure.recorder import Recorder
    from netecho.measure.result import Result
    from netecho.net.client.job import Job
    from netecho.net.reactor.runner import Interrupt
    from netecho.report.terminal.several_view import SeveralView


def run(invocation: Invocation, context: CliContext) -> int:
    """Probe as asked, show what comes of it, and return the exit code."""
    from netecho.net import descriptors
    from netecho.net.reactor.lean_imports import import_twisted

    descriptors.require()
    import_twisted()
    from netecho.net.reactor.runner import run as run_reactor
    from netecho.net.self_server import reachable

    options = invocation.output_options
    context.output = output = Output(quiet=options.quiet, color=options.color, patient=False)
    unwritten = Unwritten(output, keeps_files=bool(options.save or options.hdr))
    with ExitStack() as entered:
        jobs = [entered.enter_context(reachable(planned.job)) for planned in invocation.runs]
        several = several_view(options, output) if len(jobs) > 1 else None
        told = _reporters(invocation, jobs, output, unwritten, several)
        runs = [
            _TargetRun(planned, entered.enter_context(each))
            for planned, each in zip(invocation.runs, told, strict=True)
        ]

        async def measured(reactor: Any, interrupt: Interrupt) -> None:
            from netecho.net.reactor.together import together

            unwritten.stop = interrupt.request
            first = runs[0].reporters
            view = first.live if several is None else several
            with Watch(reactor, output, view, _interim(runs), first.report_every, drain=unwritten.drain):
                await together(each.measure(reactor, interrupt, job) for each, job in zip(runs, jobs, strict=True))

        run_reactor(measured)
        for each in runs:
            each.finish()
    for path, each in zip(_numbered(options.hdr, runs), runs, strict=True):
        if path is not None and each.result.error is None:
            with unwritten.noted():
                _write_hdr(path, each.result, each.recorder)
    unwritten.finish()
    return _ended(runs, output, unwritten)


class _TargetRun:
    """One target's run: what was planned, who is told, and what came of it."""

    result: Result
    failed: Sequence[Failure] = ()

    def __init__(self, planned: PlannedRun, reporters: Reporters) -> None:
        self.planned = planned
        self.reporters = reporters
        self.recorder = reporters.recorder

    async def measure(self, reactor: Any, interrupt: Interrupt, job: Job) -> None:
        """Measure; a target that cannot be reached is a result too."""
        from netecho.net.client.measurement import probe

        began, started = time.monotonic_ns(), time.time_ns()
        try:
            self.result = await probe(reactor, interrupt, job, self.recorder, self.reporters)
        except UnreachableError as error:
            self.reporters.unreached()
            self.result = self._unreached(job, error, started, time.monotonic_ns() - began)

    def finish(self) -> None:
        """Judge the run, and tell everybody what it came to."""
        from netecho.measure.criteria import judge
        from netecho.report.document.model import document

        result = self.result
        if result.error is None:
            self.failed = judge(self.planned.criteria, result.summary, result.start.setup)
        self.reporters.finished(document(result, [str(each) for each in self.failed]))

    @property
    def exit_code(self) -> int:
        """What it comes to as an exit code."""
        if self.result.error is not None:
            return self.result.error.exit_code
        return ExitCode.FAILED if self.failed else ExitCode.OK

    def _unreached(self, job: Job, error: UnreachableError, started: int, took: int) -> Result:
        """Return what is known of a run that could not begin, or of which nothing came back."""
        import uuid

        from netecho.measure.result import Result, Route, Setup, Start

        target = job.target
        start = self.reporters.start or Start(
            id=str(uuid.uuid4()),
            label=job.label,
            started=started,
            route=Route(url=target.url, transport=target.scheme, host=target.host, address=None, port=target.port),
            setup=Setup(),
            settings=job.settings,
        )
        return Result(start=start, duration=took, interrupted=False, summary=self.recorder.summary(), error=error)


def _reporters(
    invocation: Invocation, jobs: Sequence[Job], output: Output, unwritten: Unwritten, several: SeveralView | None
) -> list[Reporters]:
    from netecho.measure.recorder import Recorder

    options, runs = invocation.output_options, invocation.runs
    return [
        Reporters(
            options,
            planned.job,
            output,
            Recorder(by_size=len(planned.job.plan.sizes) > 1, connections=planned.job.plan.connections),
            unwritten,
            printing,
            save=save,
            alone=len(runs) == 1,
            several=several,
        )
        for planned, printing, save in zip(
            runs, printers(options, jobs, output), _numbered(options.save, runs), strict=True
        )
    ]


def _numbered(path: str | None, runs: Sequence[object]) -> list[str | None]:
    """Return the file of each run: of several, `run.ndjson` is `run-1.ndjson`, `run-2.ndjson`."""
    if path is None or len(runs) == 1:
        return [path] * len(runs)
    return [files.numbered(path, n) for n in range(1, len(runs) + 1)]


def _interim(runs: Sequence[_TargetRun]) -> Any:
    def say() -> None:
        for each in runs:
            each.reporters.interim()

    return say


def _write_hdr(path: str, result: Result, recorder: Recorder) -> None:
    from netecho.report.formats.hdrlog import lines

    histograms = {None: recorder.rtt, "response": recorder.response, "lag": recorder.lag}
    with files.ResultFile(path) as kept:
        for line in lines(result.start.started, result.duration, histograms):
            kept.write(f"{line}\n")


def _ended(runs: Sequence[_TargetRun], output: Output, unwritten: Unwritten) -> int:
    """Say what failed, and return the worst exit code."""
    several = len(runs) > 1
    for each in runs:
        name = f"{each.planned.job.target}: " if several else ""
        for failure in each.failed:
            output.say(f"netecho: failed: {name}{failure}")
        error = each.result.error
        if error is not None and not several and unwritten.error is None:
            raise error
        if error is not None:
            output.say(f"netecho: {name}{error.sentence}" + (f"\n  {error.hint}" if error.hint else ""))
    codes = [each.exit_code for each in runs]
    return max(codes if unwritten.error is None else [*codes, ExitCode.NOT_WRITTEN])
