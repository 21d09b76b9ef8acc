"""An event as a line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.measure.events import (
    EchoCorrupted,
    Event,
    ProbeLost,
    ReplyDuplicated,
    ReplyLate,
    ReplyReceived,
    StrayReceived,
)
from netecho.measure.loss_reason import LossReason
from netecho.report.document.values import exact_milliseconds
from netecho.report.escape import escaped, printable
from netecho.report.humanize import clock, reason_words, time

if TYPE_CHECKING:
    from netecho.report.output import Output


STRAY_WIDTH = 60
"""Characters shown of what a peer said unasked."""

SLOW_HAND = 1_000_000
"""A reply that reached the program so many nanoseconds later than the round trip took says so."""


def mention(event: Event, output: Output) -> None:
    """Say on standard error what a peer sent unasked, a banner, where events have no place of their own."""
    if isinstance(event, StrayReceived):
        output.mention(f"netecho: {event_line(event, 0)}")


def event_line(event: Event, started: int, *, several: bool = False, digits: int = 1) -> str:
    """Return one event in words, without the line's end; what went wrong has its time of day.

    `started` is wall clock, in nanoseconds since 1970.
    """
    return (f"#{event.connection} " if several else "") + _words(event, started, digits)


def _words(event: Event, started: int, digits: int) -> str:
    match event:
        case StrayReceived():
            shown = escaped(event.data[:STRAY_WIDTH])
            cut = event.came > STRAY_WIDTH or len(shown) > STRAY_WIDTH
            text = f' "{shown[:STRAY_WIDTH]}"' + ("..." if cut else "") if shown else ""
            return f"unasked: {event.came} bytes{text}"
        case ReplyReceived() | EchoCorrupted():
            size = f"  {event.size} bytes" if event.size else ""  # nothing is sent with --connect-only
            words = f"seq {event.seq:>{digits}}{size}  {exact_milliseconds(event.rtt):7.3f} ms"
            if event.response - event.rtt > SLOW_HAND:
                words += f"  (response {time(exact_milliseconds(event.response))})"
            if isinstance(event, EchoCorrupted):
                words += f"  corrupt from byte {event.offset} on, at {clock(started + event.scheduled)}"
            return words
        case ProbeLost():
            if event.reason is LossReason.DROPPED_HERE:
                at = clock(started + event.scheduled)
                why = printable(event.detail) or "no room in this machine's receive buffer"
                return f"seq {event.seq:>{digits}}  dropped here at {at}: {why}"
            why = reason_words(event.reason) + (f", {printable(event.detail)}" if event.detail else "")
            return f"seq {event.seq:>{digits}}  lost at {clock(started + event.scheduled)}: {why}"
        case ReplyLate():
            return f"seq {event.seq:>{digits}}  late, after {time(exact_milliseconds(event.rtt))}"
        case ReplyDuplicated():
            return f"seq {event.seq:>{digits}}  duplicate"
