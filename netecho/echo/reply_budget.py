"""How much may be sent to clients that ask for more than they send, in a second: to each, and to all together.

Counted when it is granted, in an array of fixed size, which all workers can share.
"""

from __future__ import annotations

from netecho.echo.limits import RateLimit
from netecho.units import SECOND

CLIENT = 2 * 1024 * 1024
"""Octets granted in a second to one client: what one request may have sent (`stamp.reply_control.VOLUME`)."""
ALL = 16 * 1024 * 1024
"""Octets granted in a second to all."""

CLIENT_SPENT = f"it asked for more than it sent, and has had {CLIENT >> 20} MiB of that in this second"
ALL_SPENT = f"it asked for more than it sent, and {ALL >> 20} MiB of that were granted in this second"

_HEAD = 16


class ReplyBudget:
    """The octets granted in this second. Processes that race for the last of them may both win."""

    MEMORY = _HEAD + RateLimit.MEMORY
    """Bytes of the memory that several processes may share."""

    def __init__(self, salt: int, shared: memoryview | None = None) -> None:
        """Count in `shared`, where it is given: `MEMORY` bytes, of zeros at first, and the same salt for all."""
        memory = memoryview(bytearray(self.MEMORY)) if shared is None else shared
        self._until = memory[:8].cast("Q")
        self._granted = memory[8:_HEAD].cast("Q")
        self._clients = RateLimit(CLIENT, salt, memory[_HEAD:])

    def take(self, client: str, octets: int, now: int) -> str | None:
        """Grant so many octets to a client; or return why not, and grant nothing."""
        self._clients.roll(now)
        if now >= self._until[0]:
            self._until[0], self._granted[0] = now + SECOND, 0
        if self._granted[0] + octets > ALL:
            return ALL_SPENT
        if not self._clients.take_whole(client, octets):
            return CLIENT_SPENT
        self._granted[0] += octets
        return None
