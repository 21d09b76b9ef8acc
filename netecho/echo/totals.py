"""What a server has done so far, in numbers that can be added up over several processes."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Totals:
    """Counts since the start; bytes are payload, as the client sees it (inside TLS)."""

    connections: int = 0
    refused: int = 0
    """Connections turned away, for whatever reason."""
    bytes_received: int = 0
    bytes_sent: int = 0
    """Both over connections that are closed, and over datagrams."""
    datagrams: int = 0
    datagrams_answered: int = 0
    datagrams_refused: int = 0
    """Left without an answer on purpose: a loop, an amplifier's port, or a source above its rate."""
    forged: int = 0
    """Of these, STAMP packets whose seal is wrong."""
    replayed: int = 0
    """Sealed STAMP packets that came again, and were answered again."""

    def add(self, other: Totals) -> None:
        """Take in what another process counted."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
