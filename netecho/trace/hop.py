"""What is known of a TTL while a trace goes on, in constant memory whatever answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from netecho.measure.stats.histogram import Histogram

if TYPE_CHECKING:
    from netecho.trace.quote import Label

MOST_ADDRESSES = 16
"""Different addresses that are kept of one TTL: those who forge their source could send any number."""

Kind = Literal["router", "target", "refused"]
"""Who answered: a router whose TTL ran out; the target; whoever says that the target cannot be reached."""


class Step:
    """One flow at one TTL."""

    __slots__ = ("addresses", "answered", "asked", "last", "returns")

    def __init__(self) -> None:
        self.asked = 0
        """Packets whose fate is known."""
        self.answered = 0
        self.addresses: dict[str, int] = {}
        """How many answers came from each."""
        self.last: str | None = None
        self.returns = 0
        """How often an address took turns with one that had answered before."""

    def count(self, address: str) -> str | None:
        """Count an answer; return the address that had answered before where that was another."""
        before, self.last = self.last, address
        self.asked += 1
        self.answered += 1
        changed = before is not None and before != address
        self.returns += changed and address in self.addresses
        if address in self.addresses or len(self.addresses) < MOST_ADDRESSES:
            self.addresses[address] = self.addresses.get(address, 0) + 1
        return before if changed else None


class Hop:
    """All flows at one TTL."""

    __slots__ = ("kind", "labels", "meaning", "mtu", "rtt", "tos", "translated")

    def __init__(self) -> None:
        self.rtt = Histogram(sparse=True)
        self.kind: Kind = "router"
        self.meaning: str | None = None
        """What an ICMP error that is not of the TTL says; None after an echo."""
        self.tos: int | None = None
        """As the last packet arrived there; None: nobody saw."""
        self.translated: bool | None = None
        """Whether packets arrive there with another source or checksum than they had; None: nobody saw."""
        self.labels: tuple[Label, ...] = ()
        self.mtu: int | None = None


class Change(NamedTuple):
    """A flow was answered by another router than before."""

    at: int
    """Wall clock, nanoseconds since 1970."""
    flow: int
    ttl: int
    before: str
    after: str
