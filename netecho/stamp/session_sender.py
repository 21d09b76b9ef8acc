"""The Session-Sender's half: requests of any size, and what their replies say (RFC 8762 section 4.2, RFC 8972).

A request asks for as much as its size has room for. A reply is believed only if it carries our sequence number and
the T1 we sent with it, which nobody off the path can know. The TLVs of a reply are read by RFC 8972 section 4: one
with U is skipped, one with M ends the reading, and one with I, or a wrong HMAC TLV, discards them all. Of what follows
the base packet nothing else is judged: a reflector of TWAMP-Light pads its replies with what it likes.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from enum import StrEnum
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from netecho.stamp.auth import HMAC_LENGTH, truncated_hmac
from netecho.stamp.control import CONTROL_TLVS, NO_COOKIE, Ask, Obedience, control_tlvs, control_told
from netecho.stamp.extensions import intact
from netecho.stamp.location import REQUEST as LOCATION_REQUEST, Location
from netecho.stamp.packet import PacketError, Reply, Request, format_of
from netecho.stamp.times import ErrorEstimate, from_wire, to_wire
from netecho.stamp.tlv import (
    HEADER,
    ClassOfService,
    DirectMeasurement,
    Flag,
    FollowUp,
    TimestampInformation,
    Tlv,
    Type,
    encode,
    walk,
)

if TYPE_CHECKING:
    from collections.abc import Callable

REMEMBERED = 1 << 16
"""Requests whose T1 is remembered by default; a power of two."""

_WANTED = (
    (Type.CLASS_OF_SERVICE, bytes(4)),
    (Type.TIMESTAMP_INFORMATION, bytes(4)),
    (Type.FOLLOW_UP_TELEMETRY, bytes(16)),
    (Type.DIRECT_MEASUREMENT, bytes(12)),
    (Type.LOCATION, LOCATION_REQUEST),
)
"""What a request asks for, the most useful for its length first, with the value that asks."""
_COUNTER = Struct("!I")
_U = int(Flag.UNRECOGNISED)


class Rejection(StrEnum):
    """Why a datagram is no reply to any of our requests."""

    MALFORMED = "malformed"
    """Too short, or its HMAC is wrong."""
    FOREIGN = "foreign"
    """Of another session, or to no request that was sent."""


class Reflection(NamedTuple):
    """What one reply says. Timestamps are nanoseconds since 1970 by the clock that took them."""

    sequence: int
    """Ours, of the request."""
    reply_sequence: int
    """The reflector's count of replies, or ours again where it is stateless."""
    t1: int
    t2: int
    t3: int
    unset: bool
    """Whether T2 or T3 is zero on the wire: no instant at all."""
    estimate: ErrorEstimate
    ttl: int
    """Of our request as it arrived there."""
    ssid: int
    """Ours, or 0 from a reflector that knows no RFC 8972."""
    class_of_service: ClassOfService | None
    timestamp_information: TimestampInformation | None
    counters: DirectMeasurement | None
    location: Location | None
    follow_up: tuple[int, int | None] | None
    """The number of an earlier reply and when it really left; no instant before there was one, or ever where the
    reflector is stateless."""
    obedience: Obedience | None
    """Whether the reply is as it was asked for; None: it was not asked for another than one like the request."""
    wrong_at: int | None
    """Offset of the first octet of the padding that did not come back as it was sent."""


@dataclass(frozen=True, slots=True)
class RequestLayout:
    """What follows the base packet in requests of one size."""

    tlvs: bytes
    """Those before the HMAC TLV."""
    counter_at: int | None
    """Offset in `tlvs` of the counter of requests sent."""
    authenticated: bool
    """Whether an HMAC TLV follows."""
    padding: bytes
    """An Extra Padding TLV, or nothing."""
    spans: tuple[tuple[int, int, int], ...]
    """All TLVs, as they follow the base packet: where each begins, its type, and where it ends."""


def least_size(key: bytes | None = None, *, control: bool = False) -> int:
    """Return the smallest size of a request; `control`: of one that asks for replies of another length."""
    if not control:
        return format_of(key).size
    return format_of(key).size + CONTROL_TLVS + (0 if key is None else HEADER.size + HMAC_LENGTH)


def fits(size: int, key: bytes | None = None, *, control: bool = False) -> bool:
    """Tell whether a request can have this size: the smallest, or at least an empty TLV's four octets more."""
    room = size - least_size(key, control=control)
    return room == 0 or room >= HEADER.size


def smallest_from(size: int, key: bytes | None = None) -> int:
    """Return the smallest size of a request that is `size` or more."""
    least = least_size(key)
    return least if size <= least else max(size, least + HEADER.size)


def full_size(key: bytes | None = None, *, control: bool = False) -> int:
    """Return the smallest size that has room for everything a request can ask for."""
    tlvs = sum(HEADER.size + len(value) for _, value in _WANTED) + (0 if key is None else HEADER.size + HMAC_LENGTH)
    return format_of(key).size + tlvs + (CONTROL_TLVS if control else 0)


class Sender:
    """One session's requests and replies: one source port, one SSID, one count from 0."""

    def __init__(
        self,
        *,
        ssid: int = 0,
        key: bytes | None = None,
        dscp: int = 0,
        padding: Callable[[int], bytes] = bytes,
        ptp: bool = False,
        remembered: int = REMEMBERED,
        reply_size: int | None = None,
    ) -> None:
        """Make a session that believes replies to the `remembered` (a power of two) latest of its requests.

        `reply_size`: what length replies are asked for by TLV 12; None: as long as their requests.
        """
        self._ssid = ssid
        self._key = key
        self._form = format_of(key)
        self._dscp = dscp
        self._padding = padding
        self._ptp = ptp
        self._layouts: dict[int, RequestLayout] = {}
        self._remembered = remembered
        self._stamps = array("Q", bytes(8 * remembered))
        self._ask = None if reply_size is None else Ask(reply_size)
        self._sizes = array("H", bytes(2 * remembered if self._ask else 0))
        self.cookie = NO_COOKIE
        """The latest that the reflector gave; zeroes: none yet."""
        self._location_value = b""
        self._location: Location | None = None
        self.sent = 0
        """Requests made; the next one's sequence number."""

    def request(self, now: int, size: int, estimate: ErrorEstimate) -> bytes:
        """Return the next request, with `now` (nanoseconds since 1970) for T1; send it at once.

        `size` must be one that `fits`. The request's sequence number is what `sent` was before.
        """
        sequence = self.sent & 0xFFFF_FFFF
        self.sent += 1
        stamp = to_wire(now, ptp=self._ptp)
        self._stamps[sequence & (self._remembered - 1)] = stamp
        estimate = estimate._replace(ptp=self._ptp)
        base = Request(sequence, stamp, estimate.encode(), self._ssid).encode(self._key)
        layout = self._layouts.get(size)
        if layout is None:
            layout = self._layouts[size] = self._layout_of(size - self._form.size)
        tlvs = layout.tlvs
        if self._ask is not None:
            self._sizes[sequence & (self._remembered - 1)] = size
            tlvs = encode(control_tlvs(self._ask, self.cookie)) + tlvs[CONTROL_TLVS:]
        if layout.counter_at is not None:
            at = layout.counter_at
            tlvs = tlvs[:at] + _COUNTER.pack(self.sent & 0xFFFF_FFFF) + tlvs[at + _COUNTER.size :]
        if layout.authenticated and self._key is not None:
            text = sequence.to_bytes(4) + tlvs
            tlvs += Tlv(_U, Type.HMAC, truncated_hmac(self._key, text)).encode()
        return base + tlvs + layout.padding

    def _layout_of(self, room: int) -> RequestLayout:
        """Choose what to ask for in `room` octets; what is left is padding."""
        authenticated = self._key is not None
        requested: list[Tlv] = []
        left = room - (HEADER.size + HMAC_LENGTH if authenticated else 0)
        if self._ask is not None:
            requested += control_tlvs(self._ask, NO_COOKIE)
            left -= CONTROL_TLVS
        counter_at = None
        for kind, empty in _WANTED:
            rest = left - HEADER.size - len(empty)
            if rest == 0 or rest >= HEADER.size:
                value = ClassOfService(self._dscp).encode() if kind == Type.CLASS_OF_SERVICE else empty
                if kind == Type.DIRECT_MEASUREMENT:
                    counter_at = len(encode(requested)) + HEADER.size
                requested.append(Tlv(_U, kind, value))
                left = rest
        if not requested:
            authenticated, left = False, room
        padding = Tlv(_U, Type.EXTRA_PADDING, self._padding(left - HEADER.size)).encode() if left else b""
        tlvs = encode(requested)
        whole = tlvs + (Tlv(_U, Type.HMAC, bytes(HMAC_LENGTH)).encode() if authenticated else b"") + padding
        spans = tuple((span.start, span.type, span.end) for span in walk(whole))
        return RequestLayout(tlvs, counter_at, authenticated, padding, spans)

    def read(self, data: bytes, near: int) -> Reflection | Rejection:
        """Return what a datagram that arrived at about `near` (nanoseconds since 1970) says."""
        try:
            reply = Reply.decode(data, self._key)
        except PacketError:
            return Rejection.MALFORMED
        sequence = self._unwrapped(reply.sender_sequence)
        if sequence is None or reply.ssid not in (0, self._ssid):
            return Rejection.FOREIGN
        if self._stamps[sequence & (self._remembered - 1)] != reply.sender_stamp:
            return Rejection.FOREIGN
        estimate = ErrorEstimate.decode(reply.error)
        rest = data[self._form.size :]
        size = len(data) if self._ask is None else self._sizes[sequence & (self._remembered - 1)]
        layout = self._layouts.get(size)
        values = {} if layout is None else self._tlvs(rest, layout, reply.sequence)
        obedience = None if self._ask is None else self._obedience(rest, reply.sequence)
        if len(data) != size or obedience is Obedience.AS_ASKED:
            layout = None  # the padding is the reflector's own
        cos, info = values.get(Type.CLASS_OF_SERVICE), values.get(Type.TIMESTAMP_INFORMATION)
        counters, follow_up = values.get(Type.DIRECT_MEASUREMENT), values.get(Type.FOLLOW_UP_TELEMETRY)
        return Reflection(
            sequence=sequence,
            reply_sequence=reply.sequence,
            t1=from_wire(reply.sender_stamp, near, ptp=self._ptp),
            t2=from_wire(reply.received, near, ptp=estimate.ptp),
            t3=from_wire(reply.stamp, near, ptp=estimate.ptp),
            unset=not reply.received or not reply.stamp,
            estimate=estimate,
            ttl=reply.sender_ttl,
            ssid=reply.ssid,
            class_of_service=None if cos is None else ClassOfService.decode(cos),
            timestamp_information=None if info is None else TimestampInformation.decode(info),
            counters=None if counters is None else DirectMeasurement.decode(counters),
            location=self._located(values.get(Type.LOCATION)),
            follow_up=None if follow_up is None else _instant_of(FollowUp.decode(follow_up), near, estimate),
            obedience=obedience,
            wrong_at=None if layout is None else self._wrong_at(data, layout, values.get(Type.EXTRA_PADDING)),
        )

    def _obedience(self, rest: bytes, reply_sequence: int) -> Obedience:
        """Return whether a reply is as it was asked for, and keep the cookie that is in it."""
        spans = list(walk(rest))
        if self._key is not None and not intact(rest, spans, reply_sequence, self._key):
            return Obedience.UNKNOWN
        obedience, proof = control_told(rest, spans)
        if proof is not None and proof.cookie != NO_COOKIE:
            self.cookie = proof.cookie
        return obedience

    def _located(self, value: bytes | None) -> Location | None:
        """Return what a Location TLV says, which is nearly always what the one before said."""
        if value is None:
            return None
        if value != self._location_value:
            self._location_value, self._location = value, Location.decode(value)
        return self._location

    def _unwrapped(self, sequence: int) -> int | None:
        """Return which of the remembered requests this number is; None: none."""
        age = (self.sent - 1 - sequence) & 0xFFFF_FFFF
        return self.sent - 1 - age if age < min(self.sent, self._remembered) else None

    def _tlvs(self, rest: bytes, layout: RequestLayout, reply_sequence: int) -> dict[int, bytes]:
        """Return the values that were filled in, by type, if they may be believed.

        A reflector answers TLVs where they were, one by one. What is elsewhere is the padding of a reflector that knows
        none, which may be anything (RFC 5357 section 4.2.1).
        """
        values: dict[int, bytes] = {}
        spans = list(walk(rest))
        for span, sent in zip(spans, layout.spans, strict=False):
            flags = rest[span.start]
            if flags & Flag.INTEGRITY:
                return {}
            if not span.whole or flags & Flag.MALFORMED or (span.start, span.type, span.end) != sent:
                break
            if not flags & Flag.UNRECOGNISED:
                values[span.type] = rest[span.start + HEADER.size : span.end]
        if self._key is not None and not intact(rest, spans, reply_sequence, self._key):
            return {}
        return values

    def _wrong_at(self, data: bytes, layout: RequestLayout, returned: bytes | None) -> int | None:
        """Return where the padding differs from what was sent, in a reply of which `returned` is the padding's value.

        Only a reflector that recognised the Extra Padding TLV has reason to return what was in it. Others pad their
        replies with zeroes, with random octets, or with what was sent but shifted by the length of their own fields.
        """
        sent = layout.padding[HEADER.size :]
        if returned is None or returned == sent:
            return None
        start = len(data) - len(sent)
        return start + next(i for i, octet in enumerate(sent) if returned[i] != octet)


def _instant_of(follow_up: FollowUp, near: int, estimate: ErrorEstimate) -> tuple[int, int | None]:
    return follow_up.sequence, from_wire(follow_up.stamp, near, ptp=estimate.ptp) if follow_up.stamp else None
