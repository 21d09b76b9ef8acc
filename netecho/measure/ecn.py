"""Explicit Congestion Notification (RFC 3168 section 5): its codepoints, and counting them as packets arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netecho.measure.facts.ecn import Codepoint, Counts, EcnFacts

CODEPOINTS: tuple[Codepoint, ...] = ("not-ect", "ect1", "ect0", "ce")
"""In the order of their values, 0 to 3: not capable of ECN, capable (1), capable (0), congestion experienced."""


def value_of(codepoint: Codepoint | None) -> int:
    """Return the two bits of a codepoint; those of not-ect where none was chosen."""
    return 0 if codepoint is None else CODEPOINTS.index(codepoint)


class EcnCounter:
    """Counts the replies of a run, those of the warm-up left out. Late and duplicate replies say as much as others."""

    def __init__(self, sent: Codepoint, warmup: int = 0) -> None:
        self._sent = sent
        self._warmup = warmup
        self._forward = [0, 0, 0, 0]
        self._backward = [0, 0, 0, 0]

    def replied(self, probe: int, *, far: int | None = None, here: int | None = None) -> None:
        """Take in the reply to a probe: what that arrived with at the `far` end, and the reply `here`."""
        if probe < self._warmup:
            return
        if far is not None:
            self._forward[far] += 1
        if here is not None:
            self._backward[here] += 1

    def facts(self) -> EcnFacts:
        """Return what was counted."""
        from netecho.measure.facts.ecn import EcnFacts

        return EcnFacts(sent=self._sent, forward=_counts(self._forward), backward=_counts(self._backward))


def _counts(counted: list[int]) -> Counts | None:
    return dict(zip(CODEPOINTS, counted, strict=True)) if any(counted) else None
