"""Several runs at once on one standard output: JSON as a list, rows that name their target, a table for people.

For pipelines: a suite a target in one JUnit document, annotations of each, metrics with the target as a label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.report.formats.event_line import mention

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.measure.events import Event
    from netecho.measure.result import Start
    from netecho.report.document.model import Document
    from netecho.report.document.reporter import Reporter
    from netecho.report.output import Output


def several_printers(form: str, output: Output, targets: Sequence[str], *, histogram: bool = False) -> list[Reporter]:
    """Return what prints each run, in the order of the targets; `histogram`: with one for each, in text."""
    if form == "ndjson":
        from netecho.report.formats.ndjson import NdjsonReporter

        quiet = bool(output.quiet)
        return [
            NdjsonReporter(output.write_line, output.write, summary_only=quiet, target=target) for target in targets
        ]
    if form == "csv":
        from netecho.report.formats.csv_rows import CsvReporter, Header

        header = Header(output)
        return [CsvReporter(output, header, target=target) for target in targets]
    if form == "github":
        from netecho.report.formats.github import GithubReporter

        return [GithubReporter(output) for _ in targets]
    together = _Together(output, len(targets), _shown_together(form, output, histogram=histogram))
    return [together.reporter() for _ in targets]


def _shown_together(form: str, output: Output, *, histogram: bool) -> Callable[[list[Document]], None]:
    """Return what shows all documents when the last one is there."""
    if form == "json":
        from netecho.report.formats.json_document import pretty

        return lambda documents: output.write(pretty(documents))
    if form == "junit":
        from netecho.report.formats.junit import junit
        from netecho.report.formats.verdict import of_run

        return lambda documents: output.write(junit(*map(of_run, documents)))
    if form == "openmetrics":
        from netecho.report.formats.openmetrics import openmetrics

        return lambda documents: output.write(openmetrics(*documents))
    from netecho.report.terminal.several import show

    return lambda documents: show(documents, output, histogram=histogram)


class _Together:
    """Has the documents of several runs shown when the last one is there."""

    def __init__(self, output: Output, number: int, show: Callable[[list[Document]], None]) -> None:
        self._output = output
        self._number = number
        self._show = show
        self._documents: list[Document] = []

    def reporter(self) -> Reporter:
        """Return the reporter of the next run."""
        return _Waiting(self._output, self._finished)

    def _finished(self, document: Document) -> None:
        self._documents.append(document)
        if len(self._documents) == self._number:
            self._show(self._documents)


class _Waiting:
    """A reporter that only wants the document."""

    follows = False

    def __init__(self, output: Output, finished: Callable[[Document], None]) -> None:
        self._output = output
        self._finished = finished

    def started(self, start: Start) -> None:
        """Nothing yet."""

    def tell(self, event: Event) -> None:
        """Nothing yet, but for what a peer says unasked."""
        mention(event, self._output)

    def finished(self, document: Document) -> None:
        """Hand the document on."""
        self._finished(document)
