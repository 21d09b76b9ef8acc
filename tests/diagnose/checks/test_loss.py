"""How much is lost, where, of which sizes, and whether in bursts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.checks.loss import Observed, duplicates, judge
from netecho.diagnose.finding import Fine, Outcome
from netecho.diagnose.run import Fate
from netecho.measure.facts import NO_FACTS
from netecho.measure.loss_reason import LossReason
from netecho.measure.oneway.loss import LossByDirection
from tests.diagnose.checks.said import codes, evidence, is_well_formed, only, words
from tests.diagnose.observations import (
    BETWEEN,
    MS,
    SIZES,
    at_random,
    between,
    in_bursts,
    losing,
    run,
    schedule,
    stamp,
    train,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def judged(which: Callable[[Fate], bool], loss: LossByDirection | None = None) -> Outcome:
    facts = NO_FACTS if loss is None else stamp(loss)
    return judge(Observed(run(losing(schedule(), which), facts=facts), "udp://host"))


def test_nothing_lost_is_fine_and_says_how_little_may_be_lost_all_the_same() -> None:
    (fine,) = judge(Observed(run(schedule()), "udp://host"))
    assert isinstance(fine, Fine)
    assert fine.sentence == "1,600 probes, none lost: less than 0.24% with 95% confidence"


def test_nothing_sent_is_not_tested() -> None:
    assert codes(judge(Observed(run([]), "udp://host"))) == []
    assert words(judge(Observed(run([]), "udp://host"))) == "no probe was sent"


@pytest.mark.parametrize(
    ("share", "severity"), [(0.006, "warning"), (0.02, "warning"), (0.1, "critical"), (0.5, "critical")]
)
@pytest.mark.parametrize("seed", range(5))
def test_independent_loss_is_loss(share: float, severity: str, seed: int) -> None:
    found = only(judged(at_random(share, seed)))
    assert (found.code, found.severity, found.confidence) == ("loss", severity, "certain")
    seen = evidence(found)
    assert isinstance(seen["loss_low"], float)
    assert isinstance(seen["loss_high"], float)
    assert seen["loss_low"] < 100 * share * 1.3
    assert 100 * share / 1.3 < seen["loss_high"]
    assert seen["burst_length"] is None


def test_one_or_two_lost_are_worth_knowing_and_no_more() -> None:
    found = only(judged(between(400 * MS, 400 * MS + 2 * BETWEEN)))
    assert (found.code, found.severity, found.confidence) == ("loss", "info", "possible")
    assert "too few to say how" in found.sentence


def test_all_lost_is_critical_loss() -> None:
    found = only(judged(lambda _: True))
    assert (found.code, found.severity) == ("loss", "critical")
    assert "100% of 1,600 probes" in found.sentence


@pytest.mark.parametrize(
    ("ways", "direction"),
    [
        (LossByDirection(forward=30, backward=2), "forward"),
        (LossByDirection(forward=1, backward=31), "backward"),
        (LossByDirection(forward=16, backward=16), "both"),
        (LossByDirection(forward=2, unknown=30), None),
        (LossByDirection(unknown=32), None),
        (None, None),
    ],
)
def test_its_direction_is_that_of_most_losses(ways: LossByDirection | None, direction: str | None) -> None:
    assert only(judged(at_random(0.02), ways)).direction == direction


# Bursts


@pytest.mark.parametrize("length", [25, 100, 150, 160, 250, 1000])
@pytest.mark.parametrize("begins", [0, 1003, 3330, 7_000])
def test_an_outage_of_all_flows_is_a_burst_whatever_sizes_and_flows_it_met(length: int, begins: int) -> None:
    found = only(judged(between(begins * MS, (begins + length) * MS)))
    assert found.code == "loss-bursts"
    assert evidence(found)["burst_length"] == length // 5


def test_two_outages_that_met_one_size_are_not_for_the_size() -> None:
    third = [n * 160 * MS for n in range(50) if n % 3 == 2]
    starts = (third[2], third[9])
    found = only(judged(lambda fate: any(start <= fate.scheduled < start + 120 * MS for start in starts)))
    assert (found.code, evidence(found)["burst_length"]) == ("loss-bursts", 24)


@pytest.mark.parametrize("seed", [*range(10), 27])
@pytest.mark.parametrize(("share", "length"), [(0.02, 5), (0.05, 10), (0.1, 3)])
def test_a_queue_that_overflows_now_and_then_loses_in_bursts(share: float, length: float, seed: int) -> None:
    assert codes(judged(in_bursts(share, length, seed))) == ["loss-bursts"]


def test_a_far_end_that_went_silent_has_the_time_of_its_last_answer() -> None:
    assert "2.00 s after the start, from when on nothing was answered" in words(judged(between(2001 * MS, 99_000 * MS)))
    assert "nothing was answered" not in words(judged(between(2001 * MS, 4000 * MS)))


def test_the_interval_of_bursts_counts_each_as_one_event() -> None:
    spread = only(judged(lambda fate: fate.scheduled // BETWEEN % 79 == 7))
    burst = only(judged(between(1000 * MS, 1000 * MS + 21 * BETWEEN)))
    assert evidence(spread)["lost"] == evidence(burst)["lost"]
    width = [seen["loss_high"] - seen["loss_low"] for seen in map(evidence, (spread, burst))]  # type: ignore[operator]
    assert width[1] > 3 * width[0]


# Sizes


def test_a_size_that_loses_more_than_others_is_named() -> None:
    random = at_random(0.3)
    found = only(judged(lambda fate: fate.size == 1200 and random(fate)))
    assert (found.code, found.severity) == ("loss-by-size", "critical")
    assert "probes of 1,200 bytes were lost" in found.sentence
    assert "bit errors" in (found.otherwise or "")
    assert evidence(found)["lost_of_160_bytes"] == 0


def test_a_size_that_never_arrives_may_be_a_black_hole() -> None:
    found = only(judged(lambda fate: fate.size > 1000))
    assert found.code == "loss-by-size"
    assert found.sentence.startswith("100% of the probes of 1,200 bytes were lost")
    assert "black hole" in (found.otherwise or "")


def test_bit_errors_lose_long_packets_more_often() -> None:
    chance = {size: at_random(size / 1200 * 0.05, size) for size in SIZES}
    assert codes(judged(lambda fate: chance[fate.size](fate))) == ["loss-by-size"]


# Flows


def one_flow_in_eight(fate: Fate) -> bool:
    return fate.connection % 8 == 3 and fate.scheduled // BETWEEN % 3 != 0


def test_what_concerns_some_flows_alone_is_for_balancing_to_say() -> None:
    assert judged(one_flow_in_eight) == ()


def test_and_for_loss_where_balancing_is_not_asked() -> None:
    lossy = run(losing(schedule(), one_flow_in_eight))
    assert codes(judge(Observed(lossy, "udp://host", by_flow=False))) == ["loss"]


# Duplicates


def test_duplicates_need_to_be_some() -> None:
    assert codes(duplicates(train(duplicate=3))) == ["duplicates"]
    assert duplicates(train(duplicate=2)) == duplicates(train()) == ()
    assert duplicates(train(5000, duplicate=3)) == ()


# Anything


FATES = st.builds(
    Fate,
    scheduled=st.integers(0, 10**10),
    connection=st.integers(0, 40),
    size=st.sampled_from([0, 64, *SIZES]),
    rtt=st.none() | st.integers(1, 10**10),
    reason=st.sampled_from(LossReason),
    corrupt_at=st.none() | st.integers(0, 1200),
)
WAYS = st.builds(LossByDirection, forward=st.integers(0, 50), backward=st.integers(0, 50), unknown=st.integers(0, 50))


@given(st.lists(FATES, max_size=200), st.none() | WAYS, st.booleans(), st.integers(0, 10))
def test_any_run_is_judged(fates: list[Fate], ways: LossByDirection | None, by_flow: bool, pending: int) -> None:
    facts = NO_FACTS if ways is None else stamp(ways)
    any_run = run(fates, pending=pending, duplicate=pending, facts=facts)
    assert is_well_formed(judge(Observed(any_run, "udp://host", by_flow=by_flow)), "loss")
    assert is_well_formed(duplicates(any_run), "loss")
    if not any(fate.rtt is None for fate in fates):
        assert codes(judge(Observed(any_run, "udp://host"))) == []


def test_where_no_loss_has_a_direction_none_is_said_to_have() -> None:
    lossy = run(losing(schedule(), at_random(0.05)), facts=stamp(LossByDirection(unknown=80)))
    found = only(judge(Observed(lossy, "stamp://host")))
    assert (found.direction, evidence(found)["lost_forward"], evidence(found)["lost_backward"]) == (None, None, None)
