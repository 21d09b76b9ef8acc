"""What `netecho history` prints, as JSON's own types: `netecho/history/1`, and a row a minute for CSV."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from netecho.history.parts import cut
from netecho.measure.summary import loss_percent
from netecho.report.document.values import milliseconds, timestamp
from netecho.units import MILLISECOND, SECOND
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from netecho.history.parts import Period, Span
    from netecho.history.reading import MinuteRow, TargetHistory
    from netecho.history.rows import Outage
    from netecho.monitor.directions import Located
    from netecho.monitor.histogram import CoarseHistogram

SCHEMA = "netecho/history/1"
COLUMNS = (
    *("target", "url", "began", "sent", "received", "lost", "min_ms", "p50_ms", "p90_ms", "p99_ms", "max_ms"),
    *("lost_forward", "lost_backward"),
)


def document(histories: Sequence[TargetHistory], span: Span) -> dict[str, Any]:
    """Return a span of a history."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "since": timestamp(span.since * SECOND),
        "until": timestamp(span.until * SECOND),
        "period_ms": cut(span).width * 1000.0,
        "targets": [_target(each) for each in histories],
    }


def _target(history: TargetHistory) -> dict[str, Any]:
    counts = history.counts
    return {
        "target": history.target,
        "url": history.url,
        "minutes": history.minutes,
        "sent": counts.sent,
        "received": counts.received,
        "lost": counts.lost,
        "loss_percent": _percent(counts.received, counts.lost),
        "lost_by_direction": _directions(counts.lost, history.located),
        "rtt": _times(history.rtt),
        **({} if history.response is None else {"response": _times(history.response)}),
        "outages": [_outage(each) for each in history.outages],
        "periods": [_period(each) for each in history.periods],
    }


def _directions(lost: int, located: Located | None) -> dict[str, int]:
    forward, backward = located or (0, 0)
    return {"forward": forward, "backward": backward, "unknown": lost - forward - backward}


def _outage(outage: Outage) -> dict[str, Any]:
    lasted = None if outage.ended is None else outage.ended - outage.began
    return {
        "began": timestamp(outage.began * MILLISECOND),
        "ended": None if outage.ended is None else timestamp(outage.ended * MILLISECOND),
        "lasted_ms": None if lasted is None else float(lasted),
        "state": outage.state,
        "reason": outage.reason,
    }


def _period(period: Period) -> dict[str, Any]:
    return {
        "began": _moment(period.began),
        "sent": period.sent,
        "loss_percent": _percent(period.received, period.lost),
        "p50_ms": milliseconds(period.p50),
        "p99_ms": milliseconds(period.p99),
    }


@lru_cache(maxsize=1024)
def _moment(second: int) -> str:
    """Return when a part of the span began: the same for all targets, and of a thousand a tenth of a second."""
    return timestamp(second * SECOND)


def _percent(received: int, lost: int) -> float | None:
    share = loss_percent(received, lost)
    return None if share is None else round(share, 6)


def _times(times: CoarseHistogram) -> dict[str, float | None]:
    p50, p90, p99, p99_9 = times.percentiles((50, 90, 99, 99.9))
    return {
        "min_ms": milliseconds(times.min),
        "mean_ms": milliseconds(times.mean),
        "p50_ms": milliseconds(p50),
        "p90_ms": milliseconds(p90),
        "p99_ms": milliseconds(p99),
        "p99_9_ms": milliseconds(p99_9),
        "max_ms": milliseconds(times.max),
    }


def csv_rows(minutes: Iterable[MinuteRow]) -> Iterator[tuple[object, ...]]:
    """Yield the header, and a row a target and minute; None where there is no value."""
    from netecho.monitor.histogram import CoarseHistogram

    yield COLUMNS
    for minute in minutes:
        times = CoarseHistogram.merged([minute.rtt])
        p50, p90, p99 = times.percentiles((50, 90, 99))
        figures = (milliseconds(value) for value in (times.min, p50, p90, p99, times.max))
        counts = minute.counts
        began = timestamp(minute.began * SECOND)
        ways = minute.located or (None, None)
        yield (minute.target, minute.url, began, counts.sent, counts.received, counts.lost, *figures, *ways)
