"""Who is told of a run: the one that prints it, and with `--save` the one that keeps it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from netecho.cli import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.cli.asked import Asked
    from netecho.cli.given import Format
    from netecho.measure.events import Event
    from netecho.measure.result import Start
    from netecho.report.model import Document, Reporter
    from netecho.report.output import Output


class Several:
    """Tells several reporters what one is told."""

    def __init__(self, *reporters: Reporter) -> None:
        self._reporters = reporters

    def started(self, start: Start) -> None:
        """Tell each that the first probe is about to leave."""
        for reporter in self._reporters:
            reporter.started(start)

    def tell(self, event: Event) -> None:
        """Tell each what happened."""
        for reporter in self._reporters:
            reporter.tell(event)

    def finished(self, document: Document) -> None:
        """Tell each that the run is over."""
        for reporter in self._reporters:
            reporter.finished(document)


@contextmanager
def watchers(asked: Asked, output: Output) -> Iterator[Reporter]:
    """Give the reporter of a run; a file that it is saved to is open for as long."""
    from netecho.report.text import lines_wanted

    lines = lines_wanted(output, asked.job.plan.count)
    printing = printer(asked.showing.format, output, lines=lines, histogram=asked.showing.histogram)
    path = asked.showing.save
    if path is None:
        yield printing
        return
    from netecho.report.ndjson import NdjsonReporter

    with files.Kept(path) as kept:
        yield Several(printing, NdjsonReporter(kept.write))


def printer(form: Format, output: Output, *, lines: bool, histogram: bool | None = None) -> Reporter:
    """Return the reporter of a format; `lines` has the text tell of each probe."""
    if form == "json":
        from netecho.report.jsonout import JsonReporter

        return JsonReporter(output)
    if form == "ndjson":
        from netecho.report.ndjson import NdjsonReporter

        return NdjsonReporter(output.write, summary_only=bool(output.quiet))
    if form == "csv":
        from netecho.report.csvout import CsvReporter

        return CsvReporter(output)
    from netecho.report.text import TextReporter

    return TextReporter(output, lines=lines, histogram=histogram)
