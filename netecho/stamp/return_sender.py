"""The Session-Sender's half of a trace of the way back: requests for replies with a TTL each, and what comes back.

Its sequence numbers are from `FIRST` on, so that they can be told from those of a trace of the way there on the same
socket. The first request asks for the cookie that the address is proved by (`control.Proof`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.stamp.auth import truncated_hmac
from netecho.stamp.control import NO_COOKIE, Proof
from netecho.stamp.extensions import intact
from netecho.stamp.packet import PacketError, Reply, Request, format_of
from netecho.stamp.return_trace import ReturnTrace
from netecho.stamp.times import PTP_FORMAT, from_wire, to_wire
from netecho.stamp.tlv import HEADER, Flag, Tlv, Type, encode, walk

if TYPE_CHECKING:
    from netecho.stamp.return_trace import Report

FIRST = 1 << 31
"""The first sequence number."""
ROOM = 8
"""Reports that a request has room for: it has 348 octets."""
REMEMBERED = 4096
"""Requests whose replies are believed: the latest."""
_U = int(Flag.UNRECOGNISED)


class Returned(NamedTuple):
    """One reply. Timestamps are nanoseconds since 1970 by the clock that took them."""

    number: int
    """Of the request."""
    known: bool
    """Whether the far end knows the TLV, and obeys it at all."""
    refused: bool
    """Whether it left with the usual TTL although another was asked for, or nothing proved our address."""
    ttl: int
    """That it was to leave with; 0: the usual."""
    reports: tuple[Report, ...]
    """Those that are new."""
    waiting: int
    """Reports that are still there."""
    t2: int
    t3: int


class ReturnSender:
    """Of one socket."""

    def __init__(self, error: int, key: bytes | None, ssid: int) -> None:
        self._error = error
        self._key = key
        self._ssid = ssid
        self._stamps: dict[int, int] = {}
        """T1 on the wire, by sequence number."""
        self._latest = 0
        self.cookie = NO_COOKIE
        """Zeroes: the far end has given none yet."""

    def request(self, number: int, now: int, ttl: int) -> bytes:
        """Return a request, with `now` (nanoseconds since 1970) for T1; send it at once."""
        sequence = FIRST + number % FIRST
        stamp = self._stamps[sequence] = to_wire(now, ptp=False)
        if len(self._stamps) > REMEMBERED:
            del self._stamps[next(iter(self._stamps))]
        base = Request(sequence, stamp, self._error, self._ssid).encode(self._key)
        asked = ReturnTrace(ttl=ttl, latest=self._latest, room=ROOM)
        tlvs = encode((Tlv(_U, Type.PROOF, Proof(self.cookie).encode()), Tlv(_U, Type.RETURN_TRACE, asked.encode())))
        if self._key is not None:
            tlvs += Tlv(_U, Type.HMAC, truncated_hmac(self._key, sequence.to_bytes(4) + tlvs)).encode()
        return base + tlvs

    def is_ours(self, payload: bytes) -> bool:
        """Tell whether a packet that an ICMP error quotes is one of these requests."""
        at = format_of(self._key).sent_at
        stamp = self._stamps.get(int.from_bytes(payload[:4]))
        return stamp is not None and payload[at : at + 8] == stamp.to_bytes(8)

    def read(self, data: bytes, near: int) -> Returned | None:
        """Return what a datagram that arrived at about `near` (nanoseconds since 1970) says; None: it is not ours."""
        try:
            reply = Reply.decode(data, self._key)
        except PacketError:
            return None
        if self._stamps.get(reply.sender_sequence) != reply.sender_stamp:
            return None
        ptp = bool(reply.error & PTP_FORMAT)
        told, refused = self._told(data[format_of(self._key).size :], reply.sequence)
        new = () if told is None else self._new(told)
        return Returned(
            number=(reply.sender_sequence - FIRST) & 0xFFFF_FFFF,
            known=told is not None,
            refused=refused,
            ttl=0 if told is None else told.ttl,
            reports=new,
            waiting=0 if told is None else told.waiting,
            t2=from_wire(reply.received, near, ptp=ptp),
            t3=from_wire(reply.stamp, near, ptp=ptp),
        )

    def _new(self, told: ReturnTrace) -> tuple[Report, ...]:
        """Return the reports that had not come yet: replies may overtake each other."""
        beyond = (told.latest - self._latest) & 0xFFFF_FFFF
        if not 0 < beyond < FIRST:
            return ()
        self._latest = told.latest
        return told.reports[-beyond:]

    def _told(self, rest: bytes, reply_sequence: int) -> tuple[ReturnTrace | None, bool]:
        """Return what the TLVs say, as far as they may be believed, and whether C is set."""
        spans = list(walk(rest))
        if self._key is not None and not intact(rest, spans, reply_sequence, self._key):
            return None, False
        told, refused = None, False
        for span, kind in zip(spans, (Type.PROOF, Type.RETURN_TRACE), strict=False):
            flags = rest[span.start]
            if span.type != kind or not span.whole or flags & (Flag.UNRECOGNISED | Flag.MALFORMED | Flag.INTEGRITY):
                return None, False
            value = rest[span.start + HEADER.size : span.end]
            if kind == Type.PROOF:
                proof = Proof.decode(value)
                if proof is not None and proof.cookie != NO_COOKIE:
                    self.cookie = proof.cookie
            else:
                told, refused = ReturnTrace.decode(value), bool(flags & Flag.NOT_AS_ASKED)
        return told, refused
