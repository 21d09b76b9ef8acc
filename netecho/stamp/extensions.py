"""What a Session-Reflector answers to the TLVs of a request (RFC 8972 section 4).

The answer is as long as the request, except where replies of another length were asked for and `reply_control` has
decided that they are sent: then it is without the request's padding, and `session_reflector` pads it.

The Access Report TLV is not known here: like every type that is not, it comes back with U set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.stamp.auth import is_authentic, truncated_hmac
from netecho.stamp.control import ControlRequest, Proof
from netecho.stamp.location import Location, filled
from netecho.stamp.return_trace import ReturnTrace
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

    from netecho.stamp.reply_control import Decision
    from netecho.stamp.return_traces import Answer, SteppedReply

_KNOWN = frozenset(int(known) for known in Type)
_CONTROLS = frozenset({int(Type.REFLECTED_TEST_PACKET_CONTROL), int(Type.PROOF), int(Type.RETURN_TRACE)})


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
    add_control: Callable[[RequestContext], None] | None = None
    """Sets the next two of this, for a request that has such TLVs; None: these are not known here."""
    decide: Callable[[ControlRequest, Proof | None, int], Decision] | None = None
    """Says what replies are sent to a sender that asks for others than one like its request, given what its TLVs take
    without padding; None: no others ever."""
    cookie: Callable[[], bytes] | None = None
    """Makes what proves the sender's address, for its next request; None: nothing does."""
    trace_back: Callable[[ReturnTrace, Proof | None], Answer] | None = None
    """Says whether the reply leaves with a TTL of its own, and who answered earlier ones; None: nobody may ask."""
    proof: Proof | None = None
    """What the request has to prove its sender's address by."""
    stepped: SteppedReply | None = None
    """The reply, where it leaves with `reply_ttl`: an answer of the TLVs."""
    reply_ttl: int = 0
    """0: the usual: an answer of the TLVs."""
    follows: bool = False
    """Whether the sender asked when replies really left: an answer of the TLVs."""
    decision: Decision | None = None
    """What `decide` said, where it was asked: an answer of the TLVs."""
    control_at: int | None = None
    """Offset, in the answer, of TLV 12, if it was obeyed in full or in part: an answer of the TLVs."""
    number_at: int | None = None
    """Offset, in the answer, of the value that has the number of the reply (`control.Proof`): an answer of the TLVs."""
    hmac_at: int | None = None
    """Offset, in the answer, of the HMAC TLV: an answer of the TLVs."""


def answer(rest: bytes | bytearray, about: RequestContext, key: bytes | None) -> bytearray:
    """Return the TLVs of the reply, and leave in `about` what they ask of the reflector.

    `key` is that of authenticated mode, in which TLVs must be authenticated too (section 4.8).
    """
    spans = list(walk(rest))
    if not intact(rest, spans, about.request_sequence, key):
        reply = bytearray(rest)
        for span in spans:
            reply[span.start] = _flags(span) | Flag.INTEGRITY
        return reply
    return _answered(rest, spans, about, key)


def _answered(rest: bytes | bytearray, spans: Sequence[Span], about: RequestContext, key: bytes | None) -> bytearray:
    reply = bytearray(rest)
    for span in spans:
        reply[span.start] = _flags(span)
        if not span.whole:
            break  # what follows is returned unchanged
        fill = _FILL.get(span.type)
        if fill is not None:
            start = span.start + HEADER.size
            reply[start : span.end] = fill(reply[start : span.end], about)
        elif span.type in _CONTROLS and about.add_control is not None:
            return _controlled(rest, spans, about, key)
        elif span.type != Type.EXTRA_PADDING:
            _answer_in_place(reply, span, about, key)
    return reply


def _controlled(rest: bytes | bytearray, spans: Sequence[Span], about: RequestContext, key: bytes | None) -> bytearray:
    """Decide what replies are sent, and answer anew: the few packets with these TLVs, so that the many lose no time."""
    add_control, about.add_control = about.add_control, None
    if add_control is not None:
        add_control(about)
    if all(span.whole for span in spans):
        proofs = (Proof.decode(rest[s.start + HEADER.size : s.end]) for s in spans if s.type == Type.PROOF)
        about.proof = next((proof for proof in proofs if proof is not None), None)
    _decide(rest, spans, about)
    if about.decision is not None:
        about.trace_back = None  # its replies may be many, and of another length
    if about.decision is not None and about.decision.plan is not None:
        rest = b"".join(rest[span.start : span.end] for span in spans if span.type != Type.EXTRA_PADDING)
        spans = list(walk(rest))
    return _answered(rest, spans, about, key)


def _answer_in_place(reply: bytearray, span: Span, about: RequestContext, key: bytes | None) -> None:
    """Answer a TLV whose answer depends on more than its own value, or is in its flags."""
    start = span.start + HEADER.size
    if span.type == Type.HMAC and key is not None:
        reply[start : span.end] = truncated_hmac(key, about.reply_sequence.to_bytes(4) + reply[: span.start])
        about.hmac_at = span.start
    elif span.type == Type.REFLECTED_TEST_PACKET_CONTROL:
        reply[span.start] = Flag.UNRECOGNISED
        if about.decision is not None and about.control_at is None:
            reply[span.start], about.control_at = about.decision.flag, span.start
    elif span.type == Type.PROOF:
        _prove(reply, span, about)
    elif span.type == Type.RETURN_TRACE:
        _trace_back(reply, span, about)


def _decide(rest: bytes | bytearray, spans: Sequence[Span], about: RequestContext) -> None:
    """Have it decided what the first TLV 12 gets, if there is one and all TLVs can be read."""
    at = next((span for span in spans if span.type == Type.REFLECTED_TEST_PACKET_CONTROL), None)
    if at is None or about.decide is None or not all(span.whole for span in spans):
        return
    request = ControlRequest.decode(rest[at.start + HEADER.size : at.end])
    least = sum(span.end - span.start for span in spans if span.type != Type.EXTRA_PADDING)
    about.decision = about.decide(request, about.proof, least)


def _prove(reply: bytearray, span: Span, about: RequestContext) -> None:
    """Give the sender a cookie, in the place of the one it sent; somebody else's private TLV is not known here."""
    start = span.start + HEADER.size
    asked = Proof.decode(reply[start : span.end])
    if asked is None or about.cookie is None:
        reply[span.start] = Flag.UNRECOGNISED
        return
    reply[start : span.end] = Proof(about.cookie(), asked.interval).encode()
    about.number_at = start


def _trace_back(reply: bytearray, span: Span, about: RequestContext) -> None:
    """Have the reply leave with the TTL that is asked for, and tell who answered earlier ones: the first such TLV."""
    start = span.start + HEADER.size
    asked = ReturnTrace.decode(reply[start : span.end])
    trace_back, about.trace_back = about.trace_back, None
    if asked is None or trace_back is None:
        reply[span.start] = Flag.UNRECOGNISED
        return
    told = trace_back(asked, about.proof)
    reply[span.start] = Flag.NOT_AS_ASKED if told.refused else 0
    reply[start : span.end] = told.value.encode()
    if told.stepped is not None:
        about.stepped, about.reply_ttl = told.stepped, asked.ttl


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
