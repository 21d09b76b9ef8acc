"""The Session-Reflector: what comes back for which octets (RFC 8762 section 4.3), without a socket or a clock.

Who may forge an address is within reach of every reflector, so three rules decide what is answered:

- A reply is as long as its request, unless `reply_control` decides otherwise. A request shorter than the base packet
  (TWAMP-Light: 14 octets and more) is read as if zeroes followed, and its reply is a whole base packet (RFC 8762
  section 4.6): up to three times what arrived. How many such replies a client may have is the caller's decision
  (`Arrival.may_grow`).
- A reply is never answered: two reflectors between which somebody has forged one packet would go on for ever. What
  shows a reply is said at `_is_reply`; none of it depends on whether the two clocks agree.
- Where there is a key, nothing is read before the HMAC has been checked, and what fails is not answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from netecho.stamp.auth import HMAC_LENGTH, is_authentic
from netecho.stamp.extensions import RequestContext, answer
from netecho.stamp.location import Location
from netecho.stamp.packet import PORT, SHORTEST, Request, format_of
from netecho.stamp.prepared_reply import PreparedReply
from netecho.stamp.reply_control import Asker
from netecho.stamp.return_traces import ReturnTraces, Tracer
from netecho.stamp.sessions import RecentHmacs, Session, Sessions
from netecho.stamp.times import NTP_EPOCH, PTP_FORMAT, ErrorEstimate, to_ntp, to_ptp, to_wire
from netecho.stamp.tlv import FollowUp, Method, SyncSource, follows
from netecho.target import UNPRIVILEGED_STAMP_PORT
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Hashable

    from netecho.stamp.control import ControlRequest, Proof
    from netecho.stamp.reply_control import Decision, ReplyControl
    from netecho.stamp.return_trace import ReturnTrace
    from netecho.stamp.return_traces import Answer

_STAMP = Struct("!Q")
_ERA = 1 << 32
_HALF = 1 << 31
_NEAR = 60
"""Seconds within which two timestamps of one clock lie that one reply carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a reflector is to behave."""

    stateful: bool = False
    """Number the replies of each session, so that its sender learns in which direction packets were lost."""
    key: bytes | None = None
    """Authenticated mode: of base packets, and of their TLVs."""
    marked_ttls: frozenset[int] = frozenset()
    """TTLs on arrival that show that a packet is the answer of a server like this one."""


class Refusal(StrEnum):
    """Why a datagram is not answered."""

    SHORT = "short"
    FORGED = "forged"
    """Its HMAC is wrong."""
    REPLY = "reply"
    """It is itself a reply."""
    GROWTH = "growth"
    """The reply would be longer than the request, and this client has had its share of those."""
    UNWANTED = "unwanted"
    """Its sender asked for no reply (RFC 10052 section 3)."""


@dataclass(slots=True)
class Tally:
    """What a reflector did."""

    reflected: int = 0
    refused: dict[Refusal, int] = field(default_factory=lambda: dict.fromkeys(Refusal, 0))
    replays: int = 0
    """Authenticated packets that were received again; they are answered, as a network may duplicate packets."""


class Clock:
    """What the reflector knows of the clock of its timestamps: the system's state, as last read."""

    __slots__ = ("error", "sync")

    def __init__(self, estimate: ErrorEstimate, sync: SyncSource = SyncSource.FREE_RUNNING) -> None:
        self.error = estimate.encode()
        """The bits of the Error Estimate, without Z."""
        self.sync = sync


class Arrival(NamedTuple):
    """One datagram, and what the kernel knows of it."""

    data: bytes
    source: Hashable
    """The sender's endpoint and our address: with the SSID, the identity of a session."""
    port: int
    """The sender's."""
    received: int
    """T2, nanoseconds since 1970."""
    now: int
    """Any monotonic clock's nanoseconds."""
    ttl: int
    tos: int
    may_grow: bool = True
    """Whether the reply may be longer than the request, where that is shorter than a base packet."""
    location: Location = Location()
    """Where it was received from, and at which address of ours."""
    client: str = ""
    """What its sender counts as, where it asks for more than one reply like its request."""


class Reflector:
    """Turns requests into replies. One for all the addresses that a server listens on."""

    def __init__(
        self,
        rules: Rules,
        clock: Clock,
        *,
        sessions: Sessions | None = None,
        recent_hmacs: RecentHmacs | None = None,
        control: ReplyControl | None = None,
    ) -> None:
        """Make one; without `control` all replies are like their requests, whatever is asked for."""
        self._rules = rules
        self._key = rules.key
        self._form = format_of(rules.key)
        self._zeroes = self._form.zeroes
        self._shortest = SHORTEST if rules.key is None else self._form.size
        self.clock = clock
        self.ports = {PORT, UNPRIVILEGED_STAMP_PORT}
        """Ports that reflectors write from; a server adds those it listens on."""
        self.sessions = Sessions() if sessions is None else sessions
        self._recent_hmacs = RecentHmacs() if recent_hmacs is None else recent_hmacs
        self.control = control
        """Decides what is sent to those who ask for other replies than one like their request."""
        self.return_traces = ReturnTraces()
        """Those who trace the way back; `control` says whose address is proved."""
        self.head_length = self._form.sent_at + _STAMP.size
        """Octets of a reply up to its timestamp, by which a quote of it is known."""
        self._replayed = False
        self.tally = Tally()

    def take(self, arrival: Arrival) -> PreparedReply | Refusal:
        """Return the reply to a datagram, or why there is none."""
        refusal = self._refusal(arrival)
        if refusal is not None:
            self.tally.refused[refusal] += 1
            return refusal
        reply = self._reply(arrival)
        decision = reply.decision
        if decision is not None and decision.plan is not None and not decision.plan.number:
            reply.withdraw()
            self.tally.refused[Refusal.UNWANTED] += 1
            return Refusal.UNWANTED
        self.tally.reflected += 1
        return reply

    def is_odd(self, data: bytes) -> bool:
        """Tell whether a packet has more than zeroes where a request has nothing else (RFC 8762 section 4.2.1)."""
        return bool(data[self._zeroes].strip(b"\0"))

    def _refusal(self, arrival: Arrival) -> Refusal | None:
        data, key = arrival.data, self._key
        if len(data) < self._shortest:
            return Refusal.SHORT
        if key is not None:
            base = self._form.size
            claimed = data[base - HMAC_LENGTH : base]
            if not is_authentic(key, data[: base - HMAC_LENGTH], claimed):
                return Refusal.FORGED
            self._replayed = self._recent_hmacs.seen(claimed)
            self.tally.replays += self._replayed
        if self._is_reply(arrival):
            return Refusal.REPLY
        return Refusal.GROWTH if len(data) < self._form.size and not arrival.may_grow else None

    def _is_reply(self, arrival: Arrival) -> bool:
        """Tell whether a packet is the reply of a reflector, ours sent back by an echo service included.

        By any of these: its TTL has the mark of our own replies. It is from a port that reflectors use, and has more
        than zeroes where a request has nothing else (RFC 8762 section 4.2.1). It carries a Receive Timestamp within a
        minute of the Timestamp: one clock took both, whatever time that clock has. Its Session-Sender Timestamp is by
        our own clock of this minute: it answers a reply of ours. The padding of a TWAMP-Light request, which may be
        random there, passes for one or the other once in 10 million.
        """
        if arrival.ttl in self._rules.marked_ttls:
            return True
        form, data = self._form, arrival.data
        if not self.is_odd(data):
            return False  # nearly all requests, and none of the rules below would find anything
        if arrival.port in self.ports:
            return True
        if len(data) < form.received_at + _STAMP.size:
            return False
        (received,), (sent,) = _STAMP.unpack_from(data, form.received_at), _STAMP.unpack_from(data, form.sent_at)
        if received and _near(received, sent >> 32):
            return True
        if len(data) < form.sender_sent_at + _STAMP.size:
            return False
        (answered,) = _STAMP.unpack_from(data, form.sender_sent_at)
        now = arrival.received // SECOND
        return _near(answered, now + NTP_EPOCH) or _near(answered, now)  # NTP's seconds, or PTP's

    def _reply(self, arrival: Arrival) -> PreparedReply:
        form, data, length = self._form, arrival.data, len(arrival.data)
        base = form.size
        sequence, stamp, error, ssid = form.sender.unpack_from(data if length >= base else data.ljust(base, b"\0"))
        session = None
        own = sequence
        if self._rules.stateful:
            session = self.sessions.find((arrival.source, ssid), arrival.now)
            session.received += 1
            own = session.reflected & 0xFFFF_FFFF
            session.reflected += 1
        # In the sender's own format, which is the one that it can surely read (RFC 8186 section 2.1).
        own_error = self.clock.error
        ptp = error & PTP_FORMAT != 0
        if ptp:
            own_error |= PTP_FORMAT
            received = to_ptp(arrival.received)
        else:
            received = to_ntp(arrival.received)
        reply = bytearray(base)
        form.reflector.pack_into(reply, 0, own, 0, own_error, ssid, received, sequence, stamp, error, arrival.ttl)
        # Unless the sender asks for another, the class of the request (Broadband Forum TR-390).
        prepared = PreparedReply(reply, form, self._key, session, own, arrival.tos >> 2)
        if ptp:
            prepared.ptp = True
        if length > base:
            rest = data[base:]
            request = Request(sequence, stamp, error, ssid)
            reply += self._extensions(rest, prepared, arrival, request, session) if follows(rest) else rest
            decision = prepared.decision
            if decision is not None and decision.plan is not None:
                prepared.pad(decision.plan.length)
        return prepared

    def _extensions(
        self, rest: bytes, prepared: PreparedReply, arrival: Arrival, request: Request, session: Session | None
    ) -> bytearray:
        counted = session

        def counters() -> tuple[int, int]:
            nonlocal counted
            if counted is None:
                # A stateless reflector counts only what asks to be counted, and each packet once.
                counted = self.sessions.find((arrival.source, request.ssid), arrival.now)
                counted.received += 1
                counted.reflected += 1
            return counted.received, counted.reflected

        about = RequestContext(
            request_sequence=request.sequence,
            reply_sequence=prepared.sequence,
            dscp=arrival.tos >> 2,
            ecn=arrival.tos & 3,
            sync=self.clock.sync,
            counters=counters,
            follow_up=_follow_up(session, ptp=prepared.ptp),
            location=arrival.location,
            reply_dscp=prepared.dscp,
        )
        control = self.control
        if control is not None:
            # Given what it is of, and not holding it: what holds itself is left to the garbage collector.
            about.add_control = lambda of: self._add_control(of, control, arrival, request, session)
        extensions = answer(rest, about, self._key)
        prepared.dscp = about.reply_dscp
        prepared.ttl, prepared.stepped = about.reply_ttl, about.stepped
        prepared.wants_tx_timestamp = about.stepped is not None or (about.follows and session is not None)
        if about.decision is not None:
            base = self._form.size
            prepared.decision = about.decision
            prepared.control_at = None if about.control_at is None else base + about.control_at
            prepared.number_at = None if about.number_at is None else base + about.number_at
            prepared.hmac_at = None if about.hmac_at is None else base + about.hmac_at
        return extensions

    def _add_control(
        self,
        about: RequestContext,
        control: ReplyControl,
        arrival: Arrival,
        request: Request,
        session: Session | None,
    ) -> None:
        """Have the TLVs answered that ask for other replies than one like the request."""
        source, base = arrival.location.source, self._form.size
        authentic = self._key is not None and not self._replayed

        def session_of() -> Session:
            return session or self.sessions.find((arrival.source, request.ssid), arrival.now)

        def decide(wanted: ControlRequest, proof: Proof | None, least: int) -> Decision:
            length = len(arrival.data)
            asker = Asker(source, arrival.client, request.sequence, length, base + least, authentic)
            return control.decide(wanted, proof, asker, session_of, arrival.now)

        def trace_back(asked: ReturnTrace, proof: Proof | None) -> Answer:
            proved = authentic or (proof is not None and control.proves(source, proof.cookie, arrival.now))
            tracer = Tracer(source, arrival.client, request.sequence, proved)
            return self.return_traces.answer(asked, tracer, arrival.now)

        about.decide = decide
        about.trace_back = trace_back
        about.cookie = lambda: control.cookie(source, arrival.now)


def _near(stamp: int, seconds: int) -> bool:
    """Tell whether a timestamp of either format lies within a minute of so many seconds, of any era."""
    return abs(((stamp >> 32) - seconds + _HALF) % _ERA - _HALF) <= _NEAR


def _follow_up(session: Session | None, *, ptp: bool) -> FollowUp:
    if session is None or session.follow_stamp is None:
        return FollowUp()
    return FollowUp(session.follow_sequence, to_wire(session.follow_stamp, ptp=ptp), Method.SOFTWARE)
