"""Equal paths of which one is bad, and packets that overtake each other."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.checks.balancing import Observed, judge
from netecho.measure.loss_reason import LossReason
from netecho.measure.oneway.loss import LossByDirection
from tests.diagnose.checks.said import codes, evidence, is_well_formed, only, words
from tests.diagnose.checks.test_loss import FATES
from tests.diagnose.observations import (
    BETWEEN,
    FIRST_PORT,
    FLOWS,
    MS,
    at_random,
    between,
    delaying,
    losing,
    run,
    schedule,
    stamp,
    train,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.diagnose.finding import Outcome
    from netecho.diagnose.run import Fate, Run


def judged(
    lost: Callable[[Fate], bool] = lambda _: False,
    by: Callable[[Fate], float] = lambda _: 0,
    *,
    flows: int = FLOWS,
    beside: Run | None = None,
) -> Outcome:
    observed = run(delaying(losing(schedule(flows), lost), by))
    return judge(Observed(observed, beside or train(), "udp://host"))


def on_path(path: int, of: int) -> Callable[[Fate], bool]:
    """Choose the flows that a router would send over one of several paths."""
    chosen = {flow for flow in range(FLOWS) if Random(f"hash {flow}").randrange(of) == path}
    return lambda fate: fate.connection in chosen


def test_flows_that_fare_alike_are_fine_and_so_is_their_order() -> None:
    assert codes(judged()) == []
    assert words(judged()) == (
        "32 source ports fare alike: no bad member among equal paths\n500 packets in close order, none overtook another"
    )


def test_what_this_machine_dropped_is_no_paths_fault() -> None:
    lost = losing(schedule(FLOWS), on_path(0, 4))
    dropped = [fate._replace(reason=LossReason.DROPPED_HERE) if fate.rtt is None else fate for fate in lost]
    assert codes(judge(Observed(run(lost), train(), "udp://host"))) != []
    assert codes(judge(Observed(run(dropped), train(), "udp://host"))) == []


# Loss


@pytest.mark.parametrize("paths", [2, 4, 8])
@pytest.mark.parametrize("elsewhere", [0, 0.01])
def test_a_path_that_loses_is_told_by_its_ports(paths: int, elsewhere: float) -> None:
    bad, here, there = on_path(1, paths), at_random(0.4), at_random(elsewhere, 2)
    found = only(judged(lambda fate: here(fate) if bad(fate) else there(fate)))
    assert (found.code, found.severity) == ("bad-path-loss", "critical")
    ports = {FIRST_PORT + flow for flow in range(FLOWS) if bad(schedule(FLOWS, 1)[flow])}
    assert {int(port) for port in str(evidence(found)["bad_ports"]).split()} == ports
    assert evidence(found)["bad_flows"] == len(ports)


def test_it_has_the_direction_of_its_losses() -> None:
    lossy = run(losing(schedule(), on_path(0, 4)), facts=stamp(LossByDirection(backward=400)))
    assert only(judge(Observed(lossy, train(), "udp://host"))).direction == "backward"


@pytest.mark.parametrize("share", [0.002, 0.02, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_loss_that_meets_all_flows_is_no_matter_of_paths(share: float, seed: int) -> None:
    assert codes(judged(at_random(share, seed))) == []


@pytest.mark.parametrize("length", [20, 100, 170, 1000, 3000])
def test_an_outage_is_none_either(length: int) -> None:
    assert codes(judged(between(2000 * MS, (2000 + length) * MS))) == []


def test_a_queue_that_each_round_fills_hits_those_that_come_last_and_is_no_path() -> None:
    """A link of 1.5 Mbit/s: it is short of room while all flows send their large packets."""
    random = Random(4)

    def lost(fate: Fate) -> bool:
        return fate.size == 1200 and fate.connection >= 22 and random.random() < 0.6

    assert codes(judged(lost)) == []


def test_behind_a_full_queue_no_path_is_judged() -> None:
    lossy = run(losing(schedule(), on_path(0, 4)))
    outcome = judge(Observed(lossy, train(), "udp://host", queue=290 * MS))
    assert codes(outcome) == []
    assert "290 ms" in words(outcome)


# Delay


@pytest.mark.parametrize("paths", [2, 4, 8])
def test_a_path_that_takes_longer_is_told_by_its_ports(paths: int) -> None:
    slow, random = on_path(1, paths), Random(3)
    found = only(judged(by=lambda fate: 10 * MS * slow(fate) + random.expovariate(1) * MS))
    assert found.code == "bad-path-delay"
    assert evidence(found)["apart"] == pytest.approx(10 * MS, rel=0.2)
    assert evidence(found)["slow_flows"] == sum(map(slow, schedule(FLOWS, 1)))


@pytest.mark.parametrize("paths", [2, 3])
def test_a_longer_path_is_told_however_unsteady_it_is(paths: int) -> None:
    """A busy router on it: some of its flows wait longer than others, and none of the other path's waits."""
    slow, random = on_path(1, paths), Random(3)
    more = [random.uniform(15, 60) for _ in range(FLOWS)]
    found = only(judged(by=lambda fate: slow(fate) * (10 + random.uniform(0.5, 1.5) * more[fate.connection]) * MS))
    assert (found.code, evidence(found)["slow_flows"]) == ("bad-path-delay", sum(map(slow, schedule(FLOWS, 1))))


@pytest.mark.parametrize(
    ("usual", "apart", "severity"),
    [(20, 9, "info"), (20, 11, "warning"), (100, 40, "info"), (1, 4, "info"), (1, 6, "warning")],
)
def test_a_path_that_is_a_little_longer_is_none_to_be_warned_of(usual: int, apart: int, severity: str) -> None:
    slow = on_path(1, 4)
    flows = run([fate._replace(rtt=usual * MS + apart * MS * slow(fate)) for fate in schedule()])
    assert only(judge(Observed(flows, train(), "udp://host"))).severity == severity


@pytest.mark.parametrize("apart", [0, 0.5, 1.5])
def test_paths_that_differ_by_little_are_alike(apart: float) -> None:
    slow = on_path(1, 2)
    assert codes(judged(by=lambda fate: apart * MS * slow(fate))) == []


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("jitter", [1, 10, 100])
def test_jitter_is_no_path(seed: int, jitter: float) -> None:
    random = Random(seed)
    assert codes(judged(by=lambda _: random.expovariate(1 / jitter) * MS)) == []


@pytest.mark.parametrize("seed", range(3))
def test_flows_whose_packets_differ_more_than_they_do_are_no_path(seed: int) -> None:
    """A router on a busy machine: one flow of 32 stands apart by its median, and is as fast as any in most packets."""
    random, other = Random(seed), Random(seed)
    unsteady = {flow: 0.55 if flow == 4 else 0.2 for flow in range(FLOWS)}
    by = judged(by=lambda fate: random.uniform(3, 9) * MS * (other.random() < unsteady[fate.connection]))
    assert codes(by) == []


@pytest.mark.parametrize("seed", range(3))
def test_nor_are_those_whose_packets_only_wait_more_often(seed: int) -> None:
    random, other = Random(seed), Random(seed)
    by = judged(
        by=lambda fate: random.uniform(5, 7) * MS * (other.random() < (0.85 if fate.connection in (3, 19) else 0.25))
    )
    assert codes(by) == []


@pytest.mark.parametrize("jitter", [0.1, 1])
def test_half_of_the_flows_on_a_longer_path_are_told_whichever_are_answered(jitter: float) -> None:
    """The middle of a round is in the one half or the other, in turn."""
    random = Random(5)

    def lost(fate: Fate) -> bool:
        return fate.connection == fate.scheduled // (FLOWS * BETWEEN) % FLOWS

    def by(fate: Fate) -> float:
        return 10 * MS * (fate.connection % 2) + random.expovariate(1 / jitter) * MS

    found = only(judge(Observed(run(delaying(losing(schedule(), lost), by)), train(), "udp://host")))
    assert (found.code, evidence(found)["slow_flows"]) == ("bad-path-delay", FLOWS // 2)


@pytest.mark.parametrize("at", [3990, 4000, 4080, 4100, 5000])
def test_a_delay_that_changes_for_all_in_the_middle_of_the_run_is_no_path(at: int) -> None:
    assert codes(judged(by=lambda fate: 40 * MS if fate.scheduled >= at * MS else 0)) == []


def test_nor_is_one_that_grows_while_a_queue_fills() -> None:
    assert codes(judged(by=lambda fate: fate.scheduled / 20)) == []


def test_a_path_is_told_all_the_same_while_delays_change() -> None:
    slow = on_path(1, 4)
    assert codes(judged(by=lambda fate: fate.scheduled / 100 + 15 * MS * slow(fate))) == ["bad-path-delay"]


def test_long_packets_on_a_slow_line_are_no_path() -> None:
    assert codes(judged(by=lambda fate: fate.size * 8 * 2_000)) == []


def test_few_flows_are_not_judged() -> None:
    assert codes(judged(by=lambda fate: 50 * MS * (fate.connection == 0), flows=8)) == []
    assert "needs at least 16 flows, of which there were 8" in words(judged(flows=8))


# Order


@pytest.mark.parametrize(("reordered", "found"), [(0, []), (2, []), (3, ["reordering"]), (250, ["reordering"])])
def test_packets_that_are_overtaken_are_reordering_where_they_are_some(reordered: int, found: list[str]) -> None:
    outcome = judged(beside=train(reordered=reordered))
    assert codes(outcome) == found
    assert ("none overtook another" in words(outcome)) is (reordered == 0)


@pytest.mark.parametrize(
    ("forward", "backward", "direction"),
    [(50, 0, "forward"), (0, 50, "backward"), (50, 2, "forward"), (30, 20, "both"), (None, None, None)],
)
def test_an_order_has_its_direction_by_the_reflectors_numbers(
    forward: int | None, backward: int | None, direction: str | None
) -> None:
    facts = stamp(overtaken=(forward, backward))
    found = only(judge(Observed(run(schedule()), train(reordered=50, facts=facts), "udp://host")))
    assert (found.code, found.direction) == ("reordering", direction)


def test_a_train_of_which_little_is_answered_says_nothing_of_order() -> None:
    assert "no train of packets was answered" in words(judged(beside=train(lost=460, reordered=3)))
    assert "no train of packets was answered" in words(judge(Observed(run(schedule()), None, "udp://host")))


@given(st.lists(FATES, max_size=300), st.none() | st.builds(train, st.integers(0, 60), reordered=st.integers(0, 9)))
def test_any_run_is_judged(fates: list[Fate], beside: Run | None) -> None:
    assert is_well_formed(judge(Observed(run(fates), beside, "udp://host")), "balancing")


@given(st.integers(1, 10**9), st.integers(16, 40), st.integers(1, 10))
def test_flows_that_are_all_answered_after_the_same_time_are_never_a_finding(rtt: int, flows: int, count: int) -> None:
    clean = run([fate._replace(rtt=rtt) for fate in schedule(flows, count)])
    assert codes(judge(Observed(clean, train(), "udp://host"))) == []
