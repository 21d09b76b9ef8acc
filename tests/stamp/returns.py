"""A far end that traces the way back, in memory, and reports as they may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from netecho.stamp.control import NO_COOKIE
from netecho.stamp.location import Endpoint, Location
from netecho.stamp.prepared_reply import PreparedReply
from netecho.stamp.reply_control import ReplyControl
from netecho.stamp.return_sender import Returned, ReturnSender
from netecho.stamp.return_trace import Report
from netecho.stamp.return_traces import IcmpQuote
from netecho.stamp.session_reflector import Arrival, Clock, Reflector, Rules
from netecho.stamp.times import ErrorEstimate
from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.stamp.reply_control import ReplyPlan

WALL = 1_700_000_000 * SECOND
NEAR, FAR = Endpoint(bytes([192, 0, 2, 1]), 40_000), Endpoint(bytes([198, 51, 100, 9]), 7862)
ROUTER = bytes([10, 0, 1, 2])
UNSURE = ErrorEstimate.of(SECOND, synchronised=False)
reports = st.builds(
    Report,
    sequence=st.integers(0, 2**32 - 1),
    address=st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16),
    type=st.integers(0, 255),
    code=st.integers(0, 255),
    rtt=st.integers(0, 2**32 - 1),
    kernel=st.booleans(),
    tos=st.none() | st.integers(0, 255),
    label=st.integers(0, 2**32 - 1),
)


class Generous:
    """A budget without an end."""

    def take(self, client: str, plan: ReplyPlan, now: int) -> None:
        """Grant it."""


class Far:
    """A reflector and one who traces back from it; each reply is sent as soon as it is made."""

    def __init__(self, key: bytes | None = None, *, controlled: bool = True, source: Endpoint = NEAR) -> None:
        control = ReplyControl(bytes(32), Generous()) if controlled else None
        self.reflector = Reflector(Rules(key=key), Clock(UNSURE), control=control)
        self.sender = ReturnSender(UNSURE.encode(), key, ssid=9)
        self.source = source
        self.now = SECOND
        self.sent = 0

    def request(self, ttl: int) -> bytes:
        """Return the next request."""
        self.sent += 1
        return self.sender.request(self.sent - 1, WALL + self.now, ttl)

    def take(self, request: bytes, source: Endpoint | None = None) -> PreparedReply:
        """Return the reply to a request."""
        source = source or self.source
        identity = (source.host, source.port)
        location = Location(source, FAR)
        arrival = Arrival(
            request, identity, source.port, WALL + self.now, self.now, 255, 0, True, location, str(source.host)
        )
        reply = self.reflector.take(arrival)
        assert isinstance(reply, PreparedReply)
        return reply

    def reply(self, ttl: int) -> tuple[PreparedReply, bytes]:
        """Ask for a reply with this TTL; return it, sent."""
        reply = self.take(self.request(ttl))
        data = bytes(reply.timestamped(WALL + self.now))
        if reply.stepped is not None:
            self.reflector.return_traces.sent(reply.stepped, data[: self.reflector.head_length], WALL + self.now)
        return reply, data

    def ask(self, ttl: int = 0) -> Returned:
        """Ask, and read what comes."""
        read = self.sender.read(self.reply(ttl)[1], WALL + self.now)
        assert read is not None
        return read

    def learn(self) -> Far:
        """Have the cookie."""
        self.ask()
        assert self.sender.cookie != NO_COOKIE
        return self

    def expired(self, data: bytes, after: int = 1_000_000, peer: Endpoint | None = None) -> bool:
        """Have a router say that a reply has expired; return whether that is believed."""
        received = WALL + self.now + after
        quote = IcmpQuote(peer or self.source, data, ROUTER, 11, 0, received, exact=True, tos=8, label=0x12345)
        return self.reflector.return_traces.quoted(quote, self.reflector.head_length)
