"""`--format csv`: a header, then a row per probe, in the order in which the probes were settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.measure.events import EchoCorrupted, ProbeLost, ReplyReceived
from netecho.report.document.settings import is_several
from netecho.report.formats.event_line import mention

if TYPE_CHECKING:
    from netecho.measure.events import Event
    from netecho.measure.result import Start
    from netecho.report.document.model import Document
    from netecho.report.output import Output

COLUMNS = ("seq", "scheduled_ms", "lag_ms", "rtt_ms", "response_ms", "size", "outcome")


class CsvReporter:
    """A row per probe: `outcome` is reply, corrupt or lost; a last column tells several connections apart."""

    follows = True

    def __init__(self, output: Output) -> None:
        self._output = output
        self._several = False

    def started(self, start: Start) -> None:
        """Print the header."""
        self._several = is_several(start.settings.get("connections"))
        self._print(*COLUMNS, *(["connection"] if self._several else []))

    def tell(self, event: Event) -> None:
        """Print the probe that was settled, if one was."""
        match event:
            case ReplyReceived() | EchoCorrupted():
                outcome = "corrupt" if isinstance(event, EchoCorrupted) else "reply"
                rtt, response = _ms(event.rtt), _ms(event.response)
            case ProbeLost():
                outcome, rtt, response = "lost", "", ""
            case _:
                mention(event, self._output)
                return
        connection = [event.connection] if self._several else []
        self._print(event.seq, _ms(event.scheduled), _ms(event.lag), rtt, response, event.size, outcome, *connection)

    def finished(self, document: Document) -> None:
        """Nothing more: a row is a probe."""

    def _print(self, *cells: object) -> None:
        # Numbers and our own words alone: nothing here ever needs a quote.
        self._output.write(",".join(map(str, cells)) + "\n")


def _ms(nanoseconds: int) -> str:
    """Return milliseconds to the nanosecond, as JSON has them but never as a power of ten."""
    text = f"{nanoseconds / 1e6:.6f}".rstrip("0")
    return text + "0" if text.endswith(".") else text
