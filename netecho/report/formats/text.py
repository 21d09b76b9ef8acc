"""`--format text`: a line per event, and the summary that a person reads in one look.

Colour only underlines what the words say already. Lines are made by hand; Rich lays out the summary, and is
imported when there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.measure.events import (
    EchoCorrupted,
    Event,
    ProbeLost,
    ReplyDuplicated,
    ReplyLate,
    ReplyReceived,
    StrayReceived,
)
from netecho.report.document.model import Document, head
from netecho.report.escape import escaped
from netecho.report.formats.ndjson import is_several
from netecho.report.humanize import time

if TYPE_CHECKING:
    from netecho.measure.result import Start
    from netecho.report.output import Output

FEW = 20
"""So many probes get a line each on a terminal too."""
STRAY_WIDTH = 60
"""Characters shown of what a peer said unasked."""
SLOW_HAND = 1_000_000
"""A reply that reached the program so many nanoseconds later than the round trip took says so."""


class TextReporter:
    """Lines while the run goes on, where they are wanted, and the summary at its end."""

    def __init__(self, output: Output, *, lines: bool, histogram: bool | None = None) -> None:
        self._output = output
        self.follows = lines and not output.quiet
        self._histogram = histogram
        self._several = False
        self._digits = 1

    def started(self, start: Start) -> None:
        """Say who is probed, and how, before the first reply."""
        from netecho.report.terminal.headline import headline

        count = start.settings.get("count")
        self._digits = len(str(count - 1)) if isinstance(count, int) and count else 1
        self._several = is_several(start.settings.get("connections"))
        if self.follows:
            self._output.write(headline(head(start)) + "\n")

    def tell(self, event: Event) -> None:
        """Print the event's line."""
        if self.follows:
            self._output.write(event_line(event, several=self._several, digits=self._digits) + "\n")
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


def mention(event: Event, output: Output) -> None:
    """Say on standard error what a peer sent unasked, a banner, where events have no place of their own."""
    if isinstance(event, StrayReceived):
        output.say(f"netecho: {event_line(event, several=False, digits=1)}")


def lines_wanted(output: Output, count: object) -> bool:
    """Return whether each event gets a line: where nobody watches a terminal, and where they are few."""
    return not output.stdout_is_terminal or (isinstance(count, int) and 0 < count <= FEW)


def event_line(event: Event, *, several: bool = False, digits: int = 1) -> str:
    """Return one event in words, without the line's end."""
    return (f"#{event.connection} " if several else "") + _words(event, digits)


def _words(event: Event, digits: int) -> str:
    match event:
        case StrayReceived():
            shown = escaped(event.data[:STRAY_WIDTH])
            cut = len(event.data) > STRAY_WIDTH or len(shown) > STRAY_WIDTH
            return f'unasked: {len(event.data)} bytes "{shown[:STRAY_WIDTH]}"' + ("..." if cut else "")
        case ReplyReceived() | EchoCorrupted():
            words = f"seq {event.seq:>{digits}}  {event.size} bytes  {event.rtt / 1e6:7.3f} ms"
            if event.response - event.rtt > SLOW_HAND:
                words += f"  (response {time(event.response / 1e6)})"
            if isinstance(event, EchoCorrupted):
                words += f"  corrupt from byte {event.offset} on"
            return words
        case ProbeLost():
            return f"seq {event.seq:>{digits}}  lost"
        case ReplyLate():
            return f"seq {event.seq:>{digits}}  late, after {time(event.rtt / 1e6)}"
        case ReplyDuplicated():
            return f"seq {event.seq:>{digits}}  duplicate"
