"""The live view: how a run goes, on standard error, while it goes.

It is drawn from the recorder's summary when the net side says so (a few times a second, between sends), never from
the measuring path; what is told of each event is two assignments. No thread, no Rich: a frame is a few hundred
bytes, written in one go, and left out where the terminal does not take it at once.
"""

from __future__ import annotations

import time
from collections import deque
from math import log
from typing import TYPE_CHECKING

from netecho.measure.events import EchoCorrupted, ProbeLost, ReplyReceived
from netecho.report import humanize
from netecho.report.document.model import head
from netecho.report.terminal.headline import headline, phases

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from netecho.measure.events import Event
    from netecho.measure.recorder import Recorder
    from netecho.measure.result import Start
    from netecho.measure.stats.distribution import Distribution
    from netecho.measure.summary import Summary
    from netecho.report.document.model import Document
    from netecho.report.output import Output

WIDEST = 100
EACH_FROM_MS = 50.0
"""At this interval and above the sparkline has a column for each reply, below one for each frame, its slowest."""
_REMEMBERED = WIDEST
_LEVELS = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS = "_.-=+*#@"
_SPAN = 4.0
"""A round trip so many times the shortest one shown is as high as a column gets, unless longer ones are shown."""
_LOST = -1


class LiveView:
    """Draws a run in progress. It is told of the run like any reporter; `draw` puts a frame on the screen.

    `brief` is a single line, for below the lines that a short run prints.
    """

    follows = True

    def __init__(
        self,
        output: Output,
        recorder: Recorder,
        target: str,
        *,
        brief: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._output = output
        self._recorder = recorder
        self._brief = brief
        self._clock = clock
        self._progress = Progress({})
        self._title = f"{target}: connecting"
        self._phases = ""
        self._began: int | None = None
        self._each = True
        self._slowest = 0
        self._columns: deque[int] = deque(maxlen=_REMEMBERED)

    def started(self, start: Start) -> None:
        """Begin: the connection stands."""
        self._began = self._clock()
        document = head(start)
        self._title = headline(document)
        self._phases = phases(document["setup"])
        self._progress = Progress(start.settings)
        interval = start.settings.get("interval_ms")
        connections = start.settings.get("connections", 1)
        if isinstance(interval, int | float) and isinstance(connections, int):
            self._each = interval / connections >= EACH_FROM_MS

    def tell(self, event: Event) -> None:
        """Note a round trip, or a loss, for the sparkline."""
        kind = type(event)
        if kind is ReplyReceived or kind is EchoCorrupted:
            rtt: int = event.rtt  # type: ignore[union-attr]
        elif kind is ProbeLost:
            rtt = _LOST
        else:
            return
        if self._each:
            self._columns.append(rtt)
        elif rtt > self._slowest or rtt == _LOST:
            # A loss in a frame is what its column shows, whatever came after it.
            self._slowest = rtt if self._slowest != _LOST else _LOST

    def finished(self, document: Document) -> None:
        """End: leave the screen as it was."""
        del document
        self.clear()

    def clear(self) -> None:
        """Take the view off the screen; does no harm when there is none."""
        self._output.show_block([])

    def draw(self, now: int) -> None:
        """Put the state of the run on the screen; `now` by the same clock as ours, nanoseconds."""
        if not self._each and self._slowest:
            self._columns.append(self._slowest)
            self._slowest = 0
        width = min(WIDEST, self._output.stderr_size[0] - 1)
        lines = self.frame(now, width)
        self._output.show_block(_styled(lines) if self._output.stderr_color else lines)

    def frame(self, now: int, width: int) -> list[str]:
        """Return the lines of a frame, none longer than `width`."""
        if self._began is None:
            return [self._title[:width]]
        summary = self._recorder.summary(whole=False)
        elapsed = now - self._began
        share, left = self._progress.at(elapsed, summary)
        if self._brief:
            return [self._line(width, summary, left)]
        title = f"{self._title}  {self._phases}"
        return [
            (title if len(title) <= width else self._title)[:width],
            self._bar(width, share, f"{humanize.span(elapsed / 1e6)}, {left}"),
            _counts(summary)[:width],
            self._spark(width),
            _figures("rtt", summary.rtt, width),
            _figures("response", summary.response, width),
        ]

    def _line(self, width: int, summary: Summary, left: str) -> str:
        words = f"{_counts(summary)}  {left}"
        return f"{words}  {self._spark(max(0, width - len(words) - 2))}"[:width]

    def _bar(self, width: int, share: float | None, words: str) -> str:
        if share is None:
            return words[:width]
        room = max(10, width - len(words) - 2)
        full = min(room, int(share * room))
        done, rest = ("━", "─") if self._output.glyphs else ("=", "-")
        return f"{done * full}{rest * (room - full)}  {words}"[:width]

    def _spark(self, room: int) -> str:
        columns = list(self._columns)[-room:] if room > 0 else []
        seen = [rtt for rtt in columns if rtt > 0]
        if not seen:
            return "x" * len(columns)
        levels = _LEVELS if self._output.glyphs else _ASCII_LEVELS
        low = min(seen)
        scale = (len(levels) - 1) / log(max(_SPAN, max(seen) / low))
        return "".join(levels[round(log(rtt / low) * scale)] if rtt > 0 else "x" for rtt in columns)


class Progress:
    """How far a run is, by what was asked of it."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        count, duration, interval = (settings.get(key) for key in ("count", "duration_ms", "interval_ms"))
        connections = settings.get("connections", 1)
        self._connections = connections if isinstance(connections, int) else 1
        self._count = count if isinstance(count, int) else None
        self._duration = duration * 1e6 if isinstance(duration, int | float) else None
        self._interval = interval * 1e6 if isinstance(interval, int | float) else 0.0

    def at(self, elapsed: int, summary: Summary) -> tuple[float | None, str]:
        """Return the share that is done (None where there is no end) and the time left in words."""
        shares, lefts = [], []
        if self._duration:
            shares.append(elapsed / self._duration)
            lefts.append(self._duration - elapsed)
        if self._count:
            total = self._count * self._connections
            shares.append(summary.sent / total)
            each = self._interval / self._connections or (elapsed / summary.sent if summary.sent else 0)
            lefts.append((total - summary.sent) * each)
        if not shares:
            return None, "Ctrl-C ends it"
        share, left = min(1.0, max(shares)), min(lefts)
        return share, "the last replies" if left <= 0 or share >= 1 else f"{humanize.span(left / 1e6)} left"


def _styled(lines: list[str]) -> list[str]:
    """Set off what a glance looks for: the target, and losses in the sparkline."""
    title, *rest = lines
    return [f"\x1b[1m{title}\x1b[0m" if rest else title, *rest]


def _counts(summary: Summary) -> str:
    words = f"{summary.sent:,} sent, {summary.received:,} received, {summary.lost:,} lost"
    if summary.lost:
        words += f" ({humanize.percent(summary.lost, summary.received + summary.lost)})"
    return words


def _figures(name: str, times: Distribution, width: int) -> str:
    """Return a row of percentiles, in milliseconds, with those that there is room for."""
    if not times.count:
        return f"{name}: no reply yet"[:width]
    named = {"min": times.min, "p50": times.p50, "p90": times.p90, "p99": times.p99, "max": times.max}
    cells = {key: f"{key} {humanize.ms(None if value is None else value / 1e6):>7}" for key, value in named.items()}
    for spare in ("min", "p90", "max"):
        row = "  ".join([f"{name:<8}", *cells.values()]) + " ms"
        if len(row) <= width:
            break
        del cells[spare]
    return row[:width]


def wanted(output: Output, form: str, asked: bool | None) -> bool:
    """Tell whether there is to be a live view: where it can be, and by default where text is for a person to watch."""
    if asked is None:
        asked = form == "text" and not output.quiet
    return asked and output.stderr_moves
