"""A monitor's events on standard output: a line each, text for people and NDJSON for machines.

Nothing is waited for: a reader that is slow costs lines, which are counted, and delays no probe.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from netecho.report.document import monitoring
from netecho.report.escape import printable
from netecho.report.humanize import many, span
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.state import Change
    from netecho.report.output import Output

_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode


class MonitorLog:
    """Writes what happens to the targets."""

    def __init__(self, output: Output, form: Literal["text", "ndjson"], wall: Callable[[], int] = time.time_ns) -> None:
        self._output = output
        self._is_text = form == "text"
        self._wall = wall

    def started(self, targets: int) -> None:
        """Write that probing begins."""
        now = self._wall()
        if self._is_text:
            self._line(now, f"monitoring {many(targets, 'target')}")
        else:
            self._row(monitoring.started(now, targets))

    def changed(self, target: MonitoredTarget, change: Change) -> None:
        """Write a change of state."""
        now = self._wall()
        if self._is_text:
            self._line(now, change_words(target, change))
        else:
            self._row(monitoring.changed(now, target, change))

    def noticed(self, kind: str, text: str, **facts: int | str) -> None:
        """Write what concerns no single target."""
        now = self._wall()
        if self._is_text:
            self._line(now, text)
        else:
            self._row(monitoring.noticed(now, kind, text, **facts))

    def stopped(self, duration: int, targets: Sequence[MonitoredTarget]) -> None:
        """Write the end, after `duration` nanoseconds."""
        now = self._wall()
        if not self._is_text:
            self._row(monitoring.stopped(now, duration, targets))
            return
        counted = ", ".join(f"{count} {state}" for state, count in monitoring.states(targets).items())
        self._line(now, f"stopped after {span(duration / MILLISECOND)}: {counted or 'no targets'}")

    def _line(self, now: int, text: str) -> None:
        local = datetime.fromtimestamp(now // SECOND, UTC).astimezone()
        self._output.write_line(f"{local:%Y-%m-%d %H:%M:%S} {text}\n")

    def _row(self, row: monitoring.Row) -> None:
        self._output.write_line(f"{_encode(row)}\n")


def change_words(target: MonitoredTarget, change: Change) -> str:
    """Return a change of state in words."""
    name, before = printable(target.settings.name), ""
    if change.before != "pending":
        before = f" (was {change.before} for {span(change.lasted / MILLISECOND)})"
    return f"{name}: {change.after}: {printable(change.reason)}{before}"
