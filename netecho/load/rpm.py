"""Responsiveness in round trips per minute, by draft-ietf-ippm-responsiveness-09 section 4.3."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Literal, NamedTuple

from netecho.load.growth import is_stable
from netecho.load.parameters import ID, MAD, TMP
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.load.run import Exchange

Confidence = Literal["low", "medium", "high"]

MINUTE = 60 * SECOND
WORDS = (("poor", 300), ("fair", 1000), ("good", 6000))
"""Each with the responsiveness it ends before; excellent beyond them."""


class Responsiveness(NamedTuple):
    """What was found."""

    rpm: float
    foreign: float
    """Round trips per minute on separate connections..."""
    loaded: float | None
    """...and on those of the load, by the TCP stack's own figure, as HTTP/1.1 carries no probes beside a transfer."""
    confidence: Confidence
    words: str


def trimmed_mean(times: Sequence[int]) -> float | None:
    """Return the mean without the largest 100 - `TMP` percent; None of nothing."""
    kept = sorted(times)[: max(1, len(times) * TMP // 100)]
    return fmean(kept) if kept else None


def responsiveness(exchanges: Sequence[Exchange], smoothed: Sequence[tuple[int, int]]) -> Responsiveness | None:
    """Return the responsiveness at the end of a phase, of what each of its intervals came to; None without probes.

    `smoothed` are instants and round trips of the load's connections. The parts of a foreign probe count alike: three
    with TLS, two without.
    """
    if not exchanges:
        return None
    last, first = max(each.at for each in exchanges), min(each.at for each in exchanges)
    number = (last - first) // ID + 1
    ends = [last - n * ID for n in reversed(range(number))]
    series = [found for end in ends if (found := _until(end, exchanges, smoothed)) is not None]
    if not series:
        return None
    rpm, foreign, loaded = series[-1]
    steady = is_stable([each[0] for each in series])
    confidence: Confidence = "low" if len(series) < MAD else "high" if steady else "medium"
    return Responsiveness(rpm, foreign, loaded, confidence, words(rpm))


def words(rpm: float) -> str:
    """Return what a responsiveness is called."""
    return next((word for word, end in WORDS if rpm < end), "excellent")


def _until(
    end: int, exchanges: Sequence[Exchange], smoothed: Sequence[tuple[int, int]]
) -> tuple[float, float, float | None] | None:
    """Return the responsiveness of the last `MAD` intervals before an instant: all in all, foreign, loaded."""
    begin = end - MAD * ID
    within = [each for each in exchanges if begin < each.at <= end]
    tcp, http = trimmed_mean([each.tcp for each in within]), trimmed_mean([each.http for each in within])
    tls = trimmed_mean([each.tls for each in within if each.tls is not None])
    if not tcp or not http:
        return None
    foreign = MINUTE / fmean([tcp, http] if tls is None else [tcp, tls, http])
    own = trimmed_mean([rtt for at, rtt in smoothed if begin < at <= end])
    if not own:
        return foreign, foreign, None
    return (foreign + MINUTE / own) / 2, foreign, MINUTE / own
