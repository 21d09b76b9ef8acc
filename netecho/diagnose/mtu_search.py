"""Finding the largest packet that gets through, by few packets: which sizes to try next, from what became of others.

Sizes are bytes of whole IP packets. The first round tries the sizes that links and tunnels have; each further one
divides what is left into parts. A size that failed is tried again before it is believed, as it may have been a loss.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

USUAL = (576, 1280, 1380, 1400, 1420, 1428, 1436, 1450, 1454, 1460, 1472, 1480, 1492, 1500, 4352, 9000)
"""Path MTUs that are met: dial-up's old one, IPv6's least, tunnels of all kinds, PPPoE, Ethernet, jumbo frames."""
LARGEST = 9216
PARTS = 8
"""Sizes of a further round."""

Fate = Literal["passed", "vanished", "refused", "local"]
"""It came through; it did not, without a word; a router said that it is too large; this host's interface refused it."""


class Tried(NamedTuple):
    """What became of one size."""

    fate: Fate
    mtu: int | None = None
    """What the router, or this host, named."""
    detail: str = ""
    """Who said it."""


@dataclass(slots=True)
class MtuSearch:
    """The state of one search."""

    step: int = 1
    """Only multiples of it are tried."""
    tried: dict[int, Tried] = field(default_factory=dict)
    _confirmed: set[int] = field(default_factory=set)

    @property
    def passes(self) -> int | None:
        """The largest size that came through; None: none did."""
        return max((size for size, tried in self.tried.items() if tried.fate == "passed"), default=None)

    @property
    def fails(self) -> int | None:
        """The smallest size above that which did not; None: none did not."""
        least = self.passes or 0
        return min(
            (size for size, tried in self.tried.items() if tried.fate != "passed" and size > least), default=None
        )

    def next_sizes(self) -> list[int]:
        """Return what to try now; empty when the search is over."""
        if not self.tried:
            return sorted({self._fit(size) for size in USUAL})
        passes, fails = self.passes, self.fails
        if passes is None:
            return []
        if fails is None:
            return [self._fit(LARGEST)] if passes < self._fit(LARGEST) else []
        if fails - passes > self.step:
            width = max(self.step, (fails - passes) // PARTS)
            sizes = {self._fit(passes + width * n) for n in range(1, PARTS + 1)}
            named = self.tried[fails].mtu  # what was said is tried first, and believed only then
            if named is not None:
                sizes |= {self._fit(named), self._fit(named) + self.step}
            return sorted(size for size in sizes if passes < size < fails)
        return [fails] if fails not in self._confirmed and self.tried[fails].fate == "vanished" else []

    def took(self, fates: Mapping[int, Tried]) -> None:
        """Take in what became of the sizes of a round."""
        for size, tried in fates.items():
            if size in self.tried:
                self._confirmed.add(size)
            if size not in self.tried or tried.fate == "passed":
                self.tried[size] = tried

    def _fit(self, size: int) -> int:
        return size // self.step * self.step
