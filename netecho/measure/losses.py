"""What the lost probes of a run were lost by: by the reason with its detail, how many, the first and the last."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from netecho.measure.loss_reason import Loss, LossReason

MOST = 32
"""So many are told apart. What is learnt later is counted by its reason alone: routers and peers choose the details."""


class Losses(NamedTuple):
    """The probes that were lost by one reason with one detail. Times in nanoseconds since the start of the run."""

    why: Loss
    lost: int
    first: int
    """When the first of them was scheduled."""
    last: int


class LossCounts:
    """Counts the lost probes of a run, in bounded memory."""

    __slots__ = ("_kinds",)

    def __init__(self) -> None:
        self._kinds: dict[Loss, Losses] = {}

    def lost(self, why: Loss, scheduled: int) -> None:
        """Count a probe that was scheduled so many nanoseconds after the start of the run."""
        kinds = self._kinds
        if why.detail and why not in kinds and len(kinds) >= MOST:
            why = Loss(why.reason)
        known = kinds.get(why)
        if known is None:
            kinds[why] = Losses(why, 1, scheduled, scheduled)
        else:
            kinds[why] = Losses(why, known.lost + 1, min(known.first, scheduled), max(known.last, scheduled))

    def all(self) -> tuple[Losses, ...]:
        """Return each reason and detail that occurred, in descending order of how many were."""
        return tuple(sorted(self._kinds.values(), key=lambda losses: -losses.lost))


def by_reason(losses: tuple[Losses, ...]) -> dict[LossReason, int]:
    """Return how many were lost by each reason that occurred, in descending order."""
    counts: Counter[LossReason] = Counter()
    for each in losses:
        counts[each.why.reason] += each.lost
    return dict(counts.most_common())
