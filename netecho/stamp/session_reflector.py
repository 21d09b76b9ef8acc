"""The Session-Reflector: what comes back for which octets (RFC 8762 section 4.3), without a socket or a clock.

Three rules decide what is answered, whatever comes:

- A reply is as long as its request, never longer. A request shorter than the base packet (TWAMP-Light: 14 octets and
  more) is read as if zeroes followed, and its reply is the base packet cut to the same length; from 41 octets on only
  zeroes are cut. RFC 8762 section 4.6 would answer with the whole base packet, up to three times what came: that is
  done only where `Rules.whole_base` asks for it, as a reflector is within anyone's reach who can forge an address.
- What carries a Receive Timestamp of about now is another reflector's reply, not a request, and is not answered: two
  reflectors that a forged packet sets upon each other would go on for ever. (The RFC has those octets ignored; a
  sender's are zero.) In requests too short to tell, the well-known port and the reflector's own give it away.
- Where there is a key, nothing is read before the seal has been checked, and what fails is not answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from netecho.stamp.auth import SEAL, genuine, seal
from netecho.stamp.extensions import Circumstances, answer
from netecho.stamp.packet import PORT, SHORTEST, Form, Request, form_of
from netecho.stamp.sessions import Seals, Session, Sessions
from netecho.stamp.times import NTP_EPOCH, ErrorEstimate, to_wire
from netecho.stamp.tlv import FollowUp, Method, SyncSource, follows
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Hashable

_STAMP = Struct("!Q")
_SECONDS = Struct("!I")
_DAY = 86_400
_ERA = 1 << 32
_HALF = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a reflector is to behave."""

    stateful: bool = False
    """Number the replies of each session, so that its sender learns in which direction packets were lost."""
    key: bytes | None = None
    """Authenticated mode: of base packets, and of their TLVs."""
    whole_base: bool = False
    """Answer requests shorter than the base packet with a whole one (RFC 8762 section 4.6)."""


class Refusal(StrEnum):
    """Why a datagram is not answered."""

    SHORT = "short"
    FORGED = "forged"
    """Its seal is wrong."""
    REPLY = "reply"
    """It is itself a reply."""


@dataclass(slots=True)
class Tally:
    """What a reflector did, for whoever shows it."""

    reflected: int = 0
    refused: dict[Refusal, int] = field(default_factory=lambda: dict.fromkeys(Refusal, 0))
    replays: int = 0
    """Sealed packets that came again; they are answered, as a network may duplicate what it carries."""


@dataclass(slots=True)
class Clock:
    """What the reflector can say of the clock that stamps; the system's state, as last asked."""

    estimate: ErrorEstimate
    sync: SyncSource = SyncSource.FREE_RUNNING


class Arrival(NamedTuple):
    """One datagram and what is known of how it came."""

    data: bytes
    source: Hashable
    """Who sent it, and to which of our addresses: with the SSID, what makes a session."""
    port: int
    """The sender's."""
    received: int
    """T2, nanoseconds since 1970."""
    now: int
    """Any monotonic clock's nanoseconds."""
    ttl: int
    tos: int


class Prepared:
    """A reply but for its own time stamp, which is taken as late as can be."""

    __slots__ = ("_data", "_form", "_key", "_length", "_session", "dscp", "ptp", "sequence", "wants_left")

    def __init__(
        self, data: bytearray, length: int, form: Form, key: bytes | None, session: Session | None, *, ptp: bool
    ) -> None:
        self._data = data
        self._length = length
        self._form = form
        self._key = key
        self._session = session
        self.ptp = ptp
        self.sequence = 0
        self.dscp = 0
        """What the packet is to leave with."""
        self.wants_left = False
        """Whether it matters when the packet really leaves: tell `left` if that can be known."""

    def stamped(self, now: int) -> bytearray:
        """Return the reply with T3, nanoseconds since 1970; send it at once."""
        data = self._data
        _STAMP.pack_into(data, self._form.sent_at, to_wire(now, ptp=self.ptp))
        if self._key is not None:
            base = self._form.size
            data[base - SEAL : base] = seal(self._key, data[: base - SEAL])
        if self._session is not None:
            self._session.follow_sequence = self.sequence
            self._session.follow_stamp = now
        if len(data) > self._length:
            del data[self._length :]
        return data

    def left(self, at: int) -> None:
        """Take in when the packet really left, by the system's own stamp: the next reply may tell its sender."""
        session = self._session
        if session is not None and session.follow_sequence == self.sequence:
            session.follow_stamp = at


class Reflector:
    """Turns requests into replies. One for all the addresses that a server listens on."""

    def __init__(
        self, rules: Rules, clock: Clock, *, sessions: Sessions | None = None, seals: Seals | None = None
    ) -> None:
        self._rules = rules
        self._key = rules.key
        self._form = form_of(rules.key)
        self._shortest = SHORTEST if rules.key is None else self._form.size
        self.clock = clock
        self.ports = {PORT}
        """Ports that reflectors write from; a server adds those it listens on."""
        self.sessions = Sessions() if sessions is None else sessions
        self._seals = Seals() if seals is None else seals
        self.tally = Tally()

    def take(self, arrival: Arrival) -> Prepared | Refusal:
        """Return the reply to a datagram, or why there is none."""
        refusal = self._refusal(arrival)
        if refusal is not None:
            self.tally.refused[refusal] += 1
            return refusal
        self.tally.reflected += 1
        return self._reply(arrival)

    def _refusal(self, arrival: Arrival) -> Refusal | None:
        data, key = arrival.data, self._key
        if len(data) < self._shortest:
            return Refusal.SHORT
        if key is not None:
            base = self._form.size
            claimed = data[base - SEAL : base]
            if not genuine(key, data[: base - SEAL], claimed):
                return Refusal.FORGED
            self.tally.replays += self._seals.seen(claimed)
        return Refusal.REPLY if self._is_reply(arrival) else None

    def _is_reply(self, arrival: Arrival) -> bool:
        at = self._form.received_at
        if len(arrival.data) < at + _STAMP.size:
            return arrival.port in self.ports
        (seconds,) = _SECONDS.unpack_from(arrival.data, at)
        if not seconds:
            return False
        now = arrival.received // SECOND
        # NTP's seconds, or PTP's.
        return any(abs((seconds - now - epoch + _HALF) % _ERA - _HALF) < _DAY for epoch in (NTP_EPOCH, 0))

    def _reply(self, arrival: Arrival) -> Prepared:
        form, data, length = self._form, arrival.data, len(arrival.data)
        base = form.size
        request = Request._make(form.sender.unpack_from(data if length >= base else data.ljust(base, b"\0")))
        sequence, stamp, error, ssid = request
        session = None
        own = sequence
        if self._rules.stateful:
            session = self.sessions.find((arrival.source, ssid), arrival.now)
            session.received += 1
            own = session.reflected & 0xFFFF_FFFF
            session.reflected += 1
        # In the sender's own format, which is the one that it can surely read (RFC 8186 section 2.1).
        ptp = ErrorEstimate.decode(error).ptp
        estimate = self.clock.estimate._replace(ptp=ptp).encode()
        reply = bytearray(base)
        received = to_wire(arrival.received, ptp=ptp)
        form.reflector.pack_into(reply, 0, own, 0, estimate, ssid, received, sequence, stamp, error, arrival.ttl)
        if length < base and self._rules.whole_base:
            length = base
        prepared = Prepared(reply, length, form, self._key, session, ptp=ptp)
        prepared.sequence = own
        # Without a word from the sender its own class serves both ways (Broadband Forum TR-390).
        prepared.dscp = arrival.tos >> 2
        if length > base:
            rest = data[base:]
            reply += self._extensions(rest, prepared, arrival, request, session) if follows(rest) else rest
        return prepared

    def _extensions(
        self, rest: bytes, prepared: Prepared, arrival: Arrival, request: Request, session: Session | None
    ) -> bytearray:
        def counters() -> tuple[int, int]:
            counted = session
            if counted is None:
                # A stateless reflector counts only what asks to be counted.
                counted = self.sessions.find((arrival.source, request.ssid), arrival.now)
                counted.received += 1
                counted.reflected += 1
            return counted.received, counted.reflected

        about = Circumstances(
            request_sequence=request.sequence,
            reply_sequence=prepared.sequence,
            dscp=arrival.tos >> 2,
            ecn=arrival.tos & 3,
            sync=self.clock.sync,
            counters=counters,
            follow_up=_follow_up(session, ptp=prepared.ptp),
            reply_dscp=prepared.dscp,
        )
        extensions = answer(rest, about, self._key)
        prepared.dscp = about.reply_dscp
        prepared.wants_left = about.follows and session is not None
        return extensions


def _follow_up(session: Session | None, *, ptp: bool) -> FollowUp:
    if session is None or session.follow_stamp is None:
        return FollowUp()
    return FollowUp(session.follow_sequence, to_wire(session.follow_stamp, ptp=ptp), Method.SOFTWARE)
