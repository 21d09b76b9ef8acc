"""`--format junit`: a run as a test suite, for continuous integration.

Each criterion that the run was held to is a test case: that a reply came, that no echo was corrupt, and each
`--fail-if`. The figures are properties of the suite, under the document's names. Valid by the schema that Jenkins
publishes (junit-10.xsd), which other servers read too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from netecho.report.escape import printable
from netecho.report.formats.event_line import mention
from netecho.report.formats.verdict import Case, Verdict, of_run

if TYPE_CHECKING:
    from netecho.measure.events import Event
    from netecho.measure.result import Start
    from netecho.report.document.model import Document
    from netecho.report.output import Output


class JunitReporter:
    """Says nothing until the end, then one XML document."""

    follows = False

    def __init__(self, output: Output) -> None:
        self._output = output

    def started(self, start: Start) -> None:
        """Nothing yet."""

    def tell(self, event: Event) -> None:
        """Nothing yet, but for what a peer says unasked."""
        mention(event, self._output)

    def finished(self, document: Document) -> None:
        """Print the suite."""
        self._output.write(junit(of_run(document)))


def junit(*verdicts: Verdict) -> str:
    """Return verdicts as JUnit's document, each a test suite."""
    root = ET.Element("testsuites", _counts(*verdicts) | {"name": "netecho"})
    for verdict in verdicts:
        title = printable(verdict.title)
        known = {"name": title, "timestamp": verdict.started, "skipped": "0"}
        suite = ET.SubElement(root, "testsuite", _counts(verdict) | known)
        properties = ET.SubElement(suite, "properties")
        for key, value in verdict.figures.items():
            ET.SubElement(properties, "property", name=key, value=printable(str(value)))
        for case in verdict.cases:
            _append(suite, case, title)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(*verdicts: Verdict) -> dict[str, str]:
    """Return what a suite, or all of them, came to; suites are measured side by side, so the longest is all."""
    return {
        "tests": str(sum(len(each.cases) for each in verdicts)),
        "failures": str(sum(len(each.failed) for each in verdicts)),
        "errors": "0",
        "time": f"{max(each.seconds for each in verdicts):.3f}",
    }


def _append(suite: ET.Element, case: Case, title: str) -> None:
    element = ET.SubElement(suite, "testcase", name=printable(case.name), classname=f"netecho.{title}", time="0")
    if not case.met:
        failure = ET.SubElement(element, "failure", type="criterion", message=printable(case.name))
        failure.text = printable(case.measured)
