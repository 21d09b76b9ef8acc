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
from netecho.report.formats.verdict import Case, cases_of, figures_of

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
        self._output.write(junit(document))


def junit(document: Document) -> str:
    """Return a document as a JUnit test suite."""
    cases = cases_of(document)
    counts = {"tests": str(len(cases)), "failures": str(sum(not case.met for case in cases)), "errors": "0"}
    seconds = f"{document['duration_ms'] / 1e3:.3f}"
    root = ET.Element("testsuites", counts | {"name": "netecho", "time": seconds})
    name = printable(document["label"] or document["target"]["url"])
    suite = ET.SubElement(
        root, "testsuite", counts | {"name": name, "time": seconds, "timestamp": document["started"], "skipped": "0"}
    )
    properties = ET.SubElement(suite, "properties")
    for key, value in figures_of(document).items():
        ET.SubElement(properties, "property", name=key, value=printable(str(value)))
    for case in cases:
        _append(suite, case, printable(document["target"]["url"]))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _append(suite: ET.Element, case: Case, target: str) -> None:
    element = ET.SubElement(suite, "testcase", name=printable(case.name), classname=f"netecho.{target}", time="0")
    if not case.met:
        failure = ET.SubElement(element, "failure", type="criterion", message=printable(case.name))
        failure.text = printable(case.measured)
