"""Figures in the sentences of findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from netecho.diagnose.finding import Direction
    from netecho.diagnose.statistics import Interval

ON_THE_WAY: dict[Direction | None, str] = {
    "forward": "on the way there",
    "backward": "on the way back",
    "both": "in both directions",
    None: "in a direction that is not known",
}


def time(nanoseconds: float) -> str:
    """Return a time, about three digits of it: 0.123 ms, 12.3 ms, 2.50 s."""
    if abs(nanoseconds) >= SECOND:
        return f"{nanoseconds / SECOND:,.2f} s"
    value = nanoseconds / MILLISECOND
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{digits}f} ms"


def percent(share: float) -> str:
    """Return a share of 1: 0.13%, 2.1%, 31%."""
    value = 100 * share
    if value >= 10 or value == 0:
        return f"{value:.0f}%"
    return f"{value:.1f}%" if value >= 1 else f"{value:.2f}%"


def rate(bits: float) -> str:
    """Return a rate of bit/s in three digits: 2.05 Mbit/s, 940 Mbit/s, 1.2 Gbit/s, 300 kbit/s."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if bits >= size:
            return f"{float(f'{bits / size:.3g}'):,g} {unit}bit/s"
    return f"{bits:.0f} bit/s"


def between(interval: Interval) -> str:
    """Return an interval of shares: between 1.2% and 3.4%."""
    return f"between {percent(interval.low)} and {percent(interval.high)}"


def many(count: int, thing: str) -> str:
    """Return a number of things: 1 probe, 2 probes, 1,000 probes."""
    return f"{count:,} {thing if count == 1 else thing + 's'}"
