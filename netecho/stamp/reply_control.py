"""Which replies a reflector sends to whom asks for others than one like its request (TLV 12, RFC 10052).

One packet that is turned into more bytes than it has is what reflection attacks are made of, and a source address is
whatever the sender wrote there. So more than was received is sent only to an address that is proved: by a cookie, which
was sent there, or by authenticated mode. All else gets one reply that is not longer than the request, as ever.

A cookie is the keyed hash of the address, the port and the minute: there is nothing to remember of whom asked. It holds
for this minute and the next. Whoever has the key can tell; with several workers all have the same one.

What is decided here are lengths, numbers and intervals. How much may be sent to one client and to all, and how much
may be pending, is the `Budget`'s to say, which the server gives.
"""

from __future__ import annotations

from hashlib import blake2s
from hmac import compare_digest
from typing import TYPE_CHECKING, NamedTuple, Protocol

from netecho.stamp.control import COOKIE_LENGTH
from netecho.stamp.tlv import HEADER, Flag
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.stamp.control import ControlRequest, Proof
    from netecho.stamp.location import Endpoint
    from netecho.stamp.sessions import Session

LONGEST = 9216
"""Octets of a reply that is longer than its request: Ethernet's jumbo frames."""
MOST = 2048
"""Replies to one request."""
VOLUME = 2 * 1024 * 1024
"""Octets of all the replies to one request."""
FASTEST = 16 * 1024 * 1024
"""Octets a second, of the replies to one request. Closer together than that, they are as good as a flood."""
LONGEST_WAIT = 600 * SECOND
"""Between two replies: longer than any mapping of a NAT that is worth waiting for (RFC 4787 asks for 2 minutes)."""
COOKIE_LIFE = 60 * SECOND
"""A cookie holds for the window of this length that it was made in, and the next one."""

_WIDTH = 16
_HALF = 1 << 31

NOT_PROVED = "it asked for more than it sent, and nothing proved its address"
TOO_LONG = f"it asked for replies of more than {LONGEST} bytes"
TOO_MANY = f"it asked for more than {MOST} replies, or more than {VOLUME >> 20} MiB of them"
TOO_FAST = f"it asked for replies at more than {FASTEST >> 20} MiB a second"
TOO_SLOW = f"it asked for replies more than {LONGEST_WAIT // SECOND} s apart"
AGAIN = "its request for replies came again, or out of order"
NARROWED = "it asked for replies of an address group, which is not supported"


class ReplyPlan(NamedTuple):
    """What replies are sent to a request."""

    length: int
    """Octets of each."""
    number: int
    """0: none."""
    interval: int = 0
    """Between one and the next, nanoseconds; the first is sent at once."""

    @property
    def pending(self) -> int:
        """Octets of the replies that are sent later."""
        return (self.number - 1) * self.length


class Decision(NamedTuple):
    """What becomes of a request for replies."""

    flag: int
    """Of the TLV in the reply: 0 (as asked), C (other replies than those asked for), U (as if it were not known)."""
    plan: ReplyPlan | None
    """None: one reply like the request, padding and all."""
    why: str | None = None
    """Why it is not as asked."""


class Budget(Protocol):
    """How much is sent to one client and to all, and how much may be pending."""

    def take(self, client: str, plan: ReplyPlan, now: int) -> str | None:
        """Count what is about to be sent; or return why it may not be, and count nothing."""


class Asker(NamedTuple):
    """Who asks, and with what."""

    source: Endpoint
    client: str
    """What it counts as in the budget."""
    sequence: int
    """The sender's number of the request."""
    length: int
    """Octets of the request."""
    least: int
    """Octets of the request without padding, as every reply has them."""
    proved: bool
    """Whether authenticated mode has proved the address."""


class ReplyControl:
    """Decides for all the listeners of a server."""

    def __init__(self, key: bytes, budget: Budget) -> None:
        self._key = key
        self._budget = budget

    def cookie(self, source: Endpoint, now: int) -> bytes:
        """Return what proves this address and port, until it is one life older; `now`: the monotonic clock's."""
        return self._cookie(source, now // COOKIE_LIFE)

    def proves(self, source: Endpoint, cookie: bytes, now: int) -> bool:
        """Tell whether a cookie was sent to this address and port of late."""
        window = now // COOKIE_LIFE
        # Both are always compared: how long this takes says nothing.
        latest = compare_digest(self._cookie(source, window), cookie)
        return latest | compare_digest(self._cookie(source, window - 1), cookie)

    def decide(
        self, request: ControlRequest, proof: Proof | None, asker: Asker, session_of: Callable[[], Session], now: int
    ) -> Decision:
        """Return what is sent to this request, and count it.

        A number that does not rise shows a request that is sent again by somebody else (section 5). It is looked at
        where the address is proved: what the others get does no harm, and nobody can forge a number to others' cost.
        """
        if request.narrowed:
            return Decision(Flag.UNRECOGNISED, None, NARROWED)
        if not request.number:
            return Decision(0, ReplyPlan(0, 0))
        length = _length(request, asker.least, exact=proof is not None)
        # What is refused gets one reply: as short as asked for, or just like the request.
        one = ReplyPlan(length, 1) if length <= asker.length else None
        modest = one is not None and request.number == 1
        proved = asker.proved or (proof is not None and self.proves(asker.source, proof.cookie, now))
        if not proved:
            return Decision(0, one) if modest else Decision(Flag.NOT_AS_ASKED, one, NOT_PROVED)
        session = session_of()
        if session.control is not None and not 0 < (asker.sequence - session.control) % (2 * _HALF) < _HALF:
            return Decision(Flag.UNRECOGNISED, None, AGAIN)
        session.control = asker.sequence
        interval = proof.interval * MILLISECOND if proof is not None and proof.interval else request.interval
        plan = ReplyPlan(length, request.number, interval if request.number > 1 else 0)
        why = None if modest else _excess(plan) or self._budget.take(asker.client, plan, now)
        return Decision(0, plan) if why is None else Decision(Flag.NOT_AS_ASKED, one, why)

    def _cookie(self, source: Endpoint, window: int) -> bytes:
        text = source.address.rjust(_WIDTH, b"\0") + source.port.to_bytes(2) + (window & (1 << 64) - 1).to_bytes(8)
        return blake2s(text, key=self._key, digest_size=COOKIE_LENGTH, person=b"netecho").digest()


def _length(request: ControlRequest, least: int, *, exact: bool) -> int:
    """Return how long a reply is: a multiple of four (section 3), or to the octet for a sender that is a netecho."""
    if exact and request.length >= least + HEADER.size:
        return request.length
    return max(request.aligned, least)


def _excess(plan: ReplyPlan) -> str | None:
    """Return why nobody is sent this."""
    if plan.length > LONGEST:
        return TOO_LONG
    if plan.number > MOST or plan.number * plan.length > VOLUME:
        return TOO_MANY
    if plan.interval > LONGEST_WAIT:
        return TOO_SLOW
    if plan.number > 1 and plan.length * SECOND > FASTEST * plan.interval:
        return TOO_FAST
    return None
