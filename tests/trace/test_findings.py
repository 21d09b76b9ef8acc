"""The sentences about a path: each from a path that is made up, and none from one that is fine."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from netecho.trace.findings import findings
from netecho.trace.plan import Plan
from netecho.units import MILLISECOND
from tests.trace.played import PATH, TARGET, played

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.trace.finding import Finding
    from netecho.trace.flow import Due

PLAN = Plan(rounds=200, interval=10 * MILLISECOND)
OTHER = "10.8.8.8"


def randomly(share: float, at: Callable[[Due], bool], seed: int = 1) -> Callable[[Due], bool]:
    """Lose a share of the packets for which `at` is true."""
    chance = random.Random(seed)
    return lambda due: at(due) and chance.random() < share


def said(**network: object) -> dict[str, Finding]:
    plan = network.pop("plan", PLAN)
    return {each.code: each for each in findings(played(plan, **network))}  # type: ignore[arg-type]


def test_nothing_is_said_of_a_path_that_is_fine() -> None:
    assert said() == {}


def test_loss_that_stays_begins_at_the_first_hop_that_has_it() -> None:
    found = said(lost=randomly(0.1, lambda due: due.ttl >= 3))
    assert set(found) == {"loss"}
    assert f"begins between hop 2 ({PATH[1]}) and hop 3 ({PATH[2]})" in found["loss"].sentence


def test_loss_at_the_first_hop_begins_on_the_way_to_it() -> None:
    found = said(lost=randomly(0.1, lambda _: True))
    assert f"begins on the way to hop 1 ({PATH[0]})" in found["loss"].sentence


def test_loss_at_one_hop_alone_is_a_router_that_limits_its_icmp() -> None:
    found = said(lost=lambda due: due.ttl == 2 and due.round % 4 != 0)
    assert set(found) == {"icmp-limited"}
    assert "hop 2" in found["icmp-limited"].sentence
    assert "75% (150 of 200)" in found["icmp-limited"].sentence


def test_routers_that_limit_their_icmp_are_said_together() -> None:
    found = said(lost=lambda due: due.ttl < 4 and due.round % 4 != due.ttl % 2)
    assert found["icmp-limited"].sentence == (
        "hops 1-3 leave 75% unanswered, and further on less is lost: they limit their ICMP, and this is no loss"
    )


def test_what_few_rounds_cannot_prove_of_a_hop_the_end_of_the_path_does() -> None:
    found = said(plan=Plan(rounds=10), lost=lambda due: due.ttl == 2 and due.round % 3 == 0)
    assert found["icmp-limited"].sentence == (
        f"hop 2 ({PATH[1]}) leaves 40% (4 of 10) unanswered, and nothing is lost end to end: it limits its ICMP, and"
        " this is no loss"
    )


def test_a_router_that_limits_its_icmp_before_loss_does_not_hide_where_it_begins() -> None:
    lossy = randomly(0.1, lambda due: due.ttl >= 4)
    found = said(lost=lambda due: (due.ttl == 3 and due.round % 2 == 0) or lossy(due))
    assert set(found) == {"icmp-limited", "loss"}
    assert f"between hop 2 ({PATH[1]}) and hop 4 ({TARGET})" in found["loss"].sentence


def test_routers_that_answer_nothing_are_told_in_one_sentence() -> None:
    found = said(path=lambda _: ("", "", "10.0.3.2", "", TARGET))
    assert set(found) == {"silent"}
    assert found["silent"].sentence.startswith("hops 1-2 and 4 answer nothing")


def test_too_few_losses_are_not_placed() -> None:
    found = said(lost=lambda due: due.ttl == 4 and due.round == 7)
    assert "too few are lost to say where" in found["loss"].sentence


def test_flows_that_go_different_ways() -> None:
    found = said(plan=Plan(rounds=3, flows=4), path=lambda due: PATH if due.flow else (PATH[0], OTHER, *PATH[2:]))
    assert set(found) == {"per-flow"}
    assert f"{PATH[1]} 3, {OTHER} 1" in found["per-flow"].sentence


def test_a_way_that_loses_more_has_a_name() -> None:
    found = said(
        plan=Plan(rounds=100, flows=8, interval=200 * MILLISECOND),
        path=lambda due: PATH if due.flow % 2 else (PATH[0], OTHER, *PATH[2:]),
        lost=randomly(0.05, lambda due: due.flow % 2 == 0 and due.ttl >= 3),
    )
    assert f"by way of {OTHER} (hop 2) lose" in found["bad-way"].sentence
    assert "the others 0% (0 of 400)" in found["bad-way"].sentence


def test_a_way_that_takes_longer_has_a_name() -> None:
    found = said(
        plan=Plan(rounds=5, flows=8),
        path=lambda due: PATH if due.flow % 2 else (PATH[0], OTHER, *PATH[2:]),
        rtt=lambda due: 9 * MILLISECOND if due.flow % 2 == 0 and due.ttl >= 3 else MILLISECOND,
    )
    assert set(found) == {"per-flow", "slow-way"}
    assert f"by way of {OTHER} (hop 2)" in found["slow-way"].sentence


def test_packets_of_a_flow_that_take_turns() -> None:
    found = said(path=lambda due: PATH if due.round % 2 else (PATH[0], OTHER, *PATH[2:]))
    assert set(found) == {"per-packet"}


def test_a_path_that_changes_once_is_no_balancing() -> None:
    found = said(path=lambda due: PATH if due.round < 90 else (PATH[0], OTHER, *PATH[2:]))
    assert set(found) == {"path-changed"}
    assert found["path-changed"].at is not None


def test_a_path_that_changes_more_than_once_is_no_balancing_either() -> None:
    found = said(path=lambda due: (PATH[0], f"10.8.8.{due.round // 50}", *PATH[2:]))
    assert set(found) == {"path-changed"}


def test_a_loop() -> None:
    found = said(plan=Plan(rounds=1, max_hops=8), path=lambda _: ("10.0.1.2", *("10.0.2.2", "10.0.3.2") * 9))
    assert set(found) == {"not-reached", "loop"}
    assert "at hop 4 to 10.0.2.2, which was hop 2" in found["loop"].sentence


def test_what_comes_after_the_last_ttl_that_was_sent_is_not_judged() -> None:
    (found,) = said(plan=Plan(rounds=1, max_hops=2)).values()
    assert found.code == "not-reached"
    assert "hop 2 (10.0.2.2) does, and no packet was to go further (--max-hops)" in found.sentence


def test_a_router_that_answers_twice_in_a_row_is_no_loop() -> None:
    assert said(path=lambda _: ("10.0.1.2", "10.0.1.2", TARGET)) == {}


def test_nothing_at_all() -> None:
    assert set(said(plan=Plan(rounds=1), lost=lambda _: True)) == {"no-answer"}


def test_a_mark_that_is_changed() -> None:
    found = said(plan=Plan(rounds=2, dscp=46), tos=8 << 2 | 2)
    assert set(found) == {"dscp-changed", "ecn-changed"}
    assert "46 arrives as 8" in found["dscp-changed"].sentence
    assert "Not-ECT arrives as ECT(0)" in found["ecn-changed"].sentence


def test_a_mark_that_arrives_as_it_was_sent_is_not_mentioned() -> None:
    assert said(plan=Plan(rounds=2, dscp=46), tos=46 << 2) == {}
