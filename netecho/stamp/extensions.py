"""What a Session-Reflector answers to the TLVs of a request (RFC 8972 section 4). The answer is as long as the request.

The Access Report TLV is not known here: like every type that is not, it comes back with U set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.stamp.auth import is_authentic, truncated_hmac
from netecho.stamp.location import Location, filled
from netecho.stamp.tlv import (
    HEADER,
    ClassOfService,
    DirectMeasurement,
    Flag,
    FollowUp,
    Method,
    Span,
    SyncSource,
    TimestampInformation,
    Type,
    walk,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KNOWN = frozenset(int(known) for known in Type)


@dataclass(slots=True)
class RequestContext:
    """What the reflector knows of one request and of itself, for the TLVs that ask for it."""

    request_sequence: int
    reply_sequence: int
    dscp: int
    """As the request arrived."""
    ecn: int
    sync: SyncSource
    counters: Callable[[], tuple[int, int]]
    """Packets received and replies sent in this session so far, both with this one; asked only where they matter."""
    follow_up: FollowUp
    location: Location
    """Where the request was received from, and at which address."""
    reply_dscp: int
    """What the reply is to leave with: an answer of the TLVs."""
    follows: bool = False
    """Whether the sender asked when replies really left: an answer of the TLVs."""


def answer(rest: bytes | bytearray, about: RequestContext, key: bytes | None) -> bytearray:
    """Return the TLVs of the reply, and leave in `about` what they ask of the reflector.

    `key` is that of authenticated mode, in which TLVs must be authenticated too (section 4.8).
    """
    reply = bytearray(rest)
    spans = list(walk(rest))
    if not intact(rest, spans, about.request_sequence, key):
        for span in spans:
            reply[span.start] = _flags(span) | Flag.INTEGRITY
        return reply
    for span in spans:
        reply[span.start] = _flags(span)
        if not span.whole:
            break  # what follows is returned unchanged
        start = span.start + HEADER.size
        if (fill := _FILL.get(span.type)) is not None:
            reply[start : span.end] = fill(reply[start : span.end], about)
        elif span.type == Type.HMAC and key is not None:
            reply[start : span.end] = truncated_hmac(key, about.reply_sequence.to_bytes(4) + reply[: span.start])
    return reply


def intact(rest: bytes | bytearray, spans: Sequence[Span], sequence: int, key: bytes | None) -> bool:
    """Tell whether TLVs are authentic: with an HMAC TLV where there must be one, in its place, and with the right HMAC.

    Nothing but padding may follow the HMAC TLV, which covers the packet's sequence number and what is before it.
    One that cannot be checked without a key has failed. A single Extra Padding TLV needs none.
    """
    at = next((place for place, span in enumerate(spans) if span.type == Type.HMAC), None)
    if at is None:
        return key is None or (len(spans) == 1 and spans[0].type == Type.EXTRA_PADDING)
    span = spans[at]
    if key is None or not span.whole or any(after.type != Type.EXTRA_PADDING for after in spans[at + 1 :]):
        return False
    text = sequence.to_bytes(4) + rest[: span.start]
    return is_authentic(key, text, rest[span.start + HEADER.size : span.end])


def _flags(span: Span) -> int:
    flags = 0 if span.type in _KNOWN else Flag.UNRECOGNISED
    return flags if span.whole else flags | Flag.MALFORMED


def _class_of_service(value: bytes | bytearray, about: RequestContext) -> bytes:
    about.reply_dscp = asked = ClassOfService.decode(value).asked
    return ClassOfService(asked, about.dscp, about.ecn).encode()


def _timestamp_information(value: bytes | bytearray, about: RequestContext) -> bytes:
    known = TimestampInformation(about.sync, Method.SOFTWARE, about.sync, Method.SOFTWARE).encode()
    return known + value[len(known) :]


def _location(value: bytes | bytearray, about: RequestContext) -> bytes:
    return filled(value, about.location)


def _direct_measurement(value: bytes | bytearray, about: RequestContext) -> bytes:
    return DirectMeasurement(DirectMeasurement.decode(value).sent, *about.counters()).encode()


def _follow_up(_value: bytes | bytearray, about: RequestContext) -> bytes:
    about.follows = True
    return about.follow_up.encode()


_FILL: dict[int, Callable[[bytes | bytearray, RequestContext], bytes]] = {
    Type.LOCATION: _location,
    Type.CLASS_OF_SERVICE: _class_of_service,
    Type.TIMESTAMP_INFORMATION: _timestamp_information,
    Type.DIRECT_MEASUREMENT: _direct_measurement,
    Type.FOLLOW_UP_TELEMETRY: _follow_up,
}
"""What goes into the value of a well-formed TLV, given the value in the request."""
