"""One-way delays without an end: corrected as the clocks are estimated lately, or as stamped where both are in time."""

from __future__ import annotations

import tracemalloc
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.measure.oneway.delays import Claim, Timestamps
from netecho.monitor.oneway import TargetOneWay
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from netecho.measure.oneway.loss import Directions

LEAST = 10 * MILLISECOND
IN_TIME = Claim(synchronised=True, error=1000)


class Path:
    """Two clocks and what is between them: `LEAST` each way, and queues that come and go."""

    def __init__(self, *, offset: int = 0, drift: float = 0.0, claim: Claim | None = None) -> None:
        self.told: list[tuple[int, int, str]] = []
        self.sessions: list[Directions] = []
        self.oneway = TargetOneWay("auto", lambda *what: self.told.append(what), self.sessions.append)
        self.flow = self.oneway.flow()
        self.offset, self.drift = offset, drift
        self.claim = claim or Claim()
        self.at = self.seq = 0

    def probe(self, forward: int, backward: int) -> None:
        self.at += SECOND
        offset = self.offset + round(self.drift * self.at)
        t1 = self.at
        t2 = t1 + forward + offset
        stamps = Timestamps(t1, t2, t2 + 1000, t1 + forward + 1000 + backward)
        self.oneway.replied(self.flow, self.seq, self.at, stamps, self.claim, self.claim)
        self.seq += 1


@given(st.integers(-SECOND, SECOND), st.lists(st.tuples(st.integers(0, SECOND), st.integers(0, SECOND)), min_size=1))
def test_the_two_delays_make_up_the_round_trip(offset: int, queues: list[tuple[int, int]]) -> None:
    path = Path(offset=offset)
    for forward, backward in queues:
        path.probe(LEAST + forward, LEAST + backward)
    for (forward, backward, clock), queued in zip(path.told, queues, strict=True):
        assert (forward + backward, clock) == (2 * LEAST + sum(queued), "estimated")


@pytest.mark.parametrize("drift", [0.0, 50e-6, -50e-6])
def test_a_queue_is_in_its_direction_however_far_apart_the_clocks_are_and_drift(drift: float) -> None:
    path, random = Path(offset=3600 * SECOND, drift=drift), Random(1)
    for _ in range(600):
        path.probe(LEAST + random.randrange(MILLISECOND), LEAST + random.randrange(MILLISECOND))
    path.probe(LEAST + 50 * MILLISECOND, LEAST)
    forward, backward, _ = path.told[-1]
    assert abs(forward - 60 * MILLISECOND) < MILLISECOND
    assert abs(backward - LEAST) < MILLISECOND


def test_delays_are_as_stamped_where_both_ends_are_in_time() -> None:
    path = Path(claim=IN_TIME)
    path.probe(LEAST, 3 * LEAST)
    assert path.told == [(LEAST, 3 * LEAST, "synced")]


def test_a_clock_that_is_in_time_only_later_counts_from_then_on() -> None:
    path = Path()
    path.probe(LEAST, 3 * LEAST)
    path.claim = IN_TIME
    path.probe(LEAST, 3 * LEAST)
    assert [clock for *_, clock in path.told] == ["estimated", "synced"]


def test_it_takes_a_few_kilobytes_however_long_it_goes_on() -> None:
    tracemalloc.start()
    try:
        path = Path()
        _go_on(path, 500)
        first = _ours()
        _go_on(path, 2000)
        then = _ours()
    finally:
        tracemalloc.stop()
    assert first < 50_000
    assert then - first < 5_000


def _go_on(path: Path, count: int) -> None:
    for n in range(count):
        path.probe(LEAST + n, LEAST)
        path.sessions[0].replied(path.seq, path.seq)
        path.told.clear()  # each at once: of many Python keeps the memory


def _ours() -> int:
    """What netecho's own lines hold; the rest of the process may do as it likes meanwhile."""
    ours = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(inclusive=True, filename_pattern="*/netecho/*")]
    )
    return sum(trace.size for trace in ours.traces)
