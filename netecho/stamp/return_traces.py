"""What a reflector remembers of those who trace the way back: replies with a TTL of their own, and who answered those.

A TTL is obeyed for an address that is proved, and for it alone (`control.Proof`, or authenticated mode). All of it has
a bound: how many such replies leave in a second, how many are remembered of an endpoint, of a client and of all, and
how long. What finds no room is refused, and pushes out nobody else's.

An ICMP error counts if it quotes the beginning of a reply that is outstanding, with its timestamp, to the endpoint that
the reply was sent to.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from netecho.stamp.return_trace import Report
from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.stamp.location import Endpoint
    from netecho.stamp.return_trace import ReturnTrace

REPLIES = 64
"""Of an endpoint, that are outstanding: of more, the first is given up."""
REPORTS = 32
"""Of an endpoint, that its requests have not confirmed: while there are so many no TTL is obeyed, so that there are
never more than these and those of the outstanding replies."""
MOST = 256
"""Endpoints that trace."""
MOST_OF_CLIENT = 64
RATE = 2048
"""Replies with a TTL of their own in a second, of all."""
RATE_OF_CLIENT = 256
IDLE = 10 * SECOND
"""How long an endpoint is remembered that asks for nothing."""


class Tracer(NamedTuple):
    """Who asks, with what."""

    source: Endpoint
    client: str
    """What it counts as."""
    sequence: int
    """The sender's number of the request."""
    proved: bool
    """Whether its address is."""


@dataclass(slots=True)
class SteppedReply:
    """A reply that leaves with a TTL of its own."""

    source: Endpoint
    sequence: int
    """The sender's, of the request."""
    left_at: int | None = None
    """When it left, nanoseconds since 1970; None: it has not yet."""
    exact: bool = False
    """Whether the kernel says so."""


class Answer(NamedTuple):
    """What becomes of a request with the TLV."""

    value: ReturnTrace
    stepped: SteppedReply | None
    """None: the reply leaves with the usual TTL."""
    refused: bool
    """Whether another was asked for."""


class IcmpQuote(NamedTuple):
    """An ICMP error about a reply. Times are nanoseconds since 1970."""

    peer: Endpoint
    """Whom the quoted packet was sent to."""
    payload: bytes
    """Of the quoted packet, from what follows the UDP header on."""
    offender: bytes
    """Who sent the error, packed."""
    type: int
    code: int
    received: int
    exact: bool
    """Whether that is the kernel's timestamp."""
    tos: int | None = None
    label: int = 0


@dataclass(slots=True)
class _Endpoint:
    """What is remembered of one that traces."""

    client: str
    used: int
    outstanding: dict[bytes, SteppedReply] = field(default_factory=dict)
    """By the beginning of the reply."""
    reports: deque[Report] = field(default_factory=deque)
    latest: int = 0
    """Number of the last report."""


class ReturnTraces:
    """Of all the listeners of a process."""

    def __init__(self) -> None:
        self._endpoints: dict[Endpoint, _Endpoint] = {}
        self._second = 0
        self._sent: dict[str, int] = {}
        """Replies of this second, by client: of proved addresses, so that nobody can fill it."""

    def __len__(self) -> int:
        return len(self._endpoints)

    def answer(self, asked: ReturnTrace, tracer: Tracer, now: int) -> Answer:
        """Return the TLV of the reply, and with which TTL that leaves; `now`: the monotonic clock's nanoseconds."""
        known = self._find(tracer, now) if tracer.proved else None
        if known is None:
            return Answer(asked.answered((), 0, 0), None, refused=True)
        while known.reports and _reaches(asked.latest, known.latest - len(known.reports) + 1):
            known.reports.popleft()
        told = list(known.reports)[: asked.room]
        left = len(known.reports) - len(told)
        value = asked.answered(told, left, (known.latest - left) & 0xFFFF_FFFF)
        if not asked.ttl:
            return Answer(value, None, refused=False)
        granted = len(known.reports) < REPORTS and self._take(tracer.client, now)
        stepped = SteppedReply(tracer.source, tracer.sequence) if granted else None
        return Answer(value, stepped, refused=not granted)

    def sent(self, stepped: SteppedReply, head: bytes, at: int) -> None:
        """Note that a reply has left at `at`, by the program's clock, which begins with `head`."""
        known = self._endpoints.get(stepped.source)
        if known is None:
            return
        if stepped.left_at is None:
            stepped.left_at = at
        known.outstanding[head] = stepped
        if len(known.outstanding) > REPLIES:
            del known.outstanding[next(iter(known.outstanding))]

    def quoted(self, quote: IcmpQuote, head_length: int) -> bool:
        """Take in an ICMP error; return whether it is about a reply that is outstanding, whose head was so long."""
        known = self._endpoints.get(quote.peer)
        if known is None or len(quote.payload) < head_length:
            return False
        stepped = known.outstanding.pop(quote.payload[:head_length], None)
        if stepped is None or stepped.left_at is None:
            return False
        rtt = quote.received - stepped.left_at
        if rtt > 0:
            kernel = stepped.exact and quote.exact
            known.reports.append(
                Report(stepped.sequence, quote.offender, quote.type, quote.code, rtt, kernel, quote.tos, quote.label)
            )
            known.latest += 1
        return True

    def expire(self, now: int) -> bool:
        """Forget whom nothing was heard of for long; return whether anybody traces."""
        for source in [source for source, known in self._endpoints.items() if now - known.used > IDLE]:
            del self._endpoints[source]
        return bool(self._endpoints)

    def _find(self, tracer: Tracer, now: int) -> _Endpoint | None:
        known = self._endpoints.get(tracer.source)
        if known is None:
            self.expire(now)
            of_client = sum(each.client == tracer.client for each in self._endpoints.values())
            if len(self._endpoints) >= MOST or of_client >= MOST_OF_CLIENT:
                return None
            known = self._endpoints[tracer.source] = _Endpoint(tracer.client, now)
        known.used = now
        return known

    def _take(self, client: str, now: int) -> bool:
        """Count one more reply of this second, if there may be one."""
        if now // SECOND != self._second:
            self._second, self._sent = now // SECOND, {}
        mine = self._sent.get(client, 0)
        if mine >= RATE_OF_CLIENT or sum(self._sent.values()) >= RATE:
            return False
        self._sent[client] = mine + 1
        return True


def _reaches(latest: int, number: int) -> bool:
    """Tell whether a sender that has reports up to `latest` has this one; numbers wrap at 2**32 on the wire."""
    return (latest - number) & 0xFFFF_FFFF < 1 << 31
