"""Policers and shapers, played packet by packet."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.checks.rate import HEADERS, Observed, judge, limit, narrow, of_flows
from netecho.diagnose.run import Fate
from netecho.measure.events import OneWayDelays
from netecho.measure.loss_reason import LossReason
from netecho.measure.oneway.loss import LossByDirection
from netecho.units import SECOND
from tests.diagnose.checks.said import codes, evidence, is_well_formed, only, words
from tests.diagnose.observations import MS, run, stamp

if TYPE_CHECKING:
    from netecho.diagnose.run import Run

SIZE = 1200
WAY = 10 * MS
"""What each direction takes without a queue, by clocks that are 7 s apart."""
APART = 7 * SECOND


def sent(rate: int, seconds: float) -> list[int]:
    """When packets leave that make so many bit/s."""
    interval = 8 * (SIZE + HEADERS) * SECOND // rate
    return [n * interval for n in range(int(seconds * SECOND / interval))]


def observed(
    waits: list[int | None], times: list[int], direction: Literal["forward", "backward"], size: int = SIZE
) -> Run:
    """A run in which each packet waited so long in one direction; None: it was dropped."""
    fates = []
    for at, wait in zip(times, waits, strict=True):
        if wait is None:
            fates.append(Fate(at, 0, size, None, LossReason.TIMEOUT))
            continue
        there, back = (wait, 0) if direction == "forward" else (0, wait)
        delays = OneWayDelays(WAY + there + APART, WAY + back - APART, 50_000)
        fates.append(Fate(at, 0, size, 2 * WAY + wait, delays=delays))
    lost = sum(wait is None for wait in waits)
    loss = LossByDirection(forward=lost) if direction == "forward" else LossByDirection(backward=lost)
    return run(fates, facts=stamp(loss))


def policed(times: list[int], rate: int, bucket: int) -> list[int | None]:
    """A token bucket that drops what it has no tokens for."""
    tokens, before, waits = float(bucket), 0, []
    for at in times:
        tokens, before = min(bucket, tokens + rate * (at - before) / (8 * SECOND)), at
        passes = tokens >= SIZE + HEADERS
        tokens -= (SIZE + HEADERS) * passes
        waits.append(0 if passes else None)
    return waits


def shaped(times: list[int], rate: int, longest: int) -> list[int | None]:
    """A queue that is served at a rate, and drops what would wait longer."""
    free, waits = 0, []
    each = 8 * (SIZE + HEADERS) * SECOND // rate
    for at in times:
        wait = max(0, free - at)
        waits.append(None if wait > longest else wait + each)
        if wait <= longest:
            free = max(free, at) + each
    return waits


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize(("rate", "bucket"), [(2_000_000, 30_000), (2_000_000, 270_000), (10_000_000, 100_000)])
def test_a_policer_is_told_with_rate_and_burst(
    direction: Literal["forward", "backward"], rate: int, bucket: int
) -> None:
    times = sent(2 * rate, 4)
    found = limit(observed(policed(times, rate, bucket), times, direction))
    assert found is not None
    assert (found.kind, found.direction) == ("policer", direction)
    assert found.rate == pytest.approx(rate, rel=0.05)
    assert found.burst == pytest.approx(bucket, rel=0.15)


def test_what_a_machine_sends_at_once_after_a_standstill_waits_and_is_no_limit() -> None:
    times = [1300 * MS if 1000 * MS < at < 1300 * MS else at for at in sent(1_000_000, 2)]
    waits = shaped(times, 2_000_000, 200 * MS)
    assert sum(wait is None or wait > 20 * MS for wait in waits) > 0.1 * len(waits)
    assert limit(observed(waits, times, "backward")) is None


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("longest", [50 * MS, 200 * MS, 2 * SECOND])
def test_a_shaper_is_told_with_rate_and_queue(direction: Literal["forward", "backward"], longest: int) -> None:
    times = sent(4_000_000, 4)
    found = limit(observed(shaped(times, 2_000_000, longest), times, direction))
    assert found is not None
    assert (found.kind, found.direction) == ("shaper", direction)
    assert found.rate == pytest.approx(2_000_000, rel=0.05)
    assert found.queue == pytest.approx(min(longest, 2 * SECOND), rel=0.15, abs=6 * MS)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize(("rate", "longest"), [(1_000_000, 300 * MS), (900_000, 50 * MS), (500_000, 3 * SECOND)])
def test_a_queue_that_fills_while_flows_are_watched_is_told_with_its_rate(
    direction: Literal["forward", "backward"], rate: int, longest: int
) -> None:
    times = sent(1_100_000, 8)
    queued = observed(shaped(times, rate, longest), times, direction)
    found = only(of_flows(queued))
    assert (found.code, found.direction) == ("shaper", direction)
    assert found.severity == ("warning" if queued.lost else "info")
    assert evidence(found)["rate"] == pytest.approx(rate, rel=0.05)
    assert evidence(found)["offered"] == pytest.approx(1_100_000, rel=0.02)


def test_packets_that_wait_as_long_as_they_do_and_all_get_through_are_no_limit() -> None:
    """Radio: delays of tens of milliseconds, and no queue of ours."""
    random, times = Random(3), sent(1_100_000, 8)
    assert narrow(observed([random.randrange(60 * MS) for _ in times], times, "forward")) is None
    assert narrow(observed([40 * MS if at > SECOND else 0 for at in times], times, "forward")) is None
    for share in (0.02, 0.1, 0.4):
        lossy = [None if random.random() < share else random.randrange(60 * MS) for _ in times]
        assert narrow(observed(lossy, times, "forward")) is None


def test_below_its_rate_neither_shows() -> None:
    times = sent(1_000_000, 2)
    assert limit(observed(policed(times, 2_000_000, 30_000), times, "forward")) is None
    assert limit(observed(shaped(times, 2_000_000, 200 * MS), times, "forward")) is None


def test_a_loss_of_two_in_a_hundred_is_no_limit() -> None:
    times = sent(8_000_000, 2)
    assert limit(observed([None if n % 50 == 7 else 0 for n in range(len(times))], times, "forward")) is None


def test_losses_in_clumps_are_no_limit() -> None:
    """A machine that stalls now and then, at either end, drops what comes meanwhile."""
    times = sent(8_000_000, 4)
    stalled = observed([None if (at // (250 * MS)) % 4 == 3 else 0 for at in times], times, "forward")
    assert "not as a limit loses them" in words(judge(Observed([(8_000_000, stalled)])))


def test_without_a_limit_it_is_said_how_fast_it_went() -> None:
    times = sent(8_000_000, 2)
    outcome = judge(Observed([(8_000_000, observed([0] * len(times), times, "forward"))]))
    assert codes(outcome) == []
    assert "8 Mbit/s in each direction pass" in words(outcome)


def test_what_a_late_machine_sent_says_nothing() -> None:
    times = sent(8_000_000, 2)
    late = run([Fate(at, 0, SIZE, 2 * WAY) for at in times], lag=SECOND)
    assert words(judge(Observed([(8_000_000, late)]))) == "this machine did not keep up with 8 Mbit/s"
    in_time = observed([0] * len(times), times, "forward")
    assert words(judge(Observed([(4_000_000, in_time), (8_000_000, late)]))) == (
        "4 Mbit/s in each direction pass without loss or queue\nthis machine did not keep up with 8 Mbit/s"
    )


def test_a_finding_says_rate_and_kind() -> None:
    times = sent(4_000_000, 4)
    found = only(judge(Observed([(4_000_000, observed(policed(times, 2_000_000, 30_000), times, "forward"))])))
    assert (found.code, found.severity) == ("policer", "warning")
    assert "above 2 Mbit/s is dropped on the way there, and nothing waits" in found.sentence
    assert evidence(found)["offered"] == 4_000_000
    times = sent(4_000_000, 4)
    found = only(judge(Observed([(4_000_000, observed(shaped(times, 2_000_000, 200 * MS), times, "backward"))])))
    assert (found.code, found.severity) == ("shaper", "info")


WAITS = st.lists(st.none() | st.integers(0, 10**9), min_size=1, max_size=50)


@given(WAITS, st.sampled_from(["forward", "backward"]), st.integers(0, 10**6))
def test_whatever_was_observed_is_judged(
    waits: list[int | None], direction: Literal["forward", "backward"], gap: int
) -> None:
    what = observed(waits, [n * gap for n in range(len(waits))], direction)
    assert is_well_formed(judge(Observed([(1_000_000, what)])), "rate")
