"""`--format text`: a line per event, and the summary that a person reads in one look.

Colour only underlines what the words say already. Lines are made by hand; Rich lays out the summary, and is
imported when there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.report.document.model import Document, head
from netecho.report.document.settings import is_several
from netecho.report.formats.event_line import event_line, mention

if TYPE_CHECKING:
    from netecho.measure.events import (
        Event,
    )
    from netecho.measure.result import Start
    from netecho.report.output import Output


FEW = 20
"""So many probes get a line each on a terminal too."""


class TextReporter:
    """Lines while the run goes on, where they are wanted, and the summary at its end."""

    def __init__(self, output: Output, *, lines: bool, histogram: bool | None = None) -> None:
        # Not as the run begins: that takes a millisecond, by which the times of day of all its events would be early.
        from netecho.report.terminal.headline import headline

        self._headline = headline
        self._output = output
        self.follows = lines and not output.quiet
        self._histogram = histogram
        self._several = False
        self._digits = 1
        self._started = 0

    def started(self, start: Start) -> None:
        """Say who is probed, and how, before the first reply."""
        self._started = start.started
        count = start.settings.get("count")
        self._digits = len(str(count - 1)) if isinstance(count, int) and count else 1
        self._several = is_several(start.settings.get("connections"))
        if self.follows:
            self._output.write_line(self._headline(head(start)) + "\n")

    def tell(self, event: Event) -> None:
        """Print the event's line."""
        if self.follows:
            line = event_line(event, self._started, several=self._several, digits=self._digits)
            self._output.write_line(f"{line}\n")
        else:
            mention(event, self._output)

    def finished(self, document: Document) -> None:
        """Print the summary."""
        if self._output.quiet > 1:
            return
        from netecho.report.terminal.summary import show

        if self.follows:
            self._output.write("\n")
        show(document, self._output, histogram=self._histogram)


def lines_wanted(output: Output, count: object) -> bool:
    """Return whether each event gets a line: where nobody watches a terminal, and where they are few."""
    return not output.stdout_is_terminal or (isinstance(count, int) and 0 < count <= FEW)


def view_wanted(output: Output, form: str, asked: bool | None) -> bool:
    """Return whether a person is to see how a run goes: on a terminal, and by default where its text is for them.

    What reads a pipe may write to the same terminal (`| tee`, `| less`): there it is only shown if asked for.
    """
    if asked is None:
        asked = form == "text" and not output.quiet and not output.stdout_is_pipe
    return asked and output.stderr_is_terminal
