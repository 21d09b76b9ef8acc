"""How far a run is: as a share, in words, and as a bar by Rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from netecho.report import humanize
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from netecho.measure.summary import Summary

LEAST_BAR = 10
"""Columns below which a progress bar shows nothing."""


class RunProgress:
    """How far a run is, by what was asked of it."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        count, duration, interval = (settings.get(key) for key in ("count", "duration_ms", "interval_ms"))
        connections = settings.get("connections", 1)
        self._connections = connections if isinstance(connections, int) else 1
        self._count = count if isinstance(count, int) else None
        self._duration = duration * MILLISECOND if isinstance(duration, int | float) else None
        self._interval = interval * MILLISECOND if isinstance(interval, int | float) else 0.0

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
        return share, "the last replies" if left <= 0 or share >= 1 else f"{humanize.span(left / MILLISECOND)} left"


def progress_row(width: int, share: float | None, words: str) -> RenderableType:
    """Return a bar as long as `words` leave room for, and the words."""
    room = width - len(words) - 2
    if share is None or room < LEAST_BAR:
        return Text(words, no_wrap=True, overflow="crop")
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_row(
        ProgressBar(completed=100 * share, width=room, complete_style="green", finished_style="green", style="dim"),
        Text(words, no_wrap=True),
    )
    return row
