"""How much load a server's clients may have: bytes and seconds for each within an hour, and for all of them together.

Load is what `nq://` gives and takes: megabytes for a request of a few bytes. So each client has a budget, and all of
them together have one, in which nobody may use more than is left for the others: whoever comes last gets less, never
nothing because one took it all. The memory is bounded by the number of clients of one hour.
"""

from __future__ import annotations

from dataclasses import dataclass

from netecho.units import SECOND

WINDOW = 3600 * SECOND
"""Nanoseconds after which every budget is whole again."""
ALL = 4
"""How many times one client's budget all of them together have."""
MOST_CLIENTS = 4096
"""Clients that are remembered within a window; further ones get nothing until the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadLimits:
    """What one client (an address; of IPv6 a /64 network) may have in an hour."""

    bytes: int = 4 << 30
    """Of downloads and uploads together."""
    time: int = 300 * SECOND
    """Nanoseconds with at least one transfer under way."""


@dataclass(slots=True)
class _Used:
    bytes: int = 0
    time: int = 0
    transfers: int = 0
    since: int = 0
    """When the first of the transfers under way began."""

    def time_at(self, now: int) -> int:
        return self.time + (now - self.since if self.transfers else 0)


class LoadBudget:
    """What each client has used of its budget; instants are nanoseconds of a monotonic clock."""

    def __init__(self, limits: LoadLimits) -> None:
        self._limits = limits
        self._clients: dict[str, _Used] = {}
        self._bytes = 0
        self._until = 0
        # Of all clients together, kept up to date: to add them up again for each transfer would be work for a flood.
        self._time = 0
        """What those took that have ended."""
        self._under_way = 0
        """Clients with transfers under way..."""
        self._since = 0
        """...and the sum of when they began."""

    def begin(self, client: str, now: int) -> str | None:
        """Count a transfer that begins; or return why it may not, and count nothing."""
        self._roll(now)
        if client not in self._clients and len(self._clients) >= MOST_CLIENTS:
            return f"{MOST_CLIENTS} clients had load in this hour"
        if self._bytes_left(client) <= 0:
            return "the budget of bytes is spent (--load-bytes)"
        if self.time_left(client, now) <= 0:
            return "the budget of time is spent (--load-time)"
        used = self._clients.setdefault(client, _Used())
        if not used.transfers:
            used.since = now
            self._under_way += 1
            self._since += now
        used.transfers += 1
        return None

    def end(self, client: str, now: int) -> None:
        """Count the end of a transfer."""
        used = self._clients[client]
        used.transfers -= 1
        if not used.transfers:
            used.time += now - used.since
            self._time += now - used.since
            self._under_way -= 1
            self._since -= used.since

    def take(self, client: str, wanted: int) -> int:
        """Return how many of the bytes that a transfer wants to move it may, and count them; 0: the budget is spent."""
        allowed = max(0, min(wanted, self._bytes_left(client)))
        self._clients[client].bytes += allowed
        self._bytes += allowed
        return allowed

    def time_left(self, client: str, now: int) -> int:
        """Return for how long a client may go on."""
        used = self._clients.get(client)
        mine = 0 if used is None else used.time_at(now)
        every = self._time + self._under_way * now - self._since
        return _fair(self._limits.time, mine, every)

    def _bytes_left(self, client: str) -> int:
        mine = self._clients[client].bytes if client in self._clients else 0
        limit = self._limits.bytes
        return _fair(limit, mine, self._bytes)

    def _roll(self, now: int) -> None:
        """Begin a new window if the present one is over; transfers under way are carried over."""
        if now < self._until:
            return
        self._until = now + WINDOW
        self._bytes = 0
        self._clients = {
            name: _Used(transfers=each.transfers, since=now) for name, each in self._clients.items() if each.transfers
        }
        self._time = 0
        self._since = self._under_way * now


def _fair(limit: int, mine: int, every: int) -> int:
    """Return how much more a client may use, such that it has not used more then than is left for the others."""
    return min(limit - mine, (ALL * limit - every - mine) // 2)
