"""`--format github`: annotations for GitHub Actions, and a summary of the step where it asks for one.

Annotations are commands on standard output (`::error title=...::message`); the step's summary is Markdown in the file
that GITHUB_STEP_SUMMARY names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from netecho.errors import OutputError
from netecho.report.escape import printable
from netecho.report.formats.event_line import mention
from netecho.report.formats.verdict import Verdict, of_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netecho.measure.events import Event
    from netecho.measure.result import Start
    from netecho.report.document.model import Document
    from netecho.report.output import Output

SUMMARY = "GITHUB_STEP_SUMMARY"


class GithubReporter:
    """Says nothing until the end, then a line for each criterion that was not met, or one for the run."""

    follows = False

    def __init__(self, output: Output, environ: Mapping[str, str] = os.environ) -> None:
        self._output = output
        self._summary = environ.get(SUMMARY)

    def started(self, start: Start) -> None:
        """Nothing yet."""

    def tell(self, event: Event) -> None:
        """Nothing yet, but for what a peer says unasked."""
        mention(event, self._output)

    def finished(self, document: Document) -> None:
        """Print the annotations, and add to the step's summary. Raises OutputError where that cannot be written."""
        write(self._output, of_run(document), self._summary)


def write(output: Output, verdict: Verdict, summary: str | None = None) -> None:
    """Print the annotations, and add to the file of the step's summary, if there is one. Raises OutputError."""
    output.write(annotated(verdict))
    if summary:
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(markdown(verdict))
        except OSError as error:
            raise OutputError(
                f"{summary!r} could not be written: {error.strerror}", f"{SUMMARY} names the file"
            ) from None


def annotated(verdict: Verdict) -> str:
    """Return a verdict as workflow commands: an error for each criterion that was not met, else a notice."""
    title = f"netecho {verdict.title}"
    if not verdict.failed:
        return f"::notice title={_property(title)}::{_data(verdict.line)}\n"
    return "".join(
        f"::error title={_property(title)}::{_data(f'{case.name}: {case.measured}')}\n" for case in verdict.failed
    )


def markdown(verdict: Verdict) -> str:
    """Return a verdict as a table of Markdown."""
    outcome = "failed" if verdict.failed else "passed"
    lines = [f"### netecho {_cell(verdict.title)}: {outcome}", "", "| figure | value |", "| --- | --- |"]
    lines += [f"| `{name}` | {value} |" for name, value in verdict.figures.items()]
    lines += ["", *(f"- {'passed' if case.met else '**failed**'}: {_cell(case.name)}" for case in verdict.cases)]
    return "\n".join(lines) + "\n\n"


def _cell(text: str) -> str:
    return "".join(f"\\{each}" if each in "\\`*_{}[]<>|#" else each for each in printable(text))


def _data(text: str) -> str:
    """Escape the message of a workflow command."""
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    """Escape a property of a workflow command, which ends at a colon or a comma."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
