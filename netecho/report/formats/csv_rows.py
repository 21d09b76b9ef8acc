"""`--format csv`: a header, then a row per probe, in the order in which the probes were settled."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

from netecho.measure.events import EchoCorrupted, OneWayDelays, ProbeLost, ReplyReceived
from netecho.report.document.settings import is_several
from netecho.report.document.values import TimeOfDay, exact_milliseconds
from netecho.report.escape import printable
from netecho.report.formats.event_line import mention

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netecho.measure.events import Event
    from netecho.measure.result import Start
    from netecho.report.document.model import Document
    from netecho.report.output import Output

COLUMNS = (
    *("seq", "scheduled_ms", "lag_ms", "rtt_ms", "response_ms", "size", "outcome"),
    *("reason", "detail", "time"),
    *("forward_ms", "backward_ms", "processing_ms"),
)


class Header:
    """The first line, which is printed once, whichever run begins first."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._is_printed = False

    def print(self, columns: Iterable[str]) -> None:
        """Print it, if it is not there yet."""
        if not self._is_printed:
            self._is_printed = True
            self._output.write_line(",".join(columns) + "\n")


class CsvReporter:
    """A row per probe: `outcome` is reply, corrupt or lost; last columns tell several connections and targets apart.

    A target that could not be reached has one row, with the outcome `error` and what happened in `detail`.
    """

    follows = True

    def __init__(self, output: Output, header: Header | None = None, *, target: str | None = None) -> None:
        self._output = output
        self._header = header or Header(output)
        self._target = [] if target is None else [target]
        self._several: bool | None = None
        self._clock = TimeOfDay(0)

    def started(self, start: Start) -> None:
        """Print the header."""
        self._clock = TimeOfDay(start.started)
        self._begin(start.settings.get("connections"))

    def tell(self, event: Event) -> None:
        """Print the probe that was settled, if one was."""
        outcome, rtt, response, reason, detail = "reply", "", "", "", ""
        delays: OneWayDelays | None = None
        match event:
            case ReplyReceived() | EchoCorrupted():
                outcome = "corrupt" if isinstance(event, EchoCorrupted) else "reply"
                rtt, response, delays = _ms(event.rtt), _ms(event.response), event.delays
            case ProbeLost():
                outcome, reason, detail = "lost", event.reason.value, printable(event.detail)
            case _:
                mention(event, self._output)
                return
        self._print(
            *(event.seq, _ms(event.scheduled), _ms(event.lag), rtt, response, event.size, outcome),
            *(reason, detail, self._clock.at(event.scheduled)),
            *("" if delay is None else _ms(delay) for delay in delays or OneWayDelays()),
            *([event.connection] if self._several else []),
            *self._target,
        )

    def finished(self, document: Document) -> None:
        """Print what kept the target from being reached, if anything did; else a row is a probe."""
        if (error := document.get("error")) is None:
            return
        if self._several is None:
            self._begin(document["settings"].get("connections"))
        blanks = [""] * COLUMNS.index("outcome")
        ending = [""] * (len(OneWayDelays._fields) + bool(self._several))
        self._print(*blanks, "error", "", printable(error["sentence"]), document["started"], *ending, *self._target)

    def _begin(self, connections: object) -> None:
        self._several = is_several(connections)
        more = (["connection"] if self._several else []) + (["target"] if self._target else [])
        self._header.print([*COLUMNS, *more])

    def _print(self, *cells: object) -> None:
        line = StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        self._output.write_line(line.getvalue())


def _ms(nanoseconds: int) -> str:
    """Return milliseconds to the nanosecond, as JSON has them but never as a power of ten."""
    text = f"{exact_milliseconds(nanoseconds):.6f}".rstrip("0")
    return text + "0" if text.endswith(".") else text
