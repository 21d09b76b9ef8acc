"""`--format ndjson`: an event a line, and the document last. A saved run is the same lines in a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from netecho.report.document.event_rows import row
from netecho.report.document.model import Document, head
from netecho.report.document.settings import is_several
from netecho.report.document.values import TimeOfDay

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.measure.events import Event
    from netecho.measure.result import Start

_encode = json.JSONEncoder(allow_nan=False).encode


class NdjsonReporter:
    """Writes each event as it happens; `summary_only` leaves the last line alone (-q)."""

    def __init__(
        self,
        write_line: Callable[[str], bool | None],
        write: Callable[[str], None],
        *,
        summary_only: bool = False,
        target: str | None = None,
    ) -> None:
        """`write_line` takes events, and returns False for one it leaves out; `write` takes the summary.

        Where several targets share the output, each event names its `target`.
        """
        self._target = {} if target is None else {"target": target}
        self._write_line = write_line
        self._write = write
        self.follows = not summary_only
        self._left_out = 0
        self._several = False
        self._clock = TimeOfDay(0)

    def started(self, start: Start) -> None:
        """Print the `start` event: who is probed, and how."""
        self._several = is_several(start.settings.get("connections"))
        self._clock = TimeOfDay(start.started)
        if self.follows:
            self._offer({"event": "start", **head(start)})

    def tell(self, event: Event) -> None:
        """Print the event."""
        if self.follows:
            self._offer(row(event, self._clock, several=self._several) | self._target)

    def finished(self, document: Document) -> None:
        """Print the `summary` event: the keys of the JSON document, and how many events are not among the lines."""
        left_out = {"events_left_out": self._left_out} if self._left_out else {}
        self._write(line({"event": "summary", **document, **left_out}))

    def _offer(self, event: Document) -> None:
        if self._write_line(line(event)) is False:
            self._left_out += 1


def line(event: Document) -> str:
    """Return an event as one line."""
    return _encode(event) + "\n"
