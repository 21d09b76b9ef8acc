"""A saved run, told again: what `netecho report` and `netecho compare` read; and a saved diagnosis, load or trace.

A saved run is what `--save` and `--format ndjson` write; the document of `--json` is one too. It is replayed to a
reporter in one pass, so that a pipe will do and memory does not grow with its length. Where the summary is missing,
because the run was killed, it is made from the events.

The file may be anything: a line is read up to a limit, and what is not as it should be is a UsageError with the name
of the file and the number of the line.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, NoReturn

from netecho.errors import UsageError
from netecho.measure import criteria
from netecho.report.document.decode import start_of
from netecho.report.document.diagnosis import SCHEMA as DIAGNOSIS
from netecho.report.document.event_rows import event
from netecho.report.document.load import SCHEMA as LOAD
from netecho.report.document.model import document
from netecho.report.document.older import completed, completed_load
from netecho.report.document.rebuild import Rebuilder
from netecho.report.document.schema import complaint
from netecho.report.document.source import opened
from netecho.report.document.trace import SCHEMA as TRACE
from netecho.report.humanize import many

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from netecho.measure.result import Start
    from netecho.report.document.model import Document
    from netecho.report.document.reporter import Reporter

LONGEST_LINE = 1 << 20
"""Bytes: the summary of a sweep over a hundred sizes takes 40,000."""
LONGEST_DOCUMENT = 1 << 24
DEEPEST = 16
"""Levels of nesting: ours have six, and what prints a document calls itself for each."""


class Kind(NamedTuple):
    """A document of one piece, that is no run of probes."""

    part: str
    """Of the schema."""
    name: str
    command: str


OTHERS = {
    DIAGNOSIS: Kind("diagnosis", "a diagnosis", "netecho diagnose"),
    LOAD: Kind("load", "a run of load", "netecho load"),
    TRACE: Kind("trace", "a trace", "netecho trace"),
}


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was read: the run's document, and a word about what was wrong with the file, if anything was."""

    document: Document
    events: int | None = None
    """How many the file has; None: it is the document alone, and says nothing of single probes."""
    remark: str | None = None

    @property
    def kind(self) -> Kind | None:
        """What it is, where it is no run of probes."""
        return OTHERS.get(self.document["schema"])


def replay(
    path: str,
    reporter: Reporter | None = None,
    watching: AbstractContextManager[Callable[[int, int], None] | None] | None = None,
    *,
    others: bool = False,
) -> Replayed:
    """Tell a reporter the run that a file holds. Raises UsageError for what is no run, or cannot be read.

    With `others` a saved diagnosis, run of load or trace is read as well; the reporter, which is of probes, is told
    nothing. `-` is standard input; what is compressed by gzip is read as what it holds. `watching` is entered while the
    file is read, and gives what learns how far that is.
    """
    with watching or nullcontext() as progress, opened(path, progress) as file:
        replayed = _Reading(path, file).told_to(reporter, others=others)
    if reporter is not None and replayed.kind is None:
        reporter.finished(replayed.document)
    return replayed


class _Reading:
    def __init__(self, path: str, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._number = 0

    def told_to(self, reporter: Reporter | None, *, others: bool) -> Replayed:
        """Read to the end; what is known of the run is told as soon as it is read."""
        first = self._first()
        schema = first.get("schema")
        kind = OTHERS.get(schema) if isinstance(schema, str) else None
        if kind is not None:
            return self._other(self._summary(kind) if "event" in first else first, kind, wanted=others)
        if first.get("event") != "start":
            found = self._document(first)
            self._nothing_more()
            if reporter is not None:
                reporter.started(self._started(found))
            return Replayed(found)
        start = self._started(first)
        if reporter is not None:
            reporter.started(start)
        rebuilding = Rebuilder(start)
        while (line := self._line()) is not None:
            row = self._parsed(line)
            if row is None:
                break
            if row.get("event") == "summary":
                found = self._document(row)
                self._nothing_more()
                return Replayed(found, rebuilding.events)
            try:
                happened = event(row)
                rebuilding.tell(happened)
            except ValueError as error:
                self._refuse(str(error))
            if reporter is not None:
                reporter.tell(happened)
        return self._cut_off(rebuilding)

    def _first(self) -> Document:
        line = self._line()
        if line is None:
            self._refuse("it is empty")
        try:
            return self._object(line)
        except ValueError:
            if not line.lstrip().startswith(b"{"):
                self._refuse("it is not JSON")
        # A document as --json prints it goes on over many lines.
        try:
            return self._object(line + self._file.read(LONGEST_DOCUMENT))
        except ValueError:
            self._refuse("it is not JSON")

    def _line(self) -> bytes | None:
        """Return the next line that is not blank; None at the end."""
        while line := self._file.readline(LONGEST_LINE):
            self._number += 1
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                self._refuse("it is too long")
            if not line.isspace():
                return line
        return None

    def _parsed(self, line: bytes) -> Document | None:
        """Return a line's object; None where the file breaks off in the middle of it."""
        try:
            return self._object(line)
        except ValueError:
            if line.endswith(b"\n"):
                self._refuse("it is not JSON")
            return None

    def _object(self, text: bytes) -> Document:
        try:
            value = json.loads(text, parse_constant=_refuse_constant)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if not isinstance(value, dict):
            self._refuse("it is not a JSON object")
        if _is_deeper(value, DEEPEST):
            self._refuse("it is nested too deeply")
        return value

    def _started(self, row: Document) -> Start:
        if wrong := complaint(row, "head"):
            self._refuse(wrong)
        try:
            return start_of(row)
        except ValueError as error:  # a day that is in no calendar
            self._refuse(str(error))

    def _document(self, row: Document) -> Document:
        found = {key: value for key, value in row.items() if key != "event"}
        if "schema" not in found:
            self._refuse("a run begins with its start event")
        found = completed(found)
        if wrong := complaint(found, "document"):
            self._refuse(wrong)
        return found

    def _other(self, found: Document, kind: Kind, *, wanted: bool) -> Replayed:
        if not wanted:
            self._refuse(f"it is {kind.name}, and no run", "netecho report prints it again")
        if kind.part == "load":
            found = completed_load(found)
        if wrong := complaint(found, kind.part):
            self._refuse(wrong, f"what {kind.command} --save FILE wrote")
        self._nothing_more()
        return Replayed(found)

    def _summary(self, kind: Kind) -> Document:
        """Return the document at the end of lines that begin with an event."""
        row: Document | None = {}
        while row is not None and row.get("event") != "summary":
            line = self._line()
            row = None if line is None else self._parsed(line)
        if row is None:
            self._refuse(f"it breaks off before the end of {kind.name}", f"what {kind.command} --save FILE wrote")
        return {key: value for key, value in row.items() if key != "event"}

    def _nothing_more(self) -> None:
        if self._line() is not None:
            self._refuse("something follows the end of it: one run, one file")

    def _cut_off(self, rebuilding: Rebuilder) -> Replayed:
        result = rebuilding.result()
        asked = result.start.settings.get("fail_if", [])
        held_to = [each for text in asked for each in criteria.parse(text)] if isinstance(asked, list) else []
        failed = criteria.judge(held_to, result.summary, result.start.setup)
        probes = result.summary.received + result.summary.lost
        return Replayed(
            document(result, [str(each) for each in failed]),
            rebuilding.events,
            f"{self._path!r} breaks off after {many(probes, 'probe')}: the run was cut off, the figures are of those",
        )

    def _refuse(self, why: str, hint: str = "a run that was saved with netecho probe --save FILE") -> NoReturn:
        where = f"{self._path!r}, line {self._number}" if self._number else repr(self._path)
        raise UsageError(f"{where}: {why}", hint)


def _is_deeper(value: object, levels: int) -> bool:
    """Tell whether a value has containers in containers beyond so many levels."""
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return not levels or any(_is_deeper(each, levels - 1) for each in inside)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
