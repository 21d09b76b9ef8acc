"""Each direction by itself, from T1 to T4 by two clocks that need not agree."""

import random
from itertools import count
from typing import Any

import pytest
from hypothesis import given, strategies as st

from netecho.measure.oneway.delays import BLOCK, Claim, Flow, InvalidTimestamps, OneWay, OneWaySummary, Timestamps

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
HOUR = 3600 * SECOND
NOW = 1_795_412_400 * SECOND
UNSURE = Claim()
SURE = Claim(True, 1_000)


def stamps(at: int, forward: int, kept: int, backward: int, offset: int = 0) -> Timestamps:
    """A probe's that left at `at`, with the far clock ahead by `offset`."""
    t2 = at + forward + offset
    return Timestamps(at, t2, t2 + kept, at + forward + kept + backward)


class Run:
    """Probes a second apart, and what they come to."""

    def __init__(self, choice: str = "auto", here: Claim = UNSURE, there: Claim = UNSURE, warmup: int = 0) -> None:
        self.oneway = OneWay(choice, warmup=warmup)  # type: ignore[arg-type]
        self.flow: Flow = self.oneway.flow()
        self.here, self.there = here, there
        self.seqs = count()

    def probe(self, forward: int, backward: int, kept: int = 50_000, offset: int = 0) -> None:
        seq = next(self.seqs)
        at = NOW + seq * SECOND
        self.tell(seq, stamps(at, forward, kept, backward, offset))

    def tell(self, seq: int, probe: Timestamps) -> tuple[int, InvalidTimestamps | None]:
        took = self.oneway.check(probe, probe.t4 - probe.t1, self.here, self.there)
        if took[1] is None:
            self.oneway.replied(self.flow, seq, seq * SECOND, probe, self.here, self.there)
        return took

    def summary(self, lost: int = 0) -> OneWaySummary:
        return self.oneway.summary(lost)


class TestDelays:
    def test_nothing(self) -> None:
        summary = OneWay().summary()
        assert (summary.clock, summary.line) == (None, None)
        assert summary.forward.delay.count == summary.backward.delay.count == summary.processing.count == 0
        assert (summary.forward.lost, summary.backward.lost) == (0, 0)

    def test_as_stamped_where_the_clocks_are_said_to_agree(self) -> None:
        run = Run("synced")
        for _ in range(100):
            run.probe(20 * MILLISECOND, 5 * MILLISECOND)
        summary = run.summary()
        assert summary.clock == "synced"
        assert (summary.forward.delay.p50, summary.backward.delay.p50) == (20 * MILLISECOND, 5 * MILLISECOND)
        assert summary.processing.max == 50_000

    def test_a_delay_below_zero_is_shown_as_it_is(self) -> None:
        run = Run("synced")
        run.probe(20 * MILLISECOND, 5 * MILLISECOND, offset=-SECOND)
        summary = run.summary()
        assert summary.forward.delay.min == -980 * MILLISECOND
        assert summary.backward.delay.min == 1005 * MILLISECOND

    @pytest.mark.parametrize("offset", [-HOUR, -SECOND, 0, 3, HOUR])
    def test_corrected_by_the_estimate_the_offset_is_gone_and_the_paths_are_as_if_they_were_equal(
        self, offset: int
    ) -> None:
        run = Run("estimated")
        for _ in range(100):
            run.probe(20 * MILLISECOND, 5 * MILLISECOND, offset=offset)
        summary = run.summary()
        assert summary.clock == "estimated"
        assert summary.line is not None
        assert summary.line.offset == offset + 7.5 * MILLISECOND
        assert summary.forward.delay.p50 == pytest.approx(12.5 * MILLISECOND, abs=1)
        assert summary.backward.delay.p50 == pytest.approx(12.5 * MILLISECOND, abs=1)

    def test_corrected_delays_follow_the_drift(self) -> None:
        run = Run("estimated")
        for seq in range(5 * BLOCK):
            run.probe(MILLISECOND, MILLISECOND, offset=SECOND + seq * 50_000)  # 50 ppm: 256 ms in all
        summary = run.summary()
        assert summary.line is not None
        assert summary.line.drift is not None
        assert summary.line.drift * 1e6 == pytest.approx(50, rel=1e-3)
        for direction in (summary.forward, summary.backward):
            assert direction.delay.count == 5 * BLOCK
            assert direction.delay.min == pytest.approx(MILLISECOND, abs=5_000)
            assert direction.delay.max == pytest.approx(MILLISECOND, abs=5_000)

    def test_a_large_offset_costs_no_precision(self) -> None:
        run = Run("synced")
        run.probe(MILLISECOND, MILLISECOND, offset=50 * SECOND)
        for forward in range(MILLISECOND, 2 * MILLISECOND, 1000):
            run.probe(forward, MILLISECOND, offset=50 * SECOND)
        assert run.summary().forward.delay.p50 == pytest.approx(50 * SECOND + 1.5 * MILLISECOND, abs=2_000)

    def test_a_summary_may_be_asked_for_at_any_time(self) -> None:
        run = Run("synced")
        for done in (1, 2, 3):
            for _ in range(700):
                run.probe(MILLISECOND, MILLISECOND)
            assert run.summary().forward.delay.count == 700 * done

    @given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 10**9)), min_size=1, max_size=50))
    def test_forward_and_backward_make_the_round_trip(self, ways: list[tuple[int, int]]) -> None:
        for choice in ("synced", "estimated"):
            run = Run(choice)
            for forward, backward in ways:
                run.probe(forward, backward, offset=12_345)
            summary = run.summary()
            assert summary.forward.delay.mean is not None
            assert summary.backward.delay.mean is not None
            together = summary.forward.delay.mean + summary.backward.delay.mean
            assert together == pytest.approx(sum(map(sum, ways)) / len(ways), abs=1)

    def test_memory_does_not_grow_with_the_run(self) -> None:
        run = Run()
        for _ in range(10 * BLOCK):
            run.probe(MILLISECOND, MILLISECOND)
            assert len(run.oneway._block) + len(run.oneway._drained) < 2 * BLOCK


class TestVariation:
    def test_by_direction_and_whatever_the_clocks(self) -> None:
        run = Run()
        for seq in range(100):
            run.probe((10 + seq % 2) * MILLISECOND, 5 * MILLISECOND, offset=-HOUR if seq < 0 else 30 * SECOND)
        summary = run.summary()
        assert summary.forward.ipdv_mean_abs == MILLISECOND
        assert summary.forward.jitter_rfc3550 == pytest.approx(MILLISECOND, rel=0.01)
        assert summary.forward.pdv_p99 == MILLISECOND
        assert summary.backward.ipdv_mean_abs == summary.backward.jitter_rfc3550 == 0

    def test_one_probe_has_none(self) -> None:
        run = Run()
        run.probe(MILLISECOND, MILLISECOND)
        summary = run.summary()
        assert summary.forward.ipdv_mean_abs is summary.forward.jitter_rfc3550 is None
        assert summary.forward.pdv_p99 == 0

    def test_connections_are_no_neighbours_but_share_the_clocks(self) -> None:
        run = Run()
        other = run.oneway.flow()
        for seq in range(10):
            run.probe(10 * MILLISECOND, MILLISECOND)
            at = stamps(NOW + seq * SECOND, 20 * MILLISECOND, 0, MILLISECOND)
            run.oneway.replied(other, seq, seq * SECOND, at, UNSURE, UNSURE)
        summary = run.summary()
        assert summary.forward.ipdv_mean_abs == 0
        assert summary.forward.delay.count == 20


class TestClock:
    @pytest.mark.parametrize(
        ("here", "there", "clock"),
        [
            (SURE, SURE, "synced"),
            (UNSURE, SURE, "estimated"),
            (SURE, UNSURE, "estimated"),
            (Claim(True, None), SURE, "estimated"),
            (Claim(True, MILLISECOND), Claim(True, MILLISECOND), "synced"),  # within is 2 ms
            (Claim(True, MILLISECOND), Claim(True, MILLISECOND + 1), "estimated"),
        ],
    )
    def test_in_doubt_the_smaller_error(self, here: Claim, there: Claim, clock: str) -> None:
        run = Run("auto", here, there)
        run.probe(3 * MILLISECOND, MILLISECOND)
        assert run.summary().clock == clock

    def test_the_worst_that_was_said_counts(self) -> None:
        run = Run("auto", SURE, SURE)
        run.probe(3 * MILLISECOND, MILLISECOND)
        run.there = Claim(False, 5_000)
        run.probe(3 * MILLISECOND, MILLISECOND)
        run.there = SURE
        run.probe(3 * MILLISECOND, MILLISECOND)
        summary = run.summary()
        assert summary.clock == "estimated"
        assert (summary.here, summary.there) == (SURE, Claim(False, 5_000))

    @pytest.mark.parametrize("choice", ["synced", "estimated"])
    def test_what_was_asked_for_is_what_is_done(self, choice: str) -> None:
        for claim in (SURE, UNSURE):
            run = Run(choice, claim, claim)
            run.probe(MILLISECOND, MILLISECOND)
            assert run.summary().clock == choice


class TestNonsense:
    def good(self) -> Timestamps:
        return stamps(NOW, MILLISECOND, 50_000, MILLISECOND)

    @pytest.mark.parametrize(
        ("change", "kept", "wrong"),
        [
            ({}, 50_000, None),
            ({"unset": True}, 0, InvalidTimestamps.ZERO),
            ({"t3": NOW + MILLISECOND - 1}, 0, InvalidTimestamps.BACKWARDS),
            ({"t3": NOW + 4 * MILLISECOND}, 0, InvalidTimestamps.LONGER),
            ({"t2": NOW + HOUR, "t3": NOW + HOUR + 5}, 5, InvalidTimestamps.FUTURE),
            ({"t2": NOW - HOUR, "t3": NOW - HOUR + 5}, 5, InvalidTimestamps.PAST),
            ({"t2": NOW + 59 * SECOND, "t3": NOW + 59 * SECOND + 5}, 5, None),
            ({"t2": NOW - 59 * SECOND, "t3": NOW - 59 * SECOND + 5}, 5, None),
        ],
    )
    def test_is_counted_and_said_and_the_rest_goes_on(
        self, change: dict[str, Any], kept: int, wrong: InvalidTimestamps | None
    ) -> None:
        run = Run()
        run.tell(0, self.good())
        assert run.tell(1, self.good()._replace(**change)) == (kept, wrong)
        run.tell(2, self.good())
        summary = run.summary()
        assert summary.invalid_timestamps == {each: int(each is wrong) for each in InvalidTimestamps}
        assert summary.forward.delay.count == (3 if wrong is None else 2)

    def test_kept_as_long_as_the_round_trip_leaves_nothing_for_the_network(self) -> None:
        assert Run().tell(0, stamps(NOW, 0, 50_000, 0))[1] is InvalidTimestamps.LONGER
        assert Run().tell(0, stamps(NOW, 0, 50_000, 1))[1] is None

    def test_of_clocks_that_follow_utc_less_is_tolerated(self) -> None:
        ahead = stamps(NOW, MILLISECOND, 5, MILLISECOND, 2 * SECOND)
        assert Run(here=SURE, there=SURE).tell(0, ahead)[1] is InvalidTimestamps.FUTURE
        assert Run(here=SURE).tell(0, ahead)[1] is None

    def test_where_the_clocks_may_differ_only_what_differs_from_the_rest_is_odd(self) -> None:
        run = Run("estimated")
        for seq in range(10):
            assert run.tell(seq, stamps(NOW + seq * SECOND, MILLISECOND, 5, MILLISECOND, 5 * HOUR))[1] is None
        assert (
            run.tell(10, stamps(NOW + 10 * SECOND, MILLISECOND, 5, MILLISECOND, 6 * HOUR))[1]
            is InvalidTimestamps.FUTURE
        )
        assert run.tell(11, stamps(NOW + 11 * SECOND, MILLISECOND, 5, MILLISECOND))[1] is InvalidTimestamps.PAST
        assert run.tell(12, stamps(NOW + 12 * SECOND, MILLISECOND, 5, MILLISECOND, 5 * HOUR))[1] is None

    @given(*(st.integers(0, 2**63) for _ in range(4)), st.booleans())
    def test_any_stamps_are_judged(self, t1: int, t2: int, t3: int, t4: int, unset: bool) -> None:
        for choice in ("auto", "synced", "estimated"):
            run = Run(choice)
            kept, wrong = run.tell(0, Timestamps(t1, t2, t3, t4, unset))
            assert kept >= 0
            if wrong is None:
                assert kept < t4 - t1
            run.summary()


class TestLoss:
    def test_by_direction_where_the_reflector_counts(self) -> None:
        run = Run()
        for number, reply_number in ((0, 0), (2, 1), (5, 3)):
            run.flow.directions.replied(number, reply_number)
        summary = run.summary(lost=3)
        assert (summary.stateful, summary.forward.lost, summary.backward.lost) == (True, 2, 1)

    def test_nobody_knows_where_it_does_not(self) -> None:
        run = Run()
        for number in (0, 2, 5):
            run.flow.directions.replied(number, number, stateful=False)
        summary = run.summary(lost=3)
        assert (summary.stateful, summary.forward.lost, summary.backward.lost) == (False, None, None)

    def test_nothing_lost_is_nothing_lost_in_either(self) -> None:
        run = Run()
        run.flow.directions.replied(0, 0)
        summary = run.summary()
        assert (summary.stateful, summary.forward.lost, summary.backward.lost) == (None, 0, 0)

    def test_connections_add_up(self) -> None:
        run = Run()
        for flow in (run.flow, run.oneway.flow()):
            for number, reply_number in ((0, 0), (2, 1)):
                flow.directions.replied(number, reply_number)
        assert run.summary(lost=2).forward.lost == 2


def test_the_offset_of_two_clocks_that_are_one_is_nothing() -> None:
    luck = random.Random(7)
    run = Run()
    for _ in range(1000):
        run.probe(20_000 + int(luck.expovariate(1 / 15_000)), 20_000 + int(luck.expovariate(1 / 15_000)))
    line = run.summary().line
    assert line is not None
    assert abs(line.offset) < 2_000
