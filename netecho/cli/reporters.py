"""Who is told of a run: the one that prints it, the live view, and with `--save` the one that keeps it."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from netecho.cli import files
from netecho.errors import OutputClosed, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from netecho.cli.job.build import OutputOptions
    from netecho.measure.events import Event
    from netecho.measure.recorder import Recorder
    from netecho.measure.result import Start
    from netecho.net.client.job import Job
    from netecho.report.document.model import Document
    from netecho.report.document.reporter import Reporter
    from netecho.report.output import Output
    from netecho.report.terminal.live import LiveView
    from netecho.report.terminal.several_view import SeveralView, WatchedTarget


DUMB_EVERY = 10_000_000_000
"""Nanoseconds from one line to the next on a terminal that a live view cannot be drawn on."""


class Reporters:
    """All who are told, as one; files are open for as long as it is entered."""

    def __init__(
        self,
        options: OutputOptions,
        job: Job,
        output: Output,
        recorder: Recorder,
        unwritten: Unwritten,
        printing: Reporter,
        *,
        save: str | None = None,
        alone: bool = True,
        several: SeveralView | None = None,
    ) -> None:
        """`alone`: the only run of the command, which has the screen for itself; else it has a row in `several`."""
        self.recorder = recorder
        self.start: Start | None = None
        """What was known when the first probe was about to leave; None before that."""
        self._options = options
        self._job = job
        self._output = output
        self._unwritten = unwritten
        self._printing = printing
        self._save = save
        self._alone = alone
        self._several = several
        self._row: WatchedTarget | None = None
        self._files = ExitStack()
        self._reporters: list[Reporter] = []
        self._began: int | None = None
        self._view_is_wanted = False
        self.live: LiveView | None = None
        """What is to be drawn, where there is one."""

    def __enter__(self) -> Reporters:
        """Choose who is told, and make the file that is saved to. Raises OutputError."""
        from netecho.report.formats.text import lines_wanted, view_wanted

        options, job, output = self._options, self._job, self._output
        lines = options.format == "text" and lines_wanted(output, job.plan.count)
        self._view_is_wanted = view_wanted(output, options.format, options.live)
        if self._several is not None:
            self._row = self._several.target(job.target.url, self.recorder)
            self._reporters.append(self._row)
        elif self._alone and self._view_is_wanted and output.stderr_moves:
            from netecho.report.terminal.live import LiveView

            # Below what else is written there, where that is more than a summary.
            brief = output.same_terminal and (lines or options.format in ("ndjson", "csv"))
            self.live = LiveView(output, self.recorder, job.target.url, brief=brief)
            self._reporters.append(self.live)
        self._reporters.append(self._printing)
        if self._save is not None:
            from netecho.report.formats.ndjson import NdjsonReporter

            kept = self._files.enter_context(files.ResultFile(self._save))
            self._reporters.append(NdjsonReporter(kept.write, kept.write))
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        with self._unwritten.noted():
            self._files.close()

    @property
    def follows(self) -> bool:
        """Whether any of them wants to hear of every reply."""
        return any(reporter.follows for reporter in self._reporters)

    @property
    def report_every(self) -> int | None:
        """Nanoseconds from one line of interim figures to the next; None: only when they are asked for."""
        if self._options.report_every is None and self._view_is_wanted and self._output.stderr_is_dumb:
            return DUMB_EVERY
        return self._options.report_every

    def interim(self) -> None:
        """Print the figures so far."""
        from netecho.report.terminal.interim import interim_line
        from netecho.report.terminal.tables import measured_name

        elapsed = 0 if self._began is None else time.monotonic_ns() - self._began
        measured = "rtt" if self.start is None else measured_name(self.start.settings)
        name = "" if self._alone else f"{self._job.target} "
        self._output.mention(name + interim_line(self.recorder.summary(whole=False), elapsed, measured))

    def started(self, start: Start) -> None:
        """Tell each that the first probe is about to leave."""
        self.start, self._began = start, time.monotonic_ns()
        self._each(lambda reporter: reporter.started(start))

    def tell(self, event: Event) -> None:
        """Tell each what happened."""
        for reporter in self._reporters:
            try:
                reporter.tell(event)
            except OutputError as error:
                self._leave_out(reporter, error)

    def unreached(self) -> None:
        """Show at once that there was no run, where others go on."""
        if self._row is not None:
            self._row.unreached()

    def finished(self, document: Document) -> None:
        """Tell each that the run is over: the live view first, which makes room."""
        if "error" in document and self._alone and self._options.format == "text":
            # Of a target that was not reached the error says all there is.
            self._reporters = [each for each in self._reporters if each is not self._printing]
        self._each(lambda reporter: reporter.finished(document))

    def _each(self, tell: Callable[[Reporter], None]) -> None:
        for reporter in self._reporters:
            try:
                tell(reporter)
            except OutputError as error:
                self._leave_out(reporter, error)

    def _leave_out(self, reporter: Reporter, error: OutputError) -> None:
        """Go on without one whose results cannot be written. Raises OutputClosed where that leaves nobody."""
        self._reporters = [each for each in self._reporters if each is not reporter]
        self._unwritten.note(error)


class Unwritten:
    """What could not be written in the course of a run: said when it happens, and a reason for the exit code.

    Measuring goes on. Where nobody reads standard output any more (`| head -1`) it ends: at once, or, where files are
    kept, as Ctrl-C ends it, so that they are whole.
    """

    def __init__(self, output: Output, *, keeps_files: bool) -> None:
        self.error: OutputError | None = None
        self.stop: Callable[[], None] = lambda: None
        """Ends the run."""
        self._output = output
        self._keeps_files = keeps_files

    def note(self, error: OutputError) -> None:
        """Say what could not be written. Raises OutputClosed where that is the end."""
        if isinstance(error, OutputClosed):
            if not self._keeps_files:
                raise error
            self.stop()
        elif self.error is None or error.sentence != self.error.sentence:
            self._output.say(f"netecho: {error.sentence}" + (f"\n  {error.hint}" if error.hint else ""))
        self.error = error

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note what cannot be written inside."""
        try:
            yield
        except OutputError as error:
            self.note(error)

    def drain(self) -> None:
        """Write what readers were too slow for, as far as they take it now."""
        with self.noted():
            self._output.drain()

    def finish(self) -> None:
        """Write what readers were too slow for, and say what was left out."""
        with self.noted():
            if left_out := self._output.finish():
                self._output.say(f"netecho: {left_out:,} lines were left out: standard output was not read fast enough")


def printers(options: OutputOptions, jobs: Sequence[Job], output: Output) -> list[Reporter]:
    """Return what prints each run; several share standard output."""
    if len(jobs) == 1:
        from netecho.report.formats.text import lines_wanted

        lines = options.format == "text" and lines_wanted(output, jobs[0].plan.count)
        return [printer(options.format, output, lines=lines, histogram=options.histogram)]
    from netecho.report.formats.several import several_printers

    targets = [job.target.url for job in jobs]
    return several_printers(options.format, output, targets, histogram=bool(options.histogram))


def several_view(options: OutputOptions, output: Output) -> SeveralView | None:
    """Return what shows how several runs go, where a person is to see it."""
    from netecho.report.formats.text import view_wanted

    if not (view_wanted(output, options.format, options.live) and output.stderr_moves):
        return None
    from netecho.report.terminal.several_view import SeveralView

    return SeveralView(output)


def printer(form: str, output: Output, *, lines: bool, histogram: bool | None = None) -> Reporter:
    """Return the reporter of a format; `lines` has the text tell of each probe."""
    if form == "json":
        from netecho.report.formats.json_document import JsonReporter

        return JsonReporter(output)
    if form == "ndjson":
        from netecho.report.formats.ndjson import NdjsonReporter

        return NdjsonReporter(output.write_line, output.write, summary_only=bool(output.quiet))
    if form == "csv":
        from netecho.report.formats.csv_rows import CsvReporter

        return CsvReporter(output)
    if form == "junit":
        from netecho.report.formats.junit import JunitReporter

        return JunitReporter(output)
    if form == "github":
        from netecho.report.formats.github import GithubReporter

        return GithubReporter(output)
    if form == "openmetrics":
        from netecho.report.formats.openmetrics import OpenmetricsReporter

        return OpenmetricsReporter(output)
    from netecho.report.formats.text import TextReporter

    return TextReporter(output, lines=lines, histogram=histogram)
