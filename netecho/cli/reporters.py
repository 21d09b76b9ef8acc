"""Who is told of a run: the one that prints it, the live view, and with `--save` the one that keeps it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from netecho.cli import files

if TYPE_CHECKING:
    from netecho.cli.job.build import OutputOptions
    from netecho.measure.events import Event
    from netecho.measure.recorder import Recorder
    from netecho.measure.result import Start
    from netecho.net.client.job import Job
    from netecho.report.document.model import Document
    from netecho.report.document.reporter import Reporter
    from netecho.report.output import Output
    from netecho.report.terminal.live import LiveView


DUMB_EVERY = 10_000_000_000
"""Nanoseconds from one line to the next on a terminal that a live view cannot be drawn on."""


class Reporters:
    """All who are told, as one; files are open for as long as it is entered."""

    def __init__(self, options: OutputOptions, job: Job, output: Output, recorder: Recorder) -> None:
        self._options = options
        self._job = job
        self._output = output
        self._recorder = recorder
        self._files = ExitStack()
        self._reporters: list[Reporter] = []
        self._start: Start | None = None
        self._began: int | None = None
        self._view_is_wanted = False
        self.live: LiveView | None = None
        """What is to be drawn, where there is one."""

    def __enter__(self) -> Reporters:
        """Choose who is told, and make the file that is saved to. Raises OutputError."""
        from netecho.report.formats.text import lines_wanted
        from netecho.report.terminal.live import LiveView, wanted

        options, job, output = self._options, self._job, self._output
        lines = options.format == "text" and lines_wanted(output, job.plan.count)
        self._view_is_wanted = wanted(output, options.format, options.live)
        if self._view_is_wanted and output.stderr_moves:
            # Below what else is written there, where that is more than a summary.
            brief = output.same_terminal and (lines or options.format in ("ndjson", "csv"))
            self.live = LiveView(output, self._recorder, job.target.url, brief=brief)
            self._reporters.append(self.live)
        self._reporters.append(printer(options.format, output, lines=lines, histogram=options.histogram))
        if options.save is not None:
            from netecho.report.formats.ndjson import NdjsonReporter

            kept = self._files.enter_context(files.ResultFile(options.save))
            self._reporters.append(NdjsonReporter(kept.write, kept.write))
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
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
        measured = "rtt" if self._start is None else measured_name(self._start.settings)
        self._output.mention(interim_line(self._recorder.summary(whole=False), elapsed, measured))

    def started(self, start: Start) -> None:
        """Tell each that the first probe is about to leave."""
        self._start, self._began = start, time.monotonic_ns()
        for reporter in self._reporters:
            reporter.started(start)

    def tell(self, event: Event) -> None:
        """Tell each what happened."""
        for reporter in self._reporters:
            reporter.tell(event)

    def finished(self, document: Document) -> None:
        """Tell each that the run is over: the live view first, which makes room."""
        for reporter in self._reporters:
            reporter.finished(document)


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
