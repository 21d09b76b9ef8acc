"""Which datagrams an echo may answer, so that nobody can make two machines talk to each other for ever.

UDP's source address is whatever the sender wrote there. A datagram "from" port 7 of another host, or "from" another
echo server, would be answered, and the answer answered, without end. Three things stop that:

- Services that answer whatever reaches them have well-known ports; datagrams from there are not answered.
- Our own answers leave with an initial TTL (hop limit) of 96. Systems send with 64, 128 or 255, rarely 32, and paths
  are shorter than 32 hops; so a TTL of 65 to 96 on arrival is the mark of another netecho server's answer, on
  whatever port it runs, and such a datagram is not answered. The payload, which RFC 862 wants unchanged, is.
- A datagram from the port we listen on is our own, or that of a server like us.

What is left is a loop with a server that is not netecho, on another port, or across a router that rewrites the TTL.
`LoopGuard` ends it by what makes a loop a loop: what arrives from an endpoint is what was sent there before.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

ANSWER_TTL = 96
"""The TTL or hop limit that answers leave with; nothing else in common use begins between 65 and 96."""

HOPS = 31
"""The longest path that is reckoned with, both for the mark and for what it must not be mistaken for."""

NEVER_ANSWERED = frozenset(
    {
        0,  # no port: an answer cannot be sent there
        7,  # echo, RFC 862
        9,  # discard, RFC 863: silent, but of the family, and often the twin of one that is not
        11,  # active users, RFC 866
        13,  # daytime, RFC 867
        15,  # netstat
        17,  # quote of the day, RFC 865
        18,  # message send, RFC 1312
        19,  # chargen, RFC 864
        37,  # time, RFC 868
        53,  # DNS, TFTP and NTP answer what they cannot read with an error, and that again with another:
        69,  # CVE-2024-2169
        123,
        862,  # STAMP and TWAMP-Light reflectors
        7007,  # netecho's own, as is the next
        7862,
    }
)

MARKED = frozenset(range(ANSWER_TTL - HOPS, ANSWER_TTL + 1))
"""TTLs on arrival that show that a datagram is an echo server's answer."""

LOOP = "it returned what was sent there, again and again: a loop with another server"

QUIET = 16
"""Datagrams from one endpoint in a second that are answered without a look at what they carry."""

ALLOWANCE = 30
"""Returned answers that are answered again before they are taken for a loop. One forged packet makes at most
QUIET + 1 + ALLOWANCE answers, fewer than a hundred packets both ways."""

LARGEST_ALLOWANCE = 1024

EXAMINED = 1024
"""Datagrams of an endpoint that are looked at in a second, if most of them are new: it is a sender, not a loop."""

MOST_ENDPOINTS = 256
"""Endpoints that are looked at; beyond them, the one looked at longest ago is forgotten."""

_MOST_OUTSTANDING = 512

_PLACES = 0x10000
_STAMP_BASE = 44  # RFC 8762: a reply repeats bytes 0 to 11 of its request, the number and the time, at byte 24
_STAMP_COPY = slice(24, 36)
_STAMP_HEAD = slice(0, 12)

TO_MANY = "sent to a broadcast or multicast address"


def refusal(port: int, ttl: int | None, own_port: int) -> str | None:
    """Return why a datagram from `port` that arrived with `ttl` (None, 0: not known) gets no answer, or None."""
    if port in NEVER_ANSWERED:
        return f"from port {port}, whose service answers too: they would never stop"
    if port == own_port:
        return "from the port this server listens on"
    if ttl in MARKED:
        return "it is another echo server's answer"
    return None


class LoopGuard:
    """The last limit of datagrams by pair of endpoints: ends any loop that turns more than `QUIET` times a second.

    A datagram whose payload was sent to that endpoint before, and has not come back since, is returned: an echo
    returned it, or a sender happens to send the same again. (So is a STAMP reply to what we sent, which repeats a part
    of it.) Payloads that differ from one to the next, as probes and load generators have them, are never returned, and
    their senders never limited. Once `ALLOWANCE` returned ones were answered, further ones are not: of a loop nothing
    is left then. Something new from there, which nothing but a sender can send, is answered, and the allowance is
    doubled, up to 1024: a sender that repeats one payload for ever, faster than `QUIET` a second, loses one answer in
    so many, and somebody who forges packets gains no more than so many for each.

    That loss has no remedy in what a server can see. A sender that repeats one payload, with somebody who forges one
    packet into a loop now and then, is the same sequence of arrivals: each can be explained by an answer, but one in
    so many. So an honest sender loses one in N where a forged packet gains N answers, whatever N is. To answer late
    what was withheld, as soon as a datagram comes that no answer explains, was tried: those answers may be in a loop
    too, so they have to be reckoned with as well, and with each turn one more answer was late, until all were.

    Only endpoints with more than `QUIET` datagrams in a second are looked at, of those no more than 256 at a time, and
    of a sender of new payloads only the first thousand a second. `salt` makes it different in every process which
    endpoints share a place in the count.
    """

    def __init__(self, salt: int) -> None:
        self._salt = salt
        self._counts = array("I", bytes(4 * _PLACES))
        self._zeros = bytes(4 * _PLACES)
        self._until = 0
        self._exchanges: dict[Hashable, _Exchange] = {}

    def roll(self, now: int) -> None:
        """Begin a new second if the present one is over. To be called before a batch, not for each datagram."""
        if now >= self._until:
            memoryview(self._counts).cast("B")[:] = self._zeros
            self._until = now + SECOND
            # Those that were not looked at in the last second are forgotten.
            self._exchanges = {endpoint: each for endpoint, each in self._exchanges.items() if each.is_active}
            for exchange in self._exchanges.values():
                exchange.is_active = exchange.is_cleared = False

    def is_busy(self, endpoint: Hashable) -> bool:
        """Count a datagram from an endpoint; tell whether it is one to look at."""
        place = hash((self._salt, endpoint)) % _PLACES
        self._counts[place] = count = self._counts[place] + 1
        return count > QUIET and self._is_watched(endpoint)

    def busy_ones(self, numbers: Mapping[Hashable, int]) -> frozenset[Hashable]:
        """Count so many datagrams from each of several endpoints; return the endpoints to look at."""
        busy = []
        for endpoint, number in numbers.items():
            place = hash((self._salt, endpoint)) % _PLACES
            self._counts[place] = count = self._counts[place] + number
            if count > QUIET and self._is_watched(endpoint):
                busy.append(endpoint)
        return frozenset(busy)

    def permits(self, endpoint: Hashable, data: bytes) -> bool:
        """Look at a datagram of a busy endpoint, and tell whether it may be answered."""
        exchange = self._exchanges.pop(endpoint, None)
        if exchange is None:
            exchange = _Exchange()
            if len(self._exchanges) >= MOST_ENDPOINTS:
                del self._exchanges[next(iter(self._exchanges))]
        exchange.is_active = True
        self._exchanges[endpoint] = exchange  # the last: it was looked at just now
        return exchange.is_cleared or exchange.permits(data)

    def answered(self, endpoint: Hashable, answer: bytes) -> None:
        """Remember what was sent to an endpoint, if it is one that is looked at."""
        exchange = self._exchanges.get(endpoint)
        if exchange is not None and not exchange.is_cleared:
            exchange.answered(answer)

    def _is_watched(self, endpoint: Hashable) -> bool:
        exchange = self._exchanges.get(endpoint)
        return exchange is None or not exchange.is_cleared


class _Exchange:
    """What was received from one endpoint, and sent to it."""

    __slots__ = (
        "_allowance",
        "_examined",
        "_is_spent",
        "_outstanding",
        "_returned",
        "_spent",
        "is_active",
        "is_cleared",
    )

    def __init__(self) -> None:
        self.is_active = False
        """Whether it was looked at in this second."""
        self.is_cleared = False
        """Whether the endpoint is a sender of new payloads, for this second."""
        self._allowance = ALLOWANCE
        self._spent = 0
        self._is_spent = False
        self._outstanding: dict[int, int] = {}
        """Hashes of what was sent, and has not come back; how often."""
        self._examined = self._returned = 0

    def permits(self, data: bytes) -> bool:
        self._examined += 1
        if self._is_returned(data):
            self._returned += 1
            self._spent += 1
            self._is_spent = self._spent > self._allowance
            return not self._is_spent
        if self._is_spent:
            self._is_spent = False
            self._spent = 0
            self._allowance = min(2 * self._allowance, LARGEST_ALLOWANCE)
        if self._examined >= EXAMINED:
            self.is_cleared = 2 * self._returned < self._examined
            self._examined = self._returned = 0
            if self.is_cleared:
                self._outstanding.clear()
        return True

    def answered(self, answer: bytes) -> None:
        outstanding = self._outstanding
        for key in (hash(answer), _hash_of_head(answer[_STAMP_HEAD])):
            if key is not None:
                outstanding[key] = outstanding.get(key, 0) + 1
        while len(outstanding) > _MOST_OUTSTANDING:
            del outstanding[next(iter(outstanding))]

    def _is_returned(self, data: bytes) -> bool:
        copied = _hash_of_head(data[_STAMP_COPY]) if len(data) >= _STAMP_BASE else None
        for key in (hash(data), copied):
            number = 0 if key is None else self._outstanding.get(key, 0)
            if key is not None and number:
                if number > 1:
                    self._outstanding[key] = number - 1
                else:
                    del self._outstanding[key]
                return True
        return False


def _hash_of_head(head: bytes) -> int | None:
    """Hash the number and time of a STAMP packet; None: it is none, or has nothing in it that tells it from others."""
    return hash((_STAMP_BASE, head)) if len(head) == 12 and len(set(head)) > 2 else None
