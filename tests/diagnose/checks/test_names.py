"""The target's name, and its two families."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.checks.names import Family, Observed, judge
from netecho.units import SECOND
from tests.diagnose.checks.said import codes, evidence, is_well_formed, only, words
from tests.diagnose.observations import MS, USUAL, delaying, losing, run, schedule

PLAIN = schedule(1, 20, (64,))
ADDRESSES = {4: "192.0.2.7", 6: "2001:db8::7"}


def family(version: Literal[4, 6], *, lost: int = 0, slower: int = 0) -> Family:
    fates = delaying(losing(PLAIN, lambda fate: fate.scheduled < PLAIN[lost].scheduled), lambda _: slower)
    return Family(version=version, addresses=(ADDRESSES[version],), run=run(fates))


def dead(version: Literal[4, 6], *, route: bool = True) -> Family:
    return Family(version=version, addresses=(ADDRESSES[version],), trouble="no answer", route=route)


def named(*families: Family, took: int | None = 20 * MS) -> Observed:
    return Observed("host.example", took, families)


def test_an_address_has_no_name_to_test() -> None:
    assert words(judge(Observed(None, None, ()))) == "the target is an address, not a name"


def test_two_families_that_work_are_fine() -> None:
    (fine,) = judge(named(family(4), family(6)))
    assert "host.example resolves in 20.0 ms: IPv4 192.0.2.7 and IPv6 2001:db8::7" in words((fine,))


def test_so_is_one_alone() -> None:
    assert codes(judge(named(family(4), Family(version=6, addresses=())))) == []


def test_a_name_that_is_not_resolved_is_not_fine() -> None:
    assert words(judge(named(Family(version=4, addresses=()), took=None))) == "the name was not resolved"


@pytest.mark.parametrize(("took", "found"), [(0.9, []), (1.0, ["slow-resolver"]), (5.0, ["slow-resolver"])])
def test_a_resolver_that_takes_a_second_is_slow(took: float, found: list[str]) -> None:
    assert codes(judge(named(family(4), took=round(took * SECOND)))) == found


def test_a_family_where_nobody_answers_is_dead_where_the_other_works() -> None:
    found = only(judge(named(family(4), dead(6))))
    assert (found.code, found.severity) == ("dead-family", "warning")
    assert evidence(found)["address"] == "2001:db8::7"
    assert "IPv4 works" in found.sentence


def test_it_is_not_where_neither_does_or_this_machine_has_no_way_there() -> None:
    assert codes(judge(named(dead(4), dead(6)))) == []
    assert codes(judge(named(family(4), dead(6, route=False)))) == []


@pytest.mark.parametrize(("lost", "found"), [(0, []), (4, []), (10, ["lossier-family"]), (19, ["lossier-family"])])
@pytest.mark.parametrize("worse", [4, 6])
def test_a_family_that_loses_more_is_found(lost: int, found: list[str], worse: Literal[4, 6]) -> None:
    other: Literal[4, 6] = 4 if worse == 6 else 6
    outcome = judge(named(*sorted((family(worse, lost=lost), family(other)), key=lambda each: each.version)))
    assert codes(outcome) == found
    assert all(only(outcome).sentence.startswith(f"IPv{worse} loses") for _ in found)


@pytest.mark.parametrize(("slower", "found"), [(0, []), (4, []), (6, ["slower-family"]), (80, ["slower-family"])])
def test_a_family_that_takes_longer_is_worth_knowing(slower: int, found: list[str]) -> None:
    outcome = judge(named(family(4), family(6, slower=slower * MS)))
    assert codes(outcome) == found
    assert all(only(outcome).severity == "info" for _ in found)


def test_a_few_milliseconds_are_not_said_on_however_short_a_way() -> None:
    assert codes(judge(named(family(4, slower=-18 * MS), family(6, slower=-14 * MS)))) == []


def test_both_alike_in_loss_and_delay_differ_in_nothing() -> None:
    assert codes(judge(named(family(4, lost=6, slower=USUAL), family(6, lost=6, slower=USUAL)))) == []


RUNS = st.none() | st.builds(
    lambda lost, slower: run(delaying(losing(PLAIN[:4], lambda f: f.scheduled < lost * 5 * MS), lambda _: slower)),
    st.integers(0, 5),
    st.integers(0, 10**10),
)
FAMILIES = st.tuples(
    *(
        st.builds(
            Family,
            version=st.just(version),
            addresses=st.lists(st.just(ADDRESSES[version]), max_size=2),
            run=RUNS,
            trouble=st.text(max_size=5),
            route=st.booleans(),
        )
        for version in (4, 6)
    )
)


@given(FAMILIES, st.none() | st.integers(0, 10**11))
def test_anything_is_judged(families: tuple[Family, Family], took: int | None) -> None:
    # Whoever was measured has an address.
    there = tuple(each for each in families if each.addresses or each.run is None)
    assert is_well_formed(judge(named(*there, took=took)), "names")
