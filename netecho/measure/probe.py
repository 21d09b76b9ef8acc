"""One probe on its way."""

from __future__ import annotations


class Probe:
    """One probe on its way: its number on this connection, and when it was due and left."""

    __slots__ = ("index", "lag", "scheduled", "sent_at", "size", "tx_timestamp")

    def __init__(self, index: int, scheduled: int, size: int) -> None:
        self.index = index
        self.scheduled = scheduled
        self.size = size
        self.sent_at = 0
        self.lag = 0
        self.tx_timestamp: int | None = None
        """Kernel's timestamp of the send; wall clock."""
