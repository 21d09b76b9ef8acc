"""Where probes were lost, by what a stateful reflector's numbers say; compared with what was done to them."""

import random

import pytest
from hypothesis import given, strategies as st

from netecho.measure.oneway.loss import REMEMBERED, Directions, LossByDirection, Unknown, loss_by_direction


def told(*replies: tuple[int, int], warmup: int = 0, stateful: bool | None = None) -> Directions:
    directions = Directions(warmup)
    for number, reply_number in replies:
        directions.replied(number, reply_number, stateful=stateful)
    return directions


def lost(directions: Directions) -> tuple[int, int]:
    forward, backward, _ = directions.lost()
    return forward, backward


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


@pytest.mark.parametrize(
    ("replies", "overtaken"),
    [
        ([(0, 0), (1, 1), (2, 2)], (0, 0)),
        ([(0, 0), (2, 1), (1, 2)], (1, 0)),  # request 1 arrived after request 2
        ([(0, 0), (2, 2), (1, 1)], (0, 1)),  # and here its reply after the other's
        ([(0, 0), (3, 1), (1, 2), (2, 3)], (2, 0)),
        ([(0, 0), (2, 1), (1, 2), (4, 4), (3, 3)], (1, 1)),
        ([(0, 0), (1, 1), (1, 2), (2, 3)], (0, 0)),  # a request that arrived twice overtakes nothing
        ([(n, n) for n in range(200)] + [(200 + n, n) for n in range(9)], (0, 0)),  # nor does one that restarted
    ],
)
def test_in_which_direction_packets_overtook_each_other(
    replies: list[tuple[int, int]], overtaken: tuple[int, int]
) -> None:
    directions = told(*replies)
    assert (directions.overtaken_forward, directions.overtaken_backward) == overtaken


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
    found = lost(directions)
    assert found == (lost_there, lost_here) or (lost_there < 0 and found == (0, 0))


@pytest.mark.parametrize("seed", range(5))
def test_in_whatever_order_replies_come_the_end_is_the_same(seed: int) -> None:
    replies = [(0, 0), (2, 1), (3, 3), (3, 4), (5, 5), (9, 7)]
    shuffled = replies[1:]
    random.Random(seed).shuffle(shuffled)
    assert lost(told(replies[0], *shuffled)) == lost(told(*replies))


class TestDivision:
    """What is known and what is not make up all that was lost."""

    def test_all_known(self) -> None:
        assert loss_by_direction([told((0, 0), (3, 1), (4, 2))], 2) == LossByDirection(forward=2)

    def test_what_was_dropped_here_was_on_its_way_back_and_is_not_lost(self) -> None:
        numbers = told((0, 0), (3, 2), (4, 3), stateful=True)  # one lost there, and one back
        assert loss_by_direction([numbers], 1, dropped_here=1) == LossByDirection(forward=1)
        assert loss_by_direction([numbers], 0, dropped_here=2) == LossByDirection()

    def test_what_was_dropped_here_after_the_last_reply_is_not_lost_either(self) -> None:
        found = loss_by_direction([told((0, 0), (3, 1))], 4, dropped_here=3)
        assert found == LossByDirection(forward=2, unknown=2, reasons=(Unknown.UNANSWERED,))

    def test_after_the_last_reply_nobody_knows(self) -> None:
        found = loss_by_direction([told((0, 0), (3, 1))], 5)
        assert found == LossByDirection(forward=2, unknown=3, reasons=(Unknown.UNANSWERED,))

    def test_nothing_was_lost(self) -> None:
        assert loss_by_direction([told((0, 0), (1, 2**31), (2, 7))], 0).reasons == ()

    def test_a_stateless_reflector(self) -> None:
        found = loss_by_direction([told((0, 0), (5, 5), stateful=False)], 4)
        assert found == LossByDirection(unknown=4, reasons=(Unknown.STATELESS,))

    def test_no_reply_at_all(self) -> None:
        replies = told(*((number, number) for number in (0, 1, 3, 4)))
        assert loss_by_direction([replies], 1) == LossByDirection(unknown=1, reasons=(Unknown.SAME_NUMBERS,))
        assert loss_by_direction([told()], 4) == LossByDirection(unknown=4, reasons=(Unknown.UNANSWERED,))

    def test_a_reflector_that_restarts_begins_anew(self) -> None:
        """100 probes of which 5 are lost while it restarts after 50: neither 50 lost forward, nor -45 backward."""
        replies = [(n, n) for n in range(50)] + [(n, n - 55) for n in range(55, 100)]
        found = loss_by_direction([told(*replies)], 5)
        assert found == LossByDirection(unknown=5, reasons=(Unknown.RESET,), resets=1)

    def test_what_was_lost_before_and_after_a_restart_is_known(self) -> None:
        before = [(0, 0), (1, 1), (4, 2)]  # 2 and 3 did not arrive
        after = [(5, 0), (7, 2)]  # the answer to 6 did not
        found = loss_by_direction([told(*before, *after)], 3)
        assert found == LossByDirection(forward=2, backward=1, resets=1)

    @pytest.mark.parametrize("odd", [12_345_678, 2**31 - 1, 2**31, 2**32 - 1, 200])
    def test_one_odd_number_is_no_loss(self, odd: int) -> None:
        replies = [(n, odd if n == 30 else n) for n in range(60)]
        assert loss_by_direction([told(*replies)], 0) == LossByDirection(resets=told(*replies).resets)
        one_lost = [(n, r) for n, r in replies if n != 10]
        found = loss_by_direction([told(*one_lost)], 1)
        assert found.forward + found.backward + found.unknown == 1

    def test_numbers_that_rise_by_a_thousand_are_no_count(self) -> None:
        found = loss_by_direction([told(*((n, 1000 * n) for n in range(60) if n % 10))], 6)
        assert (found.forward, found.backward, found.unknown) == (0, 0, 6)
        assert Unknown.INCONSISTENT in found.reasons

    def test_a_late_reply_was_lost_in_neither_direction(self) -> None:
        directions = told((0, 0), (2, 2), stateful=True)
        directions.replied(1, 1, late=True)
        assert loss_by_direction([directions], 1) == LossByDirection(unknown=1, reasons=(Unknown.LATE,))

    def test_what_is_in_flight_at_the_end_is_not_lost(self) -> None:
        found = loss_by_direction([told((0, 0), (3, 1))], 1)  # 1 or 2 is pending
        assert found == LossByDirection(unknown=1, reasons=(Unknown.UNSETTLED,))

    numbers = st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 80), st.integers(2**32 - 80, 2**32 - 1))
    replies = st.lists(st.tuples(st.integers(0, 80), numbers, st.booleans()), max_size=80)

    @given(st.lists(replies, max_size=3), st.integers(0, 200), st.integers(0, 20))
    def test_whatever_a_reflector_sends(
        self, sessions: list[list[tuple[int, int, bool]]], lost: int, warmup: int
    ) -> None:
        directions = []
        for replies in sessions:
            directions.append(Directions(warmup))
            for number, reply_number, late in replies:
                directions[-1].replied(number, reply_number, late=late)
        found = loss_by_direction(directions, lost)
        assert found.forward + found.backward + found.unknown == lost
        assert min(found.forward, found.backward, found.unknown) >= 0
        assert bool(found.reasons) == bool(found.unknown)

    @given(
        st.integers(0, 2**32),
        st.floats(0, 0.5),
        st.floats(0, 0.5),
        st.sampled_from([0.0, 0.01, 0.1]),
        st.sampled_from([0, 1, 5]),
    )
    def test_a_reflector_that_restarts_now_and_then(
        self, seed: int, forward: float, backward: float, restart: float, reordered: int
    ) -> None:
        """What is said to be known is never more than what was done."""
        luck = random.Random(seed)
        count, replies, fates = 0, [], {"there": 0, "back": 0}
        for number in range(120):
            if luck.random() < restart:
                count = 0
            if luck.random() < forward:
                fates["there"] += 1
                continue
            reply_number, count = count, count + 1
            if luck.random() < backward:
                fates["back"] += 1
                continue
            replies.append((number + luck.randrange(reordered + 1), number, reply_number))
        directions = told(*((number, own) for _, number, own in sorted(replies)), stateful=True)
        found = loss_by_direction([directions], sum(fates.values()))
        assert found.forward + found.backward + found.unknown == sum(fates.values())
        if not restart:
            assert found.forward <= fates["there"]
            assert found.backward <= fates["back"]
