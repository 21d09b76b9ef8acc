"""Who is told of a run: the one that prints it, and with `--save` the one that keeps it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from netecho.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.cli.asked import Asked
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
    printing = _printing(asked, output)
    path = asked.showing.save
    if path is None:
        yield printing
        return
    from netecho.report.ndjson import NdjsonReporter

    with _Saved(path) as saved:
        yield Several(printing, NdjsonReporter(saved.write))


class _Saved:
    """A file that a run is saved to, a line at a time, so that a run that is killed is there up to then."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> _Saved:
        try:
            self._file = open(self._path, "w", encoding="utf-8", buffering=1)  # noqa: PTH123
        except OSError as error:
            raise self._failed(error) from None
        return self

    def write(self, text: str) -> None:
        """Write a line."""
        try:
            self._file.write(text)
        except OSError as error:
            raise self._failed(error) from None

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(f"the run could not be saved in {self._path!r}: {error.strerror}", "is there room?")


def _printing(asked: Asked, output: Output) -> Reporter:
    form = asked.showing.format
    if form == "json":
        from netecho.report.jsonout import JsonReporter

        return JsonReporter(output)
    if form == "ndjson":
        from netecho.report.ndjson import NdjsonReporter

        return NdjsonReporter(output.write, summary_only=bool(output.quiet))
    if form == "csv":
        from netecho.report.csvout import CsvReporter

        return CsvReporter(output)
    from netecho.report.text import TextReporter, lines_wanted

    lines = lines_wanted(output, asked.job.plan.count)
    return TextReporter(output, lines=lines, histogram=asked.showing.histogram)
