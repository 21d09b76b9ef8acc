"""A trace packet by packet, flushed as it happens: NDJSON and CSV. Each is an observer of it."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from netecho.report.document.trace import SCHEMA, answer_event, head

if TYPE_CHECKING:
    from netecho.report.output import Output
    from netecho.trace.run import Head, Traced
    from netecho.trace.session import Answer

COLUMNS = ("round", "flow", "ttl", "address", "kind", "rtt_ms", "stamps", "icmp", "direction")


class NdjsonTrace:
    """A line of JSON for each packet's fate, between a start and a summary."""

    follows = False

    def __init__(self, output: Output) -> None:
        self._output = output

    def started(self, known: Head) -> None:
        """Write the first line."""
        self._write({"event": "start", **head(known)})

    def answered(self, answer: Answer) -> None:
        """Write a packet's line."""
        self._write({**answer_event(answer), "schema": SCHEMA})

    def show(self, traced: Traced) -> None:
        """Do nothing: it follows packets."""

    def finished(self, document: dict[str, Any]) -> None:
        """Write the last line."""
        self._write({"event": "summary", **document})

    def _write(self, event: dict[str, Any]) -> None:
        self._output.write_line(json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n")


class CsvTrace:
    """A row for each packet's fate."""

    follows = False

    def __init__(self, output: Output) -> None:
        self._output = output

    def started(self, known: Head) -> None:
        """Write the header."""
        del known
        self._row(COLUMNS)

    def answered(self, answer: Answer) -> None:
        """Write a packet's row."""
        event = answer_event(answer)
        self._row(tuple(event.get(name) for name in COLUMNS))

    def show(self, traced: Traced) -> None:
        """Do nothing: it follows packets."""

    def finished(self, document: dict[str, Any]) -> None:
        """Do nothing: all rows are written."""

    def _row(self, cells: tuple[object, ...]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        self._output.write_line(line.getvalue())
