"""How the replies of a run over UDP arrived."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpFacts:
    """How replies arrived, as the latest one's headers say, and what this machine dropped."""

    dropped_here: int | None = None
    """Datagrams for which the socket's receive buffer had no room."""
    reply_ttl: int | None = None
    reply_dscp: int | None = None
    reply_ecn: int | None = None
