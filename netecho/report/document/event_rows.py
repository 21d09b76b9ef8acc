"""An event of a run as a row of NDJSON, and back: what `--format ndjson` and `--save` write, and `report` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.measure.events import (
    EchoCorrupted,
    Event,
    OneWayDelays,
    ProbeLost,
    ReplyDuplicated,
    ReplyLate,
    ReplyReceived,
    StrayReceived,
)
from netecho.measure.loss_reason import LossReason
from netecho.report.document.values import exact_milliseconds, nanoseconds
from netecho.report.escape import escaped, unescaped

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.report.document.model import Document
    from netecho.report.document.values import TimeOfDay

STRAY_SHOWN = 256
"""Bytes of what a peer said unasked that are kept: enough for a banner."""
LONGEST = 10**18
"""Nanoseconds, 31 years: no time in a run is longer, and any file can be asked to say so."""


def row(event: Event, clock: TimeOfDay, *, several: bool = False) -> Document:
    """Return an event as it is printed; `several` connections are told apart by a `connection` key."""
    line: Document = {"event": _NAMES[type(event)]}
    if several:
        line["connection"] = event.connection
    match event:
        case ReplyReceived() | EchoCorrupted():
            line |= {
                "seq": event.seq,
                "scheduled_ms": exact_milliseconds(event.scheduled),
                "time": clock.at(event.scheduled),
                "lag_ms": exact_milliseconds(event.lag),
                "rtt_ms": exact_milliseconds(event.rtt),
                "response_ms": exact_milliseconds(event.response),
                "size": event.size,
                "stamps": "kernel" if event.kernel else "user",
            }
            if event.delays is not None:
                line |= {f"{part}_ms": _ms_or_none(delay) for part, delay in event.delays._asdict().items()}
            if isinstance(event, EchoCorrupted):
                line["offset"] = event.offset
        case ProbeLost():
            line |= {
                "seq": event.seq,
                "scheduled_ms": exact_milliseconds(event.scheduled),
                "time": clock.at(event.scheduled),
                "lag_ms": exact_milliseconds(event.lag),
                "size": event.size,
                "reason": event.reason,
            }
            if event.detail:
                line["detail"] = event.detail
        case ReplyLate():
            line |= {"seq": event.seq, "rtt_ms": exact_milliseconds(event.rtt)}
        case ReplyDuplicated():
            line["seq"] = event.seq
        case StrayReceived():
            line |= {"size": event.came, "text": escaped(event.data[:STRAY_SHOWN])}
    return line


_NAMES: dict[type, str] = {
    ReplyReceived: "reply",
    EchoCorrupted: "corrupt",
    ProbeLost: "lost",
    ReplyLate: "late",
    ReplyDuplicated: "duplicate",
    StrayReceived: "stray",
}


def event(row: Document) -> Event:
    """Return the event that a row was made from. Raises ValueError for what is none.

    Of a stray that was cut, what is left comes back.
    """
    name = row.get("event")
    read = _READERS.get(name) if isinstance(name, str) else None
    if read is None:
        raise ValueError(f"{name!r} is not an event of a run" if isinstance(name, str) else "it has no event")
    return read(row)


def _reply(row: Document) -> ReplyReceived:
    return ReplyReceived(
        _whole(row, "connection", 0),
        _whole(row, "seq"),
        _time(row, "scheduled_ms"),
        _time(row, "lag_ms"),
        _time(row, "rtt_ms"),
        _time(row, "response_ms"),
        _whole(row, "size"),
        row.get("stamps") == "kernel",
        _delays(row),
    )


def _delays(row: Document) -> OneWayDelays | None:
    if "forward_ms" not in row:
        return None
    return OneWayDelays(*(_delay(row, f"{part}_ms") for part in OneWayDelays._fields))


def _lost(row: Document) -> ProbeLost:
    detail = row.get("detail", "")
    if not isinstance(detail, str):
        raise ValueError("its detail is not a string")  # noqa: TRY004 - whatever is wrong with a row is one error
    try:
        reason = LossReason(row.get("reason", LossReason.TIMEOUT))
    except ValueError:
        raise ValueError("its reason is none that a loss has") from None
    return ProbeLost(
        _whole(row, "connection", 0),
        _whole(row, "seq"),
        _time(row, "scheduled_ms"),
        _time(row, "lag_ms"),
        _whole(row, "size"),
        reason,
        detail,
    )


def _stray(row: Document) -> StrayReceived:
    text = row.get("text")
    if not isinstance(text, str):
        raise ValueError("its text is not a string")  # noqa: TRY004 - whatever is wrong with a row is one error
    data, size = unescaped(text), _whole(row, "size")
    return StrayReceived(_whole(row, "connection", 0), data, None if size == len(data) else size)


_READERS: dict[str, Callable[[Document], Event]] = {
    "reply": _reply,
    "corrupt": lambda row: EchoCorrupted(*_reply(row)[:-1], _whole(row, "offset"), _delays(row)),
    "lost": _lost,
    "late": lambda row: ReplyLate(_whole(row, "connection", 0), _whole(row, "seq"), _time(row, "rtt_ms")),
    "duplicate": lambda row: ReplyDuplicated(_whole(row, "connection", 0), _whole(row, "seq")),
    "stray": _stray,
}


def _ms_or_none(time: int | None) -> float | None:
    return None if time is None else exact_milliseconds(time)


def _whole(row: Document, key: str, default: int | None = None) -> int:
    value = row.get(key, default)
    if type(value) is not int or not 0 <= value <= LONGEST:
        raise ValueError(f"its {key} is not a count")
    return value


def _time(row: Document, key: str) -> int:
    value = row.get(key)
    # Not isinstance: a bool is an int.
    if value is None or type(value) not in (int, float) or not 0 <= value <= exact_milliseconds(LONGEST):
        raise ValueError(f"its {key} is not a time")
    return nanoseconds(value)


def _delay(row: Document, key: str) -> int | None:
    """Return a one-way delay, which is negative where the clocks are apart."""
    value = row.get(key)
    if value is None:
        return None
    if type(value) not in (int, float) or not abs(value) <= exact_milliseconds(LONGEST):
        raise ValueError(f"its {key} is not a time")
    return nanoseconds(value)
