"""Playing the search for a path MTU: sizes are tried, round by round, until it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.diagnose.checks.size import PathMtu

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netecho.diagnose.mtu_search import MtuSearch, Tried
    from netecho.net.diagnose.battery import Battery

MOST_ROUNDS = 12


class Way:
    """How sizes are tried."""

    async def fates(self, sizes: Iterable[int]) -> dict[int, Tried]:
        """Try each size, all side by side; what could not be tried is left out."""
        raise NotImplementedError


async def searched(way: Way, battery: Battery, search: MtuSearch) -> PathMtu:
    """Search to the end, or as long as there is time, and return what it came to."""
    for _ in range(MOST_ROUNDS):
        sizes = search.next_sizes()
        if not sizes or battery.stopped or battery.left <= 0:
            break
        search.took(await way.fates(sizes))
    return path_mtu(search)


def path_mtu(search: MtuSearch) -> PathMtu:
    """Return what a search came to."""
    passes, fails = search.passes, search.fails
    if fails is None:
        return PathMtu(passes=passes)
    tried = search.tried[fails]
    return PathMtu(
        passes=passes, fails=fails, fate=tried.fate, detail=tried.detail, within=fails - passes if passes else 1
    )
