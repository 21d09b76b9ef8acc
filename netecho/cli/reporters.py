"""Who is told of a run: the one that prints it, the live view, and with `--save` the one that keeps it."""

from __future__ import annotations

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


class Reporters:
    """All who are told, as one; files are open for as long as it is entered."""

    def __init__(self, options: OutputOptions, job: Job, output: Output, recorder: Recorder) -> None:
        self._options = options
        self._job = job
        self._output = output
        self._recorder = recorder
        self._files = ExitStack()
        self._reporters: list[Reporter] = []
        self.live: LiveView | None = None
        """What is to be drawn, where there is one."""

    def __enter__(self) -> Reporters:
        """Choose who is told, and make the file that is saved to. Raises OutputError."""
        from netecho.report.formats.text import lines_wanted
        from netecho.report.terminal.live import LiveView, wanted

        options, job, output = self._options, self._job, self._output
        lines = options.format == "text" and lines_wanted(output, job.plan.count)
        if wanted(output, options.format, options.live):
            brief = lines and output.stdout_is_terminal
            self.live = LiveView(output, self._recorder, job.target.url, brief=brief)
            self._reporters.append(self.live)
        self._reporters.append(printer(options.format, output, lines=lines, histogram=options.histogram))
        if options.save is not None:
            from netecho.report.formats.ndjson import NdjsonReporter

            kept = self._files.enter_context(files.ResultFile(options.save))
            self._reporters.append(NdjsonReporter(kept.write))
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self._files.close()

    @property
    def follows(self) -> bool:
        """Whether any of them wants to hear of every reply."""
        return any(reporter.follows for reporter in self._reporters)

    def started(self, start: Start) -> None:
        """Tell each that the first probe is about to leave."""
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

        return NdjsonReporter(output.write, summary_only=bool(output.quiet))
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
