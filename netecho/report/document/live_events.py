"""What a monitor's page is told as it happens, `netecho/events/1`: the data of server-sent events, each a line of JSON.

A listener is told of every target whole, and from then on what is new of some of them each second. Rows are whole
states, not differences: one that was missed is made good by the next.
"""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from netecho.measure.summary import loss_percent
from netecho.monitor.histogram import CoarseHistogram
from netecho.monitor.windows import SLOT, Counts
from netecho.report.document.monitoring import Row, changed, identity
from netecho.report.document.values import milliseconds, timestamp
from netecho.report.escape import printable
from netecho.units import MICROSECOND
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.monitor.course import Point
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.state import Change
    from netecho.monitor.windows import Slot

SCHEMA = "netecho/events/1"
LATEST = 1000
"""Changes of state that are remembered, of all targets."""
_TOLD = 200
"""Of those, what a new listener is told."""

_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode


class Moment(NamedTuple):
    """Now, by two clocks; nanoseconds."""

    wall: int
    """Since 1970."""
    run: int
    """The run's."""

    def timestamp(self, run: int) -> str:
        """Return a time of the run's clock as documents have it."""
        return timestamp(self.wall - (self.run - run))


class LiveEvents:
    """What is told, and the changes that are remembered."""

    def __init__(self, moment: Callable[[], Moment], *, has_history: bool) -> None:
        self._moment = moment
        self._has_history = has_history
        self._hours: dict[str, tuple[MonitoredTarget, int, Row]] = {}
        """By name: the target, the number of its last minute, and the figures of the hour up to that."""
        self._changes: deque[tuple[MonitoredTarget, Change, Row]] = deque(maxlen=LATEST)

    def began(self) -> str:
        """Return what a listener is told first."""
        now = self._moment()
        head = {"schema": SCHEMA, "version": __version__, "time": timestamp(now.wall)}
        return _encode(head | {"history": self._has_history})

    def whole(self, target: MonitoredTarget) -> str:
        """Return all that is told of a target."""
        return _encode(identity(target) | self._news(target) | {"course": _course(target)})

    def news(self, target: MonitoredTarget) -> str:
        """Return what is new of a target."""
        return _encode({"target": target.settings.name} | self._news(target))

    def forget(self) -> None:
        """Keep no figures of targets that may be gone."""
        self._hours.clear()

    def remember(self, target: MonitoredTarget, change: Change) -> None:
        """Keep a change of state, to tell it later too."""
        self._changes.append((target, change, changed(self._moment().wall, target, change)))

    def changed(self, target: MonitoredTarget, change: Change) -> str:
        """Return a change of state, with what is new of its target."""
        return _encode(changed(self._moment().wall, target, change) | {"news": self._news(target)})

    def changes(self) -> str:
        """Return the latest changes of state, oldest first."""
        latest = tuple(self._changes)[-_TOLD:]
        return _encode({"changes": [row for _, _, row in latest]})

    def changes_of(self, target: MonitoredTarget) -> list[Change]:
        """Return what is remembered of one target."""
        return [change for whose, change, _ in self._changes if whose is target]

    def _news(self, target: MonitoredTarget) -> Row:
        now, state = self._moment(), target.state
        minute = target.windows.minute(target.recorder.slot)
        latest = target.course.latest
        return {
            "address": target.address,
            "state": str(state.state),
            "reason": printable(state.reason),
            "since_ms": milliseconds(now.run - state.since),
            "minute": _figures(minute),
            "hour": self._hour(target, minute),
            "slot": None if latest is None else point_row(latest, now),
        }

    def _hour(self, target: MonitoredTarget, minute: Sequence[Slot]) -> Row:
        """Return the figures of the last hour's whole minutes, made once for each; before one is, of what there is."""
        if not target.minutes:
            return _figures(minute)
        whose, number, figures = self._hours.get(target.settings.name, (None, 0, {}))
        if whose is not target or number != target.minutes[-1]:
            figures = _figures(target.windows.minutes)
            self._hours[target.settings.name] = (target, target.minutes[-1], figures)
        return figures


def _figures(slots: Sequence[Slot]) -> Row:
    counts = Counts.of_all(slot.counts for slot in slots)
    p50, p99 = CoarseHistogram.merged([slot.rtt for slot in slots]).percentiles((50, 99))
    return {
        "sent": counts.sent,
        "lost": counts.lost,
        "loss_percent": percent(counts.received, counts.lost),
        "p50_ms": milliseconds(p50),
        "p99_ms": milliseconds(p99),
    }


def point_row(point: Point, now: Moment) -> Row:
    """Return five seconds of a target."""
    return {
        "began": now.timestamp(point.number * SLOT),
        "sent": point.sent,
        "received": point.received,
        "lost": point.lost,
        "p50_ms": milliseconds(point.p50),
        "p99_ms": milliseconds(point.p99),
    }


def percent(received: int, lost: int) -> float | None:
    """Return the share that was lost; None where nothing's fate is known."""
    share = loss_percent(received, lost)
    return None if share is None else round(share, 6)


def _course(target: MonitoredTarget) -> dict[str, list[Any]]:
    """Return the last minutes in short: medians to the microsecond, and losses."""
    points = tuple(target.course)
    return {
        "p50_ms": [None if each.p50 is None else round(each.p50 / MICROSECOND) / 1000 for each in points],
        "lost": [each.lost for each in points],
    }
