"""What a reflector remembers is bounded, and what is in use is not what is forgotten."""

from hypothesis import given, strategies as st

from netecho.stamp.sessions import IDLE, Seals, Sessions


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


def test_the_least_recently_used_is_forgotten_and_counted() -> None:
    sessions = Sessions(most=2)
    for identity in "aba":
        sessions.find(identity, 0).received += 1
    sessions.find("c", 0)
    assert (len(sessions), sessions.forgotten) == (2, 1)
    assert sessions.find("a", 0).received == 2
    assert sessions.find("b", 0).received == 0


@given(st.lists(st.integers(0, 30), max_size=200), st.integers(1, 10))
def test_there_are_never_more_than_allowed(identities: list[int], most: int) -> None:
    sessions = Sessions(most=most)
    for now, identity in enumerate(identities):
        sessions.find(identity, now)
        assert len(sessions) <= most


def test_a_seal_that_comes_again_is_known() -> None:
    seals = Seals(most=3)
    assert [seals.seen(seal) for seal in (b"1", b"2", b"1", b"3", b"4", b"2")] == [
        False,
        False,
        True,
        False,
        False,
        True,
    ]


def test_seals_are_forgotten_after_at_least_as_many_and_at_most_twice_as_many_others() -> None:
    seals = Seals(most=10)
    for number in range(100):
        assert not seals.seen(b"%d" % number)
        assert seals.seen(b"%d" % max(0, number - 9))
    assert not seals.seen(b"79")
