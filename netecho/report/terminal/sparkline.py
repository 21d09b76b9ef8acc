"""A row of numbers as a row of characters."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.-=+*#@"
_SPAN = 4.0
"""A time so many times the shortest one shown is as high as a column gets, unless longer ones are shown."""


def of_times(times: Sequence[float | None], levels: str = BLOCKS) -> str:
    """Return a character for each time, on a logarithmic scale from the shortest; `x` where there is none."""
    seen = [time for time in times if time is not None and time > 0]
    if not seen:
        return "x" * len(times)
    low = min(seen)
    scale = (len(levels) - 1) / log(max(_SPAN, max(seen) / low))
    return "".join("x" if time is None else levels[round(log(max(time, low) / low) * scale)] for time in times)


def of_amounts(amounts: Sequence[float], levels: str = BLOCKS) -> str:
    """Return a character for each amount, on a linear scale from nothing, which is a blank, to the largest."""
    largest = max(amounts, default=0)
    return "".join(levels[int((len(levels) - 1) * amount / largest)] if amount > 0 else " " for amount in amounts)
