"""One target over time, as a chart has it: `netecho/periods/1`, made piece by piece."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from netecho.monitor.state import State
from netecho.monitor.windows import SLOT, SLOTS
from netecho.report.document.live_events import Moment, percent
from netecho.report.document.values import milliseconds, timestamp
from netecho.report.escape import printable
from netecho.units import MILLISECOND, SECOND
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from netecho.history.course import Stretch
    from netecho.history.rows import Outage
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.state import Change

SCHEMA = "netecho/periods/1"
MINUTE = SLOT * SLOTS
_AWAY = (State.DOWN, State.UNREACHABLE)

Row = dict[str, object]

_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the document says of itself."""

    target: str
    url: str
    since: int
    until: int
    """Nanoseconds since 1970."""
    period: int
    """Nanoseconds that a period is long."""
    source: Literal["memory", "file"]


def document(frame: Frame, outages: Sequence[Row], periods: Iterable[Row | None]) -> Iterator[str]:
    """Yield the document, a period a piece, and an empty piece for each None among the periods."""
    head = {
        "schema": SCHEMA,
        "version": __version__,
        "target": frame.target,
        "url": frame.url,
        "since": timestamp(frame.since),
        "until": timestamp(frame.until),
        "period_ms": milliseconds(frame.period),
        "source": frame.source,
        "outages": outages,
    }
    yield _encode(head)[:-1] + ', "periods": ['
    comma = ""
    for period in periods:
        if period is None:
            yield ""
        else:
            yield comma + _encode(period)
            comma = ", "
    yield "]}\n"


def of_slots(target: MonitoredTarget, now: Moment, since: int) -> Iterator[Row]:
    """Yield the slots that memory has, from `since` of the run's clock on."""
    for point in target.course:
        if (point.number + 1) * SLOT > since:
            counts = (point.sent, point.received, point.lost)
            yield _row(now.timestamp(point.number * SLOT), counts, point.p50, point.p99)


def of_minutes(target: MonitoredTarget, now: Moment, since: int) -> Iterator[Row]:
    """Yield the minutes that memory has, from `since` of the run's clock on."""
    for number, minute in zip(target.minutes, target.windows.minutes, strict=True):
        if (number + 1) * MINUTE > since:
            counts = (minute.counts.sent, minute.counts.received, minute.counts.lost)
            yield _row(now.timestamp(number * MINUTE), counts, minute.p50, minute.p99)


def of_file(stretches: Iterable[Stretch | None]) -> Iterator[Row | None]:
    """Yield what a history has; None where it has more to do before the next period."""
    for each in stretches:
        if each is None:
            yield None
            continue
        counts = (each.counts.sent, each.counts.received, each.counts.lost)
        yield _row(timestamp(each.began * SECOND), counts, each.p50, each.p99)


def _row(began: str, counts: tuple[int, int, int], p50: int | None, p99: int | None) -> Row:
    sent, received, lost = counts
    return {
        "began": began,
        "sent": sent,
        "received": received,
        "lost": lost,
        "loss_percent": percent(received, lost),
        "p50_ms": milliseconds(p50),
        "p99_ms": milliseconds(p99),
    }


def outages_in_memory(target: MonitoredTarget, changes: Iterable[Change], now: Moment, since: int) -> list[Row]:
    """Return the outages that are remembered and were not over at `since` of the run's clock."""
    found: list[Row] = []
    reason = ""
    for change in changes:
        if change.before in _AWAY and change.at > since:
            began, ended = now.timestamp(change.at - change.lasted), now.timestamp(change.at)
            found.append(_outage(began, ended, change.before, reason))
        reason = change.reason
    state = target.state
    if state.state in _AWAY:
        found.append(_outage(now.timestamp(state.since), None, state.state, state.reason))
    return found


def outages_in_file(outages: Iterable[Outage]) -> list[Row]:
    """Return the outages that a history has."""
    return [
        _outage(
            timestamp(each.began * MILLISECOND),
            None if each.ended is None else timestamp(each.ended * MILLISECOND),
            each.state,
            each.reason,
        )
        for each in outages
    ]


def _outage(began: str, ended: str | None, state: str, reason: str) -> Row:
    return {"began": began, "ended": ended, "state": str(state), "reason": printable(reason)}
