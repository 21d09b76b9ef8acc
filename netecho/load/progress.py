"""How far a run of load is, and what it has come to so far: written by who plays it, read by who shows it."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.load.run import Loaded, Phase, Reading, Sample

RECENT = SECOND
"""Nanoseconds that the present goodput is taken over."""


class SoFar(NamedTuple):
    """What a phase has come to until now. Times in nanoseconds; None where there is no value yet."""

    phase: Phase
    goodputs: dict[Loaded, float]
    """bit/s, lately."""
    p50: int | None
    p99: int | None
    sent: int
    lost: int


class LoadProgress:
    """The phases that are planned with their lengths, which of them goes on, and all that came."""

    def __init__(self) -> None:
        self.samples: Sequence[Sample] = ()
        """All probes; it grows."""
        self.phase: Phase | None = None
        """The one that goes on; None between two."""
        self.before: list[SoFar] = []
        """Those that are over."""
        self._lengths: dict[Phase, int] = {}
        self._began = 0
        self._first = 0
        self._readings: dict[Loaded, list[Reading]] = {}

    def plan(self, lengths: dict[Phase, int]) -> None:
        """Note which phases there will be, and how many nanoseconds each takes."""
        self._lengths = lengths

    def begin(self, phase: Phase, now: int) -> None:
        """Begin with a phase, or measure its time from now."""
        self.phase, self._began, self._first, self._readings = phase, now, len(self.samples), {}

    def end(self) -> None:
        """End with it."""
        so_far = self.so_far()
        if so_far is not None:
            self.before.append(so_far)
        self.phase = None

    def arrived(self, direction: Loaded, reading: Reading) -> None:
        """Take in what a load has come to."""
        kept = self._readings.setdefault(direction, [])
        kept.append(reading)
        while kept[0].at < reading.at - RECENT:
            del kept[0]

    def place(self) -> tuple[int, int]:
        """Return the number of the phase that goes on, or comes next, and how many there are."""
        return min(len(self.before) + 1, len(self._lengths)), len(self._lengths)

    def share(self, now: int) -> tuple[float, int]:
        """Return what share of the planned time is over, and how many nanoseconds are left."""
        total = sum(self._lengths.values())
        done = sum(self._lengths[each.phase] for each in self.before)
        if self.phase is not None:
            done += max(0, min(self._lengths[self.phase], now - self._began))
        return (done / total if total else 0.0), total - done

    def so_far(self) -> SoFar | None:
        """Return what the phase that goes on has come to; None between two."""
        if self.phase is None:
            return None
        within = self.samples[self._first :]
        times = sorted(each.rtt for each in within if each.rtt is not None)
        return SoFar(
            phase=self.phase,
            goodputs={each: rate for each, kept in self._readings.items() if (rate := _rate(kept)) is not None},
            p50=round(median(times)) if times else None,
            p99=times[min(len(times) - 1, 99 * len(times) // 100)] if times else None,
            sent=len(within),
            lost=len(within) - len(times),
        )


def _rate(readings: Sequence[Reading]) -> float | None:
    took = readings[-1].at - readings[0].at
    return 8 * SECOND * (readings[-1].bytes - readings[0].bytes) / took if took else None
