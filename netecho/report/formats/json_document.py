"""`--format json`: the document, when the run is over."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from netecho.report.formats.event_line import mention

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.measure.events import Event
    from netecho.measure.result import Start
    from netecho.report.document.model import Document
    from netecho.report.output import Output


_NUMBERS = re.compile(r"\[\n\s+([-+.\deE,\s]+?)\n\s+\]")
"""A list of numbers alone, which is read better on one line; inside a string no line ever ends."""


class JsonReporter:
    """Says nothing until the end, then one document."""

    follows = False

    def __init__(self, output: Output) -> None:
        self._output = output

    def started(self, start: Start) -> None:
        """Nothing yet."""

    def tell(self, event: Event) -> None:
        """Nothing yet, but for what a peer says unasked."""
        mention(event, self._output)

    def finished(self, document: Document) -> None:
        """Print the document."""
        self._output.write(pretty(document))


def pretty(document: Document | list[Document]) -> str:
    """Return JSON as a person can read it, in ASCII so that it survives any locale; always valid (no NaN)."""
    return _NUMBERS.sub(_on_a_line, json.dumps(document, indent=2, allow_nan=False)) + "\n"


def by_rows(document: Document, rows: str) -> Iterator[str]:
    """Yield JSON with each of the many `rows` that a document has on a line: in a fifth of the time of `pretty`."""
    head = {name: value for name, value in document.items() if name != rows}
    yield pretty(head)[: -len("\n}\n")] + f',\n  "{rows}": ['
    encode = json.JSONEncoder(allow_nan=False).encode
    for n, row in enumerate(document[rows]):
        yield ("," if n else "") + "\n    " + encode(row)
    yield "\n  ]\n}\n"


def _on_a_line(numbers: re.Match[str]) -> str:
    return f"[{' '.join(numbers[1].split())}]"
