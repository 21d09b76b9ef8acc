"""The way back as it goes on: what the far end is asked for, what it tells, and what is made of that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from netecho.stamp.return_trace import MOST_TTL
from netecho.stamp.return_traces import RATE_OF_CLIENT
from netecho.trace import both_ways
from netecho.trace.plan import Plan
from netecho.trace.reverse import AGAIN, ATTEMPTS, RATE
from netecho.units import MILLISECOND, SECOND
from tests.stamp.returns import WALL
from tests.trace.played import TARGET, played
from tests.trace.played_back import BACK, HERE, RTT, STEP, Back

if TYPE_CHECKING:
    from netecho.trace.result import Trace
    from netecho.trace.reverse import Ask, WayBack

KEY = b"an orchestrator gave us this key"
THERE = ("10.0.1.2", "10.0.2.2", "10.0.3.2", TARGET)


def traced(back: WayBack) -> Trace:
    assert back.trace is not None
    return back.trace


def said(back: WayBack, there: Trace | None = None) -> list[tuple[str, str]]:
    there = there or played(path=lambda _: THERE, plan=Plan(rounds=1))
    found = list(both_ways.findings(there, back))
    assert all(each.backward for each in found)
    return [(each.code, each.sentence) for each in found]


@pytest.mark.parametrize("key", [None, KEY], ids=["open", "authenticated"])
@pytest.mark.parametrize("flows", [1, 3])
def test_the_hops_are_the_routers_on_the_way_back_and_this_host(key: bytes | None, flows: int) -> None:
    trace = traced(Back(Plan(rounds=3, flows=flows), key=key).play())
    assert [hop.addresses for hop in trace.hops] == [(each,) for each in BACK]
    assert [hop.kind for hop in trace.hops] == ["router"] * 3 + ["target"]
    assert [(hop.asked, hop.answered) for hop in trace.hops] == [(3 * flows, 3 * flows)] * 4
    assert [hop.rtt.max for hop in trace.hops] == [STEP, 2 * STEP, 3 * STEP, RTT]
    assert [flow.end for flow in trace.flows] == [4] * flows
    assert (trace.rounds, trace.foreign, trace.late) == (3, 0, 0)


def test_over_ipv6_too() -> None:
    back = ("2001:db8:2::1", "2001:db8:1::1", HERE)
    assert traced(Back(path=lambda _: back).play()).flows[0].path == back


def test_each_answer_is_told_as_one_of_the_way_back() -> None:
    back = Back(Plan(rounds=1))
    back.play()
    assert {answer.address for answer in back.answers if answer.kind == "router"} == set(BACK[:-1])
    assert all(answer.backward for answer in back.answers)


def test_a_far_end_that_may_not_is_known_by_its_first_reply() -> None:
    back = Back(controlled=False)
    known = back.play()
    assert (known.state, known.trace, len(back.asks)) == ("unknown", None, 1)
    ((code, sentence),) = said(known)
    assert code == "no-reverse"
    assert "--symmetrical" in sentence


def test_a_far_end_that_says_nothing_is_asked_a_few_times() -> None:
    back = Back(lost=lambda _: True)
    known = back.play()
    assert (known.state, known.trace) == ("silent", None)
    assert [at for at, _ in back.asks] == [n * AGAIN for n in range(ATTEMPTS)]
    assert [code for code, _ in said(known)] == ["no-reverse"]


def test_a_first_request_that_is_lost_is_made_again() -> None:
    first: list[Ask] = []

    def lost(ask: Ask) -> bool:
        first.append(ask)
        return len(first) == 1

    assert traced(Back(lost=lost).play()).reached


def test_a_router_that_says_nothing_is_one_that_does_not_answer() -> None:
    back = Back(Plan(rounds=3), path=lambda _: (BACK[0], "", *BACK[2:])).play()
    trace = traced(back)
    assert [(hop.asked, hop.answered) for hop in trace.hops] == [(3, 3), (3, 0), (3, 3), (3, 3)]
    assert ("silent", "on the way back: hop 2 answers nothing, and what is further on does: this is no loss") in said(
        back
    )


def test_replies_with_reports_that_are_lost_lose_no_report() -> None:
    seen: list[Ask] = []

    def lost(ask: Ask) -> bool:
        seen.append(ask)
        return ask.due is None and 1 < len(seen) < 12

    trace = traced(Back(Plan(rounds=1), lost=lost).play())
    assert [(hop.asked, hop.answered) for hop in trace.hops] == [(1, 1)] * 4


def test_what_the_far_end_refuses_is_counted_apart_and_no_loss() -> None:
    plan = Plan(rounds=30, interval=10 * MILLISECOND)
    back = Back(plan, path=lambda _: ("10.9.9.9",) * 20 + (HERE,))
    known = back.play()
    trace = traced(known)
    assert known.refused
    assert sum(hop.lost for hop in trace.hops) == 0
    assert sum(hop.asked for hop in trace.hops) + known.refused == sum(ask.due is not None for _, ask in back.asks)
    sentence = f"the far end did not obey {known.refused:,} requests to trace the way back: it limits them"
    assert ("reverse-limited", sentence) in said(known)


def test_while_the_length_is_not_known_fewer_are_asked_for_than_a_far_end_takes() -> None:
    back = Back(Plan(rounds=1, flows=8, spacing=MILLISECOND), path=lambda _: ("10.9.9.9",) * MOST_TTL)
    known = back.play()
    stepped = [at for at, ask in back.asks if ask.due is not None]
    begun = stepped[0]
    assert sum(at < begun + SECOND for at in stepped) <= RATE + 8 < RATE_OF_CLIENT
    assert known.refused == 0


def test_what_is_quoted_of_a_request_of_its_own_is_known() -> None:
    back = Back()
    request = back.reverse.collect(0, WALL)
    assert back.reverse.is_ours(0, request)
    assert not back.reverse.is_ours(0, request[:4] + bytes(20))
    assert not back.reverse.replied(0, b"of the way there", 0, WALL, None)


def test_the_same_links_in_the_other_order_are_the_same_way() -> None:
    assert said(Back().play()) == [
        ("symmetric", "the way back is the way there: each link between routers shows both its ends")
    ]


def test_ways_of_different_lengths_differ() -> None:
    back = Back(path=lambda _: (*BACK[:3], "10.0.9.1", HERE)).play()
    assert said(back) == [("asymmetric", "the ways differ: 4 hops there, 5 back")]


def test_of_several_flows_it_is_said_of_how_many_the_ways_differ() -> None:
    plan = Plan(rounds=1, flows=3)
    back = Back(plan, path=lambda ask: (*BACK[:3], "10.0.9.1", HERE) if ask.flow == 1 else BACK).play()
    assert said(back, played(plan, path=lambda _: THERE))[0] == (
        "asymmetric",
        "the ways of 1 of 3 flows differ: 4 hops there, 5 back",
    )


def test_or_of_all() -> None:
    plan = Plan(rounds=1, flows=3)
    back = Back(plan, path=lambda _: (*BACK[:3], "10.0.9.1", HERE)).play()
    assert (
        said(back, played(plan, path=lambda _: THERE))[0][1] == "the ways of all 3 flows differ: 4 hops there, 5 back"
    )


def test_other_routers_of_the_same_number_may_be_another_way() -> None:
    ((code, sentence),) = said(Back(path=lambda _: (BACK[0], "10.7.7.7", *BACK[2:])).play())
    assert code == "same-length"
    assert "1 of 2 links" in sentence


def test_loss_on_the_way_back_is_said_where_it_begins_and_loss_before_it_is_not() -> None:
    plan = Plan(rounds=50)
    there = played(plan, path=lambda _: THERE)

    def after_hop_1(ask: Ask) -> bool:
        return ask.due is not None and ask.due.ttl > 1 and ask.due.round % 5 == 0

    codes = dict(said(Back(plan, lost=after_hop_1).play(), there))
    assert "begins between hop 1 (10.0.4.1) and hop 2 (10.0.3.1)" in codes["loss"]
    every_fifth = Back(plan, lost=lambda ask: ask.due is not None and ask.due.round % 5 == 0).play()
    assert "loss" not in dict(said(every_fifth, there))


def test_nothing_is_sent_once_it_is_over() -> None:
    back = Back()
    assert back.reverse.due(0)
    back.reverse.stop()
    assert back.reverse.next_deadline() is None
    assert back.reverse.due(SECOND) == []
    assert back.reverse.result().state == "asking"


def test_it_hurries_where_there_is_more_to_do_than_was_known() -> None:
    back = Back()
    told: list[int] = []
    back.reverse.hurry = lambda: told.append(1)
    back.play()
    assert told
