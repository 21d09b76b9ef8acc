"""How much of the server one client, and all of them together, may have.

A gate counts open connections; a rate limit counts datagrams and new connections a second. The memory of both is
bounded: the gate has one entry for each client with an open connection, whose number is limited, and the rate limit is
an array of a fixed size, because the sources of datagrams can be forged and a table of them would be the attack.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Hashable

_PLACE = 0xFFFF  # the part of a hash that is a source's place


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of a server, of all its processes together; None: no limit."""

    connections: int | None = 4096
    per_client: int | None = 256
    """Connections at once from one address (one /64 network of IPv6)."""
    idle: int | None = 300 * SECOND
    """How long a connection may go without a byte in either direction; nanoseconds."""
    rate: int | None = 50_000
    """Datagrams, and new connections, in a second from one address (one /64 network of IPv6)."""


def connection_limit_reached(most: int) -> str:
    """Say why a connection is refused when as many as allowed are open."""
    return f"{most} connections are open (--max-connections)"


def most_handshakes(connections: int) -> int:
    """Return how many of so many connections may be in a TLS handshake at once: half, so that others find room."""
    return max(connections // 2, 1)


def handshake_limit_reached(most: int) -> str:
    """Say why a connection is refused that would begin with a TLS handshake."""
    return f"{most} TLS handshakes are under way (half of --max-connections)"


def per_client_limit_reached(each: int) -> str:
    """Say why a connection is refused when its client has as many open as allowed."""
    return f"{each} connections of this client are open (--max-per-client)"


def client_of(address: str) -> str:
    """Return what an address counts as: itself, or of IPv6 its /64 network, all of which one host may use."""
    if ":" not in address:
        return address
    v6 = IPv6Address(address)
    if v6.ipv4_mapped is not None:
        return str(v6.ipv4_mapped)
    return f"{v6.packed[:8].hex()}/64"


def printable_client(client: str) -> str:
    """Write what `client_of` returned as an address or a network is written: `2001:db8::/64`."""
    if not client.endswith("/64"):
        return client
    return f"{IPv6Address(bytes.fromhex(client[:-3]) + bytes(8))}/64"


class Gate:
    """The open connections of each client, and whether one more may be opened."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open_of: dict[str, int] = {}
        self.open = 0
        """Open connections of all clients together."""
        self.handshakes = 0
        """Those of them in a TLS handshake."""

    def enter(self, client: str, *, handshake: bool = False) -> str | None:
        """Count one more connection of `client`; or return why it may not be opened, and count nothing."""
        most, each = self._limits.connections, self._limits.per_client
        if most is not None and self.open >= most:
            return connection_limit_reached(most)
        if handshake and most is not None and self.handshakes >= most_handshakes(most):
            return handshake_limit_reached(most_handshakes(most))
        mine = self._open_of.get(client, 0)
        if each is not None and mine >= each:
            return per_client_limit_reached(each)
        self._open_of[client] = mine + 1
        self.open += 1
        self.handshakes += handshake
        return None

    def end_handshake(self) -> None:
        """Count one TLS handshake less, be it done or failed."""
        self.handshakes -= 1

    def leave(self, client: str) -> None:
        """Count one connection of `client` less."""
        self.open -= 1
        mine = self._open_of[client] - 1
        if mine:
            self._open_of[client] = mine
        else:
            del self._open_of[client]


class RateLimit:
    """So many a second of each source, over windows of one second.

    Sources whose hashes fall on the same of the 65,536 places share its limit: the price of a memory that nobody can
    fill. `salt` makes it different in every process which ones do.
    """

    PLACES = _PLACE + 1
    MEMORY = 8 + 4 * PLACES
    """Bytes of the memory that several processes may share."""

    def __init__(self, rate: int | None, salt: int, shared: memoryview | None = None) -> None:
        """Count in `shared`, where it is given: `MEMORY` bytes, of zeros at first, and the same salt for all."""
        self.rate = rate
        self._salt = salt
        self._nothing = bytes(4 * self.PLACES)
        # An array is read a little faster than a memoryview.
        self._until: array[int] | memoryview = array("Q", [0]) if shared is None else shared[:8].cast("Q")
        self._counts: array[int] | memoryview
        self._counts = array("I", self._nothing) if shared is None else shared[8:].cast("I")

    def roll(self, now: int) -> None:
        """Begin a new window if the present one is over. To be called before a batch, not for each datagram."""
        if now >= self._until[0]:
            memoryview(self._counts).cast("B")[:] = self._nothing
            self._until[0] = now + SECOND

    def take(self, source: Hashable) -> bool:
        """Tell whether the one that `source` asks for is within its limit."""
        rate = self.rate
        if rate is None:
            return True
        place = hash((self._salt, source)) & _PLACE
        taken = self._counts[place]
        if taken >= rate:
            return False
        self._counts[place] = taken + 1
        return True

    def take_many(self, source: Hashable, number: int) -> int:
        """Return how many of the `number` that `source` asks for are within its limit."""
        if self.rate is None:
            return number
        place = hash((self._salt, source)) & _PLACE
        allowed = min(number, self.rate - self._counts[place])
        self._counts[place] += allowed
        return allowed

    def take_whole(self, source: Hashable, number: int) -> bool:
        """Tell whether all of the `number` that `source` asks for are within its limit; else none is taken."""
        if self.rate is None:
            return True
        place = hash((self._salt, source)) & _PLACE
        if self._counts[place] + number > self.rate:
            return False
        self._counts[place] += number
        return True
