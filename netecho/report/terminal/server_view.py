"""The live view of a server: what is open, what is echoed and was in the last minute, for whom, and what is refused.

It stands below the log, is drawn from snapshots that are taken once a second, and so costs a server nothing that grows
with what it echoes.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from netecho.report.humanize import many, quantity, size, span
from netecho.report.terminal import sparkline
from netecho.report.terminal.display import Display
from netecho.report.terminal.tables import fitted, room_beside
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.table import Table

    from netecho.echo.snapshot import ServerSnapshot, TransportCounts
    from netecho.report.output import Output

MINUTE = 60
"""Seconds of history."""
CLIENTS = 5
REFUSALS = 3
"""Rows of each at most."""
_HISTORY = "last minute"


class ServerView:
    """Draws a server, from what `snapshot` returns."""

    def __init__(
        self,
        output: Output,
        snapshot: Callable[[], ServerSnapshot],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._glyphs = output.glyphs
        self._display = Display(output)
        self._snapshot = snapshot
        self._clock = clock
        self._began = clock()
        self._taken: tuple[int, ServerSnapshot] | None = None
        self._rates: dict[str, Rates] = {}

    def draw(self) -> None:
        """Put the state of the server on the screen, once a second."""
        now = self._clock()
        if self._taken is not None and now - self._taken[0] < SECOND:
            return
        self.take(now)
        self._display.show(self.frame(*self._display.size))

    def pause(self, least: float, took: float) -> float | None:
        """Return None: clients may send at any time."""
        del least, took
        return None

    def draw_anew(self) -> None:
        """Draw what was drawn last again, whole."""
        self._display.show_anew()

    def close(self) -> None:
        """Leave the screen as it was."""
        self._display.close()

    def take(self, now: int) -> None:
        """Take a snapshot, and the rates since the one before."""
        before, snapshot = self._taken, self._snapshot()
        self._taken = now, snapshot
        if before is None:
            self._rates = {name: Rates() for name in snapshot.transports}
            return
        seconds = (now - before[0]) / SECOND
        for name, counts in snapshot.transports.items():
            self._rates.setdefault(name, Rates()).add(before[1].transports.get(name), counts, seconds)

    def frame(self, width: int, height: int) -> RenderableType:
        """Return what is shown in so many columns and rows."""
        if self._taken is None:
            return Text()
        now, snapshot = self._taken
        up = span((now - self._began) / MILLISECOND)
        title = Text(f"up {up}, {many(snapshot.open, 'open connection')}", "bold", no_wrap=True, overflow="crop")
        parts: list[RenderableType] = [title, self._transports(snapshot, width)]
        left = height - 2 - len(snapshot.transports) - 1
        refusals = _refusals(snapshot.refusals, min(REFUSALS, left))
        left -= len(refusals)
        if snapshot.clients and left >= 2:
            parts.append(_clients(snapshot, min(CLIENTS, left - 1), width))
        return Group(*parts, *refusals)

    def _transports(self, snapshot: ServerSnapshot, width: int) -> Table:
        counts, rates = snapshot.transports, self._rates
        first = ["", *counts]
        columns: dict[str, list[str | Text]] = {
            "open": ["open", *(f"{each.open:,}" if each.connections else "" for each in counts.values())],
            "echoes/s": ["echoes/s", *(quantity(rates[name].echoes) for name in counts)],
            "in/s": ["in/s", *(size(rates[name].received) for name in counts)],
            "out/s": ["out/s", *(size(rates[name].sent) for name in counts)],
            "echoes": ["echoes", *(quantity(each.echoes) for each in counts.values())],
        }
        room = room_beside(first, columns, width)
        if room >= len(_HISTORY):
            levels = sparkline.BLOCKS if self._glyphs else sparkline.ASCII
            seconds = (list(rates[name].history)[-room:] for name in counts)
            columns[_HISTORY] = [_HISTORY, *(Text(sparkline.of_amounts(each, levels), "green") for each in seconds)]
        return fitted(first, columns, ("in/s", "echoes", "out/s", "open"), width, left=(_HISTORY,))


class Rates:
    """What one transport did in the last second, and its echoes in each second of the last minute."""

    def __init__(self) -> None:
        self.echoes = self.received = self.sent = 0.0
        self.history: deque[float] = deque(maxlen=MINUTE)

    def add(self, before: TransportCounts | None, after: TransportCounts, seconds: float) -> None:
        """Take in what was counted in so many `seconds`."""
        if before is None:
            return
        self.echoes = (after.echoes - before.echoes) / seconds
        self.received = (after.bytes_received - before.bytes_received) / seconds
        self.sent = (after.bytes_sent - before.bytes_sent) / seconds
        self.history.append(self.echoes)


def _clients(snapshot: ServerSnapshot, most: int, width: int) -> Table:
    clients = snapshot.clients[:most]
    columns = {
        "open": ["open", *(f"{client.open:,}" for client in clients)],
        "in": ["in", *(size(client.bytes_received) for client in clients)],
        "out": ["out", *(size(client.bytes_sent) for client in clients)],
    }
    return fitted(["client", *(client.client for client in clients)], columns, ("in", "out", "open"), width)


def _refusals(refusals: Mapping[str, int], most: int) -> list[Text]:
    """Return a line for each of the most frequent reasons."""
    ordered = sorted(refusals.items(), key=lambda item: (-item[1], item[0]))[: max(0, most)]
    return [Text(f"refused {count:,}: {reason}", "yellow", no_wrap=True, overflow="crop") for reason, count in ordered]
