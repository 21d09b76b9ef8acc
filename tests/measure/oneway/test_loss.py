"""Where probes were lost, by what a stateful reflector's numbers say; compared with what was done to them."""

import random

import pytest
from hypothesis import given, strategies as st

from netecho.measure.oneway.loss import REMEMBERED, Directions


def told(*replies: tuple[int, int], warmup: int = 0, stateful: bool | None = None) -> Directions:
    directions = Directions(warmup)
    for number, reply_number in replies:
        directions.replied(number, reply_number, stateful=stateful)
    return directions


def lost(directions: Directions) -> tuple[int, int]:
    return directions.forward, directions.backward


def test_nothing() -> None:
    assert lost(told()) == (0, 0)
    assert told().stateful is None


def test_all_came_back() -> None:
    assert lost(told((0, 0), (1, 1), (2, 2))) == (0, 0)
    assert told((0, 0), (1, 1)).stateful is None


def test_requests_that_did_not_arrive() -> None:
    directions = told((0, 0), (3, 1), (4, 2))
    assert lost(directions) == (2, 0)
    assert directions.stateful is True


def test_replies_that_did_not_arrive() -> None:
    assert lost(told((0, 0), (3, 3), (4, 4), stateful=True)) == (0, 2)


def test_both() -> None:
    assert lost(told((1, 1), (5, 3))) == (2, 2)  # 2 and 3 did not arrive there; the answers to 0 and 4 not here


def test_the_first_requests_too() -> None:
    assert lost(told((4, 0), (5, 1))) == (4, 0)


def test_a_reply_that_comes_twice() -> None:
    assert lost(told((0, 0), (1, 1), (1, 1), (0, 0), (2, 2))) == (0, 0)


def test_a_request_that_arrives_twice() -> None:
    assert lost(told((0, 0), (1, 1), (1, 2), (2, 3))) == (0, 0)


def test_replies_that_overtake() -> None:
    assert lost(told((0, 0), (2, 2), (1, 1))) == (0, 0)
    assert lost(told((0, 0), (2, 1), (1, 2))) == (0, 0)  # the requests did


def test_a_reflector_that_is_known_to_be_stateless() -> None:
    assert told((0, 0), (5, 5), stateful=False).stateful is False
    assert told((0, 0), (5, 4), stateful=False).stateful is True


def test_a_session_that_has_been_counted_before_ours() -> None:
    assert lost(told((0, 1000), (3, 1001), (5, 1003))) == (2, 1)


def test_warmup_does_not_count() -> None:
    # 1 was lost on the way there in the warm-up, 5 after it.
    assert lost(told((0, 0), (2, 1), (3, 2), (4, 3), (6, 4), warmup=3)) == (1, 0)


def test_the_reflectors_number_wraps() -> None:
    top = 2**32
    replies = ((top - 3, top - 3), (top - 2, top - 2), (top - 1, top - 1), (top, 0), (top + 2, 1))
    assert lost(told(*replies, warmup=top - 2)) == (1, 0)


def test_memory_is_bounded() -> None:
    directions = told(*((n, n) for n in range(2 * REMEMBERED)))
    assert len(directions._seen) == REMEMBERED
    assert lost(directions) == (0, 0)


@given(st.integers(0, 2**32), st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 0.2))
def test_what_was_done_is_what_is_found(seed: int, forward: float, backward: float, twice: float) -> None:
    luck = random.Random(seed)
    directions = Directions()
    reply_number = lost_there = lost_here = 0
    for number in range(200):
        # The last arrives, and is sent once: what nobody has heard of cannot be told.
        arrivals = 1 if number == 199 else (luck.random() >= forward) * (1 + (luck.random() < twice))
        lost_there += not arrivals
        back = 0
        for _ in range(arrivals):
            if number == 199 or luck.random() >= backward:
                directions.replied(number, reply_number, stateful=True)
                back += 1
            else:
                lost_here += 1
            reply_number += 1
        if arrivals == 2 and back < 2:
            # Nobody can know that this request arrived twice: it stands for one that did not arrive.
            lost_there -= 1
    assert directions.backward == lost_here
    assert directions.forward == lost_there


@pytest.mark.parametrize("seed", range(5))
def test_in_whatever_order_replies_come_the_end_is_the_same(seed: int) -> None:
    replies = [(0, 0), (2, 1), (3, 3), (3, 4), (5, 5), (9, 7)]
    shuffled = replies[1:]
    random.Random(seed).shuffle(shuffled)
    assert lost(told(replies[0], *shuffled)) == lost(told(*replies))
