"""With which ECN codepoint (RFC 3168 section 5) the packets of a run arrived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    Counts = Mapping[str, int]
    """Packets by codepoint, each of which has a number."""

Codepoint = Literal["not-ect", "ect1", "ect0", "ce"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EcnFacts:
    """How packets arrived that were sent with one codepoint; None where nobody says."""

    sent: Codepoint
    forward: Counts | None = None
    """At the far end, as its replies say (RFC 8972 section 4.4); None over UDP, whose echo cannot say."""
    backward: Counts | None = None
    """The replies, here. What they left with is the far end's choice: a netecho server's is not-ect."""
