"""`--format json`: the document, when the run is over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netecho.measure.events import Event
    from netecho.measure.result import Start
    from netecho.report.model import Document
    from netecho.report.output import Output


class JsonReporter:
    """Says nothing until the end, then one document."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def started(self, start: Start) -> None:
        """Nothing yet."""

    def tell(self, event: Event) -> None:
        """Nothing yet."""

    def finished(self, document: Document) -> None:
        """Print the document."""
        self._output.write(pretty(document))


def pretty(document: Document) -> str:
    """Return JSON as a person can read it, in ASCII so that it survives any locale; always valid (no NaN)."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"
