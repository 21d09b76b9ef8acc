"""The Session-Sender's half of TLV 12: requests for replies of another length and number, and what comes back for them.

One packet may bring many replies, so they are told apart by the number that `control.Proof` has. A reflector that knows
TLV 12 but not ours has none: those are told apart by when they left (T3), as no two left at once.

A reply is believed by the same rules as in `session_sender`: our sequence number with the T1 that went with it, in
authenticated mode with the right HMAC; and its TLVs where RFC 8972 section 4 lets them be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.stamp.auth import HMAC_LENGTH, truncated_hmac
from netecho.stamp.control import (
    ALIGNMENT,
    CONTROL_TLVS,
    NO_COOKIE,
    Ask,
    Obedience,
    Proof,
    control_tlvs,
    control_told,
)
from netecho.stamp.extensions import intact
from netecho.stamp.packet import PacketError, Reply, Request, format_of
from netecho.stamp.session_sender import Rejection
from netecho.stamp.times import PTP_FORMAT, from_wire, to_wire
from netecho.stamp.tlv import HEADER, Flag, Tlv, Type, encode, walk

if TYPE_CHECKING:
    from netecho.stamp.times import ErrorEstimate

REMEMBERED = 256
"""Requests whose replies are believed: the latest."""
_U = int(Flag.UNRECOGNISED)


class ControlledReply(NamedTuple):
    """One reply. Timestamps are nanoseconds since 1970 by the clock that took them."""

    sequence: int
    """Ours, of the request."""
    number: int | None
    """Its place among the replies to that, from 0; None: the reflector does not say."""
    length: int
    """Octets of UDP payload."""
    obedience: Obedience
    t2: int
    t3: int
    request_ttl: int
    """Of our request as it arrived there; 0: not told."""
    cookie: bytes
    """For the next request; zeroes: none was given."""


def least_request(key: bytes | None = None) -> int:
    """Return the smallest size of a request, and of its reply."""
    return format_of(key).size + CONTROL_TLVS + (0 if key is None else HEADER.size + HMAC_LENGTH)


def fits(size: int, key: bytes | None = None) -> bool:
    """Tell whether a request can have this size."""
    room = size - least_request(key)
    return room == 0 or room >= HEADER.size


def reply_length(asked: int, key: bytes | None = None) -> int:
    """Return the length of a reply, as asked: the least, or so much more that there is room for a padding TLV."""
    least = least_request(key)
    return asked if fits(asked, key) else max(asked - asked % ALIGNMENT + ALIGNMENT, least) if asked > least else least


class ControlSender:
    """One session: one source port, one SSID, one count from 0."""

    def __init__(self, *, ssid: int, key: bytes | None = None) -> None:
        self._ssid = ssid
        self._key = key
        self._form = format_of(key)
        self._stamps: dict[int, int] = {}
        """T1 on the wire, by sequence number."""
        self.sent = 0
        """Requests made; the next one's sequence number."""
        self.cookie = NO_COOKIE
        """The latest that the reflector gave; zeroes: none yet."""

    def request(self, now: int, size: int, ask: Ask, estimate: ErrorEstimate) -> bytes:
        """Return the next request, with `now` (nanoseconds since 1970) for T1; send it at once.

        `size` must be one that `fits`. The request's sequence number is what `sent` was before.
        """
        sequence = self.sent & 0xFFFF_FFFF
        self.sent += 1
        stamp = self._stamps[sequence] = to_wire(now, ptp=False)
        if len(self._stamps) > REMEMBERED:
            del self._stamps[next(iter(self._stamps))]
        base = Request(sequence, stamp, estimate.encode(), self._ssid).encode(self._key)
        tlvs = encode(control_tlvs(ask, self.cookie))
        if self._key is not None:
            tlvs += Tlv(_U, Type.HMAC, truncated_hmac(self._key, sequence.to_bytes(4) + tlvs)).encode()
        room = size - len(base) - len(tlvs)
        padding = Tlv(_U, Type.EXTRA_PADDING, bytes(room - HEADER.size)).encode() if room else b""
        return base + tlvs + padding

    def read(self, data: bytes, near: int) -> ControlledReply | Rejection:
        """Return what a datagram that arrived at about `near` (nanoseconds since 1970) says."""
        try:
            reply = Reply.decode(data, self._key)
        except PacketError:
            return Rejection.MALFORMED
        sequence = reply.sender_sequence
        if self._stamps.get(sequence) != reply.sender_stamp or reply.ssid not in (0, self._ssid):
            return Rejection.FOREIGN
        ptp = bool(reply.error & PTP_FORMAT)
        obedience, proof = self._tlvs(data[self._form.size :], reply.sequence)
        if proof is not None and proof.cookie != NO_COOKIE:
            self.cookie = proof.cookie
        return ControlledReply(
            sequence=sequence,
            number=None if proof is None else proof.number,
            length=len(data),
            obedience=obedience,
            t2=from_wire(reply.received, near, ptp=ptp),
            t3=from_wire(reply.stamp, near, ptp=ptp),
            request_ttl=reply.sender_ttl,
            cookie=NO_COOKIE if proof is None else proof.cookie,
        )

    def _tlvs(self, rest: bytes, reply_sequence: int) -> tuple[Obedience, Proof | None]:
        """Return what the two TLVs say, as far as they may be believed. They are the first two, as we sent them."""
        spans = list(walk(rest))
        if self._key is not None and not intact(rest, spans, reply_sequence, self._key):
            return Obedience.UNKNOWN, None
        return control_told(rest, spans)
