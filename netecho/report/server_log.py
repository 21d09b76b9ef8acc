"""A server's events, as text for people and NDJSON for machines; and a log that cannot hold the server up.

A listening line stands bare, because scripts wait for it: `listening on tcp://127.0.0.1:7007`. The other lines of
text begin with the local time; on a terminal they are laid out by Rich, as long as there are not too many of them.
A reader that is slow, or stopped with Ctrl-Z, costs lines, not service: what its pipe does not take is kept up to a
limit, and then the oldest are dropped and counted.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from netecho.echo.events import (
    Connected,
    Counted,
    Disconnected,
    Listening,
    Noticed,
    Received,
    Refused,
    ServerEvent,
    Stopped,
)
from netecho.errors import OutputError
from netecho.report.document.values import exact_milliseconds
from netecho.units import SECOND, format_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.echo.snapshot import ServerSnapshot
    from netecho.report.output import Output

LAID_OUT = 100
"""Lines a second that are laid out on a terminal, which takes half a millisecond each; more are written plainly."""
_CHUNK = 4096
"""Characters that are written at once."""
KEPT = 10_000
"""Lines kept for a reader that is slow."""

_LEVELS: dict[type[ServerEvent], int] = {
    Listening: -1,
    Counted: -1,
    Stopped: -1,
    Noticed: 0,
    Refused: 0,
    Connected: 1,
    Disconnected: 1,
    Received: 2,
}

_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode


class ServerLog:
    """Writes a server's events to standard output.

    `verbosity` is how often -v was given less how often -q was; NDJSON shows one step more than text. Below a live view
    that makes room for each write, lines are `gathered` until the next flush.
    """

    def __init__(
        self,
        output: Output,
        form: Literal["text", "ndjson"],
        verbosity: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        gathered: bool = False,
    ) -> None:
        self.level = verbosity + (form == "ndjson")
        self._output = output
        self._render = ndjson_line if form == "ndjson" else self._laid_out if output.stdout_is_terminal else text_line
        self._gathered = gathered
        self._second, self._in_second = 0, 0
        self._now = now
        self._kept: deque[str] = deque(maxlen=KEPT)
        self._dropped = 0
        self._full = False

    @property
    def shows_clients(self) -> bool:
        """Whether connections are written, when they begin and when they end."""
        return self.level >= _LEVELS[Connected]

    @property
    def shows_arrivals(self) -> bool:
        """Whether all that arrives is written, as it arrives."""
        return self.level >= _LEVELS[Received]

    def tell(self, event: ServerEvent) -> None:
        """Write an event, if it is of interest. Raises OutputClosed when nobody reads any more."""
        if _LEVELS[type(event)] > self.level:
            return
        if len(self._kept) == KEPT:
            self._dropped += 1
        self._kept.append(self._render(event, self._now()))
        if not self._gathered or isinstance(event, Listening | Stopped):
            self.flush()

    def flush(self) -> None:
        """Write what is kept, as far as the reader takes it. Raises OutputClosed when nobody reads any more."""
        while self._output.has_room() and self._kept:
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                notice = Noticed("log", f"{dropped} lines were dropped: standard output was not read")
                self._write(self._render(notice, self._now()))
            else:
                self._write(self._next())

    def finish(self) -> None:
        """Write what is kept, and wait a little for a reader that is slow."""
        while self._kept and self._output.has_room(wait=1.0):
            self._write(self._next())

    def _next(self) -> str:
        """Return the next lines, as many as may be written at once."""
        lines = self._kept.popleft()
        while self._kept and len(lines) + len(self._kept[0]) <= _CHUNK:
            lines += self._kept.popleft()
        return lines

    def _laid_out(self, event: ServerEvent, now: datetime) -> str:
        """Return a line for a terminal, plain where there were many of them in this second."""
        second = int(now.timestamp())
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        if self._in_second > LAID_OUT:
            return text_line(event, now)
        from netecho.report.terminal.log_lines import log_line

        return log_line(event, said(event), now, width=self._output.width, color=self._output.stdout_color)

    def _write(self, lines: str) -> None:
        try:
            self._output.write_line(lines)
        except OutputError as error:
            # A full disk is no reason to stop echoing. It is said once, where somebody may see it.
            if type(error) is not OutputError:
                raise
            if not self._full:
                self._full = True
                self._output.say(f"netecho: {error.sentence}; the server goes on")


def ndjson_line(event: ServerEvent, now: datetime) -> str:
    """Return an event as one line of JSON."""
    body: dict[str, Any] = {"event": type(event).__name__.lower()}
    if isinstance(event, Stopped):
        body |= {"reason": event.reason, "duration_ms": exact_milliseconds(event.duration), **asdict(event.totals)}
    elif isinstance(event, Counted):
        body |= _counted(event.snapshot)
    else:
        body |= {key: value for key, value in event._asdict().items() if value is not None}
    if isinstance(event, Disconnected):
        body["duration_ms"] = exact_milliseconds(body.pop("duration"))
    if isinstance(event, Noticed):
        body["event"] = event.kind
        del body["kind"]
    return _encode(body | {"time": now.isoformat(timespec="microseconds").replace("+00:00", "Z")}) + "\n"


def text_line(event: ServerEvent, now: datetime) -> str:
    """Return an event as a line for people."""
    if isinstance(event, Listening):
        return said(event) + "\n"
    return f"{now.astimezone():%Y-%m-%d %H:%M:%S} {said(event)}\n"


def said(event: ServerEvent) -> str:
    """Return an event in words."""
    match event:
        case Connected():
            return f"{event.transport} {event.peer} connected (#{event.connection})"
        case Received():
            return f"{event.transport} {event.peer} sent {_bytes(event.size)}"
        case Disconnected():
            return (
                f"{event.transport} {event.peer} disconnected (#{event.connection}) after {_span(event.duration)}: "
                f"{event.reason}, {_bytes(event.received)} in, {_bytes(event.sent)} out"
            )
        case Refused():
            times = f" ({event.times} times)" if event.times > 1 else ""
            return f"{event.transport} {event.peer} refused{times}: {event.reason}"
        case Noticed():
            return event.text
        case Stopped():
            totals = event.totals
            return (
                f"stopped ({event.reason}) after {_span(event.duration)}: "
                f"{_count(totals.connections, 'connection')}, {totals.refused} refused; "
                f"{_count(totals.datagrams, 'datagram')}, {totals.datagrams_answered} answered, "
                f"{totals.datagrams_refused} refused; "
                f"{_bytes(totals.bytes_received)} in, {_bytes(totals.bytes_sent)} out"
            )
        case Counted():
            return _statistics(event.snapshot)
        case Listening():
            return f"listening on {event.url}" + (f" with pin {event.pin}" if event.pin else "")


def _statistics(snapshot: ServerSnapshot) -> str:
    parts = [
        f"{name} {_count(counts.echoes, 'echo', 'echoes')}, {_count(counts.connections, 'connection')} "
        f"({counts.open} open), {_bytes(counts.bytes_received)} in, {_bytes(counts.bytes_sent)} out, "
        f"{counts.refused} refused"
        for name, counts in snapshot.transports.items()
    ]
    return "statistics: " + "; ".join(parts)


def _counted(snapshot: ServerSnapshot) -> dict[str, Any]:
    return {
        "event": "statistics",
        "open": snapshot.open,
        "transports": {name: asdict(counts) for name, counts in snapshot.transports.items()},
        "clients": [asdict(client) for client in snapshot.clients],
        "refusals": dict(snapshot.refusals),
    }


def _bytes(number: int) -> str:
    return _count(number, "byte")


def _count(number: int, what: str, several: str | None = None) -> str:
    return f"{number} {what if number == 1 else several or what + 's'}"


def _span(nanoseconds: int) -> str:
    return format_time(nanoseconds) if nanoseconds < SECOND else f"{nanoseconds / SECOND:.1f} s"
