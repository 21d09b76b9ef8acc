"""What a reflector remembers is bounded, and what is in use is not what is forgotten."""

import pytest
from hypothesis import given, strategies as st

from netecho.stamp.sessions import IDLE, IN_USE, MOST_ESTABLISHED, MOST_NEW, RecentHmacs, Sessions
from netecho.units import SECOND


def test_a_session_is_found_again() -> None:
    sessions = Sessions()
    sessions.find("a", 0).received = 3
    assert sessions.find("a", IDLE).received == 3
    assert sessions.find("b", IDLE).received == 0


def test_a_session_that_was_idle_too_long_begins_anew() -> None:
    sessions = Sessions()
    sessions.find("a", 0).reflected = 3
    assert sessions.find("a", IDLE + 1).reflected == 0
    assert len(sessions) == 1


def test_the_new_one_that_was_used_least_recently_is_forgotten_and_counted() -> None:
    sessions = Sessions(most_established=0, most_new=2)
    for identity in "aba":
        sessions.find(identity, 0).received += 1
    sessions.find("c", 0)
    assert (len(sessions), sessions.forgotten) == (2, 1)
    assert sessions.find("a", 0).received == 2
    assert sessions.find("b", 0).received == 0


class TestForgedSessions:
    """8,000 packets a second from forged addresses, beside a session that sends now and then."""

    @pytest.mark.parametrize("every", [3, 30])
    @pytest.mark.parametrize("packets", [1, 2, 5])
    def test_do_not_push_out_one_that_is_established(self, packets: int, every: int) -> None:
        sessions = Sessions()
        sessions.find("live", 0).received += 1
        sessions.find("live", 3 * SECOND).received += 1
        for second in range(4, 64):
            for n in range(8000 // packets):
                for _ in range(packets):
                    sessions.find((second, n), second * SECOND)
            if second % every == 0:
                sessions.find("live", second * SECOND).received += 1
        assert sessions.find("live", 64 * SECOND).received == 2 + 60 // every
        assert len(sessions) <= MOST_ESTABLISHED + MOST_NEW

    def test_nor_one_that_begins_meanwhile(self) -> None:
        sessions = Sessions()
        for second in range(1, 31):
            for n in range(8000):
                sessions.find((second, n), second * SECOND)
            if second % 3 == 0:
                sessions.find("live", second * SECOND).received += 1
        assert sessions.find("live", 31 * SECOND).received == 10

    def test_give_up_their_places_when_they_are_no_longer_in_use(self) -> None:
        sessions = Sessions(most_established=2, most_new=2)
        for identity in "aabb":
            sessions.find(identity, 0)
        for identity in "cc":
            sessions.find(identity, IN_USE + 1)
        for identity in "defghd":
            sessions.find(identity, IN_USE + 1)
        assert sessions.find("c", IN_USE + 1) is sessions.find("c", IN_USE + 1)
        assert sessions.forgotten > 0


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, IDLE)), max_size=200), st.integers(0, 10))
def test_there_are_never_more_than_allowed(packets: list[tuple[int, int]], most: int) -> None:
    sessions = Sessions(most_established=most, most_new=3)
    now = 0
    for identity, later in packets:
        now += later
        sessions.find(identity, now)
        assert len(sessions) <= most + 3


def test_a_seal_that_comes_again_is_known() -> None:
    seals = RecentHmacs(most=3)
    assert [seals.seen(seal) for seal in (b"1", b"2", b"1", b"3", b"4", b"2")] == [
        False,
        False,
        True,
        False,
        False,
        True,
    ]


def test_seals_are_forgotten_after_at_least_as_many_and_at_most_twice_as_many_others() -> None:
    seals = RecentHmacs(most=10)
    for number in range(100):
        assert not seals.seen(b"%d" % number)
        assert seals.seen(b"%d" % max(0, number - 9))
    assert not seals.seen(b"79")
