"""A reply that is ready but for what is only known as it leaves: its own timestamp, its number, the HMAC over both."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from netecho.stamp.auth import HMAC_LENGTH, truncated_hmac
from netecho.stamp.control import renumber
from netecho.stamp.reply_control import ReplyPlan
from netecho.stamp.times import to_ntp, to_ptp
from netecho.stamp.tlv import HEADER, Flag, Tlv, Type

if TYPE_CHECKING:
    from netecho.stamp.packet import PacketFormat
    from netecho.stamp.reply_control import Decision
    from netecho.stamp.return_traces import SteppedReply
    from netecho.stamp.sessions import Session

_STAMP = Struct("!Q")


class PreparedReply:
    """A reply without its own timestamp, which is taken as late as possible."""

    # What few replies have is the class's until then: written into each anew it is a tenth of the time of an answer.
    decision: Decision | None = None
    """What was decided, where the sender asked for other replies than one like its request."""
    stepped: SteppedReply | None = None
    """What is remembered of a reply with a TTL of its own."""
    ttl = 0
    """What the packet is to leave with; 0: as any."""
    wants_tx_timestamp = False
    """Whether the sender asked when replies leave: call `transmitted` if the kernel says so."""
    control_at: int | None = None
    """Offset of TLV 12."""
    number_at: int | None = None
    """Offset of the TLV that has the number of the reply."""
    hmac_at: int | None = None
    """Offset of the HMAC TLV."""
    ptp = False
    """Whether its timestamps are in PTP's format."""
    _padding_at = 0

    def __init__(
        self, data: bytearray, form: PacketFormat, key: bytes | None, session: Session | None, sequence: int, dscp: int
    ) -> None:
        self._data = data
        self._form = form
        self._key = key
        self._session = session
        self.sequence = sequence
        self.dscp = dscp
        """What the packet is to leave with."""

    @property
    def plan(self) -> ReplyPlan | None:
        """What replies are sent; None: this one."""
        return None if self.decision is None else self.decision.plan

    def pad(self, length: int) -> None:
        """Make it this long by an Extra Padding TLV, where there is room for one (RFC 10052 section 3)."""
        self._padding_at = len(self._data)
        room = length - self._padding_at - HEADER.size
        if room >= 0:
            self._data += Tlv(0, Type.EXTRA_PADDING, bytes(room)).encode()

    def next(self, number: int) -> None:
        """Become the further reply of this number: all that differs but the timestamp, which `timestamped` writes."""
        data, session = self._data, self._session
        if session is not None:
            self.sequence = session.reflected & 0xFFFF_FFFF
            session.reflected += 1
            data[:4] = self.sequence.to_bytes(4)
        if self.number_at is not None:
            renumber(data, self.number_at, number)
        self._authenticate()

    def reduce(self, length: int) -> bool:
        """Become the one reply of this length, and say that it is not as asked (C); False: too little is padding.

        For a length that no packet on the way out of here can have (RFC 10052 section 3).
        """
        if self.decision is None or self.decision.plan is None or self.control_at is None:
            return False  # it is like its request, and may be fragmented
        if length < self._padding_at or length >= len(self._data):
            return False
        del self._data[self._padding_at :]
        self.pad(length)
        self._data[self.control_at] |= Flag.NOT_AS_ASKED
        self.decision = self.decision._replace(flag=Flag.NOT_AS_ASKED, plan=ReplyPlan(length, 1))
        self._authenticate()
        return True

    def withdraw(self) -> None:
        """Count as not sent."""
        if self._session is not None:
            self._session.reflected -= 1

    def _authenticate(self) -> None:
        """Write the HMAC TLV again, if there is one."""
        if self.hmac_at is not None and self._key is not None:
            text = self.sequence.to_bytes(4) + self._data[self._form.size : self.hmac_at]
            start = self.hmac_at + HEADER.size
            self._data[start : start + HMAC_LENGTH] = truncated_hmac(self._key, text)

    def timestamped(self, now: int) -> bytearray:
        """Return the reply with T3, nanoseconds since 1970; send it at once."""
        data = self._data
        _STAMP.pack_into(data, self._form.sent_at, to_ptp(now) if self.ptp else to_ntp(now))
        if self._key is not None:
            base = self._form.size
            data[base - HMAC_LENGTH : base] = truncated_hmac(self._key, data[: base - HMAC_LENGTH])
        if self._session is not None:
            self._session.follow_sequence = self.sequence
            self._session.follow_stamp = now
        return data

    def transmitted(self, at: int) -> None:
        """Take in when the packet left, by the kernel's timestamp: the next reply may say so (RFC 8972 section 4.7)."""
        if self.stepped is not None:
            self.stepped.left_at, self.stepped.exact = at, True
        session = self._session
        if session is not None and session.follow_sequence == self.sequence:
            session.follow_stamp = at
