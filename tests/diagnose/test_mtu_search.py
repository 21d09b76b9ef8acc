"""The search for a path's MTU: exact, by few packets, whatever the path does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.mtu_search import LARGEST, USUAL, MtuSearch, Tried

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

MOST_ROUNDS = 12


def played(search: MtuSearch, path: Callable[[int], Tried]) -> list[Collection[int]]:
    """Play a search against a path; return the sizes of each round."""
    rounds: list[Collection[int]] = []
    while sizes := search.next_sizes():
        rounds.append(sizes)
        assert len(rounds) <= MOST_ROUNDS
        search.took({size: path(size) for size in sizes})
    return rounds


def silent(mtu: int) -> Callable[[int], Tried]:
    return lambda size: Tried("passed" if size <= mtu else "vanished")


def telling(mtu: int) -> Callable[[int], Tried]:
    return lambda size: Tried("passed") if size <= mtu else Tried("refused", mtu, "ICMP fragmentation needed")


@given(st.integers(USUAL[0], LARGEST - 1))
def test_a_black_hole_is_found_to_the_byte(mtu: int) -> None:
    search = MtuSearch()
    played(search, silent(mtu))
    assert (search.passes, search.fails) == (mtu, mtu + 1)


@given(st.integers(USUAL[0], LARGEST - 1))
def test_what_a_router_names_is_tried_and_believed_when_it_holds(mtu: int) -> None:
    search = MtuSearch()
    rounds = played(search, telling(mtu))
    assert (search.passes, search.fails) == (mtu, mtu + 1)
    assert len(rounds) <= 3


@given(st.integers(USUAL[0], LARGEST - 1), st.integers(0, 70_000))
def test_a_router_that_names_something_else_does_not_mislead(mtu: int, named: int) -> None:
    search = MtuSearch()
    played(search, lambda size: Tried("passed") if size <= mtu else Tried("refused", named))
    assert (search.passes, search.fails) == (mtu, mtu + 1)


@given(st.integers(USUAL[0], LARGEST - 1), st.sampled_from([2, 4, 8]))
def test_with_a_step_it_is_as_exact_as_the_step(mtu: int, step: int) -> None:
    search = MtuSearch(step=step)
    rounds = played(search, silent(mtu))
    assert search.passes == mtu // step * step
    assert search.fails == search.passes + step
    assert all(size % step == 0 for sizes in rounds for size in sizes)


def test_nothing_larger_than_the_largest_is_tried() -> None:
    search = MtuSearch()
    rounds = played(search, silent(100_000))
    assert (search.passes, search.fails) == (LARGEST, None)
    assert max(size for sizes in rounds for size in sizes) == LARGEST


def test_where_not_even_the_smallest_passes_there_is_no_more_to_try() -> None:
    search = MtuSearch()
    assert len(played(search, silent(100))) == 1
    assert search.passes is None


@pytest.mark.parametrize("mtu", [1500, 1492, 1400])
def test_a_usual_mtu_takes_few_packets(mtu: int) -> None:
    search = MtuSearch()
    rounds = played(search, silent(mtu))
    assert sum(map(len, rounds)) <= 45


@given(st.integers(USUAL[0] + 2, LARGEST - 1))
def test_a_size_that_was_lost_by_chance_is_tried_again(mtu: int) -> None:
    seen: set[int] = set()

    def path(size: int) -> Tried:
        """Lose what is first sent near the edge, where it matters."""
        fate = Tried("passed" if size <= mtu else "vanished")
        if size not in seen and size <= mtu and mtu - size < 2:
            fate = Tried("vanished")
        seen.add(size)
        return fate

    search = MtuSearch()
    played(search, path)
    assert (search.passes, search.fails) == (mtu, mtu + 1)
