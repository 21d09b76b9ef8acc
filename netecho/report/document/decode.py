"""A document's values as they were before it was printed: milliseconds back to nanoseconds.

For documents that were checked by the schema; what they leave out, such as the time of day below a microsecond, is
gone.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from netecho.measure.loss_reason import Loss, LossReason
from netecho.measure.losses import Losses
from netecho.measure.outages import Outage
from netecho.measure.result import Route, Setup, Start
from netecho.measure.stats.distribution import Distribution
from netecho.measure.stats.histogram import Bin
from netecho.measure.stats.timeline import Period, Worst
from netecho.measure.summary import FlowSummary, PartSummary, SizeSummary, Summary
from netecho.report.document.values import nanoseconds
from netecho.units import MICROSECOND, MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.report.document.model import Document

_COUNTS = (
    *("sent", "received", "lost", "late", "duplicate", "reordered", "corrupt", "pending", "stray", "stray_bytes"),
    *("waits", "dropped_here", "not_sent"),
)
_NO_YEAR = 9000
_EXACT = ("min", "p50", "p90", "p95", "p99", "p99_9", "max")


def start_of(head: Document) -> Start:
    """Return the start that a document's head was made from. Raises ValueError for a day that is in no calendar."""
    target, local = head["target"], head["local"]
    return Start(
        id=head["id"],
        label=head["label"],
        started=started_of(head),
        route=Route(
            **{key: target[key] for key in ("url", "transport", "host", "address", "port")},
            local_address=local["address"],
            local_port=local["port"],
        ),
        setup=Setup(**{name: _whole(head["setup"][f"{name}_ms"]) for name in ("resolve", "connect", "tls")}),
        settings=head["settings"],
    )


def summary_of(document: Document) -> Summary:
    """Return the summary that a document was made from."""
    probes, rtt, variation, histogram = (document[key] for key in ("probes", "rtt", "variation", "histogram"))
    connections, stamp = document.get("connections") or {}, document.get("stamp") or {}
    timeline = document.get("timeline") or {}
    worst = timeline.get("worst")
    return Summary(
        **{key: probes[key] for key in _COUNTS},
        loss_by_reason={r: document["loss_by_reason"][r] for r in LossReason if r in document["loss_by_reason"]},
        losses=tuple(_losses(losses) for losses in document["losses"]),
        outages=tuple(_outage(outage) for outage in document["outages"]),
        unavailable=nanoseconds(document["unavailable_ms"]),
        gone=nanoseconds(document["gone_ms"]),
        suspended=nanoseconds(document["suspended_ms"]),
        kernel_stamps=rtt["kernel"],
        user_stamps=rtt["user"],
        forward=_distribution(stamp.get("forward")),
        backward=_distribution(stamp.get("backward")),
        processing=_distribution(stamp.get("processing")),
        **_lost_by_direction(stamp),
        connect=_distribution(connections.get("connect")),
        tls=_distribution(connections.get("tls")),
        rtt=_distribution(rtt, histogram["rtt"]),
        response=_distribution(document["response"], histogram["response"]),
        lag=_distribution(document["lag"]),
        ipdv_mean_abs=_nanoseconds(variation["ipdv_mean_abs_ms"]),
        pdv_p99=_whole(variation["pdv_p99_ms"]),
        jitter_rfc3550=_nanoseconds(variation["jitter_rfc3550_ms"]),
        by_size=tuple(_size(size) for size in document.get("sizes", ())),
        by_flow=tuple(_flow(flow) for flow in document.get("flows", ())),
        timeline=timeline_of(document),
        worst=worst and Worst(_whole(worst["scheduled_ms"]) or 0, _whole(worst["rtt_ms"]) or 0),
    )


def _lost_by_direction(stamp: Document) -> dict[str, Any]:
    if not stamp or not stamp["reflector"]["stateful"]:
        return {}  # who does not number its replies cannot tell
    return {f"lost_{direction}": stamp["loss"][direction] for direction in ("forward", "backward")}


def _losses(losses: Document) -> Losses:
    why = Loss(LossReason(losses["reason"]), losses["detail"] or "")
    return Losses(why, losses["lost"], nanoseconds(losses["first_ms"]), nanoseconds(losses["last_ms"]))


def _outage(outage: Document) -> Outage:
    return Outage(
        nanoseconds(outage["start_ms"]),
        nanoseconds(outage["end_ms"]),
        outage["lost"],
        LossReason(outage["reason"]),
        outage["recovered"],
    )


def _size(size: Document) -> SizeSummary:
    return SizeSummary(size["size"], _part(size))


def _flow(flow: Document) -> FlowSummary:
    local = flow["local"]
    address = None if local["address"] is None else (local["address"], local["port"])
    return FlowSummary(flow["connection"], address, _part(flow))


def _part(part: Document) -> PartSummary:
    counts = {key: part[key] for key in ("sent", "received", "lost", "dropped_here")}
    return PartSummary(**counts, rtt=_distribution(part["rtt"]))


def timeline_of(document: Document) -> tuple[Period, ...]:
    """Return the periods of a run; none for one that was saved before they were kept."""
    timeline = document.get("timeline") or {}
    return tuple(_period(each) for each in timeline.get("periods", ()))


def _period(period: Sequence[float | None]) -> Period:
    start, end, received, lost, *figures = period
    p50, p99, longest = map(_whole, figures)
    return Period(_whole(start) or 0, _whole(end) or 0, int(received or 0), int(lost or 0), p50, p99, longest)


def _distribution(figures: Document | None, bins: Sequence[Sequence[float]] = ()) -> Distribution:
    if figures is None:
        return Distribution()
    return Distribution(
        count=figures["count"],
        mean=_nanoseconds(figures["mean_ms"]),
        stddev=_nanoseconds(figures["stddev_ms"]),
        bins=tuple(Bin(nanoseconds(low), nanoseconds(high), int(counted)) for low, high, counted in bins),
        **{name: _whole(figures[f"{name}_ms"]) for name in _EXACT},
    )


def _nanoseconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds * MILLISECOND


def _whole(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else nanoseconds(milliseconds)


def started_of(head: Document) -> int:
    """Return when a run started, in nanoseconds since 1970. Raises ValueError for a day that is in no calendar."""
    moment = datetime.fromisoformat(head["started"])
    if not 1970 <= moment.year < _NO_YEAR:  # so that no time of day in the run is one that datetime has not
        raise ValueError(f"no run began in the year {moment.year}")
    return int(moment.replace(microsecond=0).timestamp()) * SECOND + moment.microsecond * MICROSECOND
