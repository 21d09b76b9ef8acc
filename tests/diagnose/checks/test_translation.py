"""NAT, of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.checks.translation import Observed, judge
from netecho.measure.facts.stamp import LocationFacts
from tests.diagnose.checks.said import codes, is_well_formed, only, words
from tests.diagnose.observations import location

if TYPE_CHECKING:
    from netecho.measure.facts.stamp import Endpoint

HERE = ("192.0.2.1", 40_000)


def test_what_arrives_as_it_left_has_no_nat() -> None:
    assert words(judge(Observed(location()))) == "addresses and ports arrive as they left: no NAT"


def test_where_nobody_says_it_is_not_tested() -> None:
    assert codes(judge(Observed(None))) == []
    assert "RFC 8972" in words(judge(Observed(None)))


@pytest.mark.parametrize(
    ("there", "code", "said"),
    [
        (("203.0.113.9", 40_000), "nat", "192.0.2.1:40000 arrives as 203.0.113.9:40000; the port is kept."),
        (("203.0.113.9", 5), "nat", "192.0.2.1:40000 arrives as 203.0.113.9:5; the port becomes 5."),
        (("192.0.2.1", 5), "port-rewritten", "The source port 40000 arrives as 5, from the same address"),
    ],
)
def test_a_source_that_arrives_as_another_is_worth_knowing(there: Endpoint, code: str, said: str) -> None:
    found = only(judge(Observed(location(HERE, there))))
    assert (found.code, found.severity, found.direction) == (code, "info", "forward")
    assert said in found.sentence


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (("192.0.2.1", 7), ("::ffff:192.0.2.1", 7)),  # as a socket for both families has it
        (("fe80::1%eth0", 7), ("fe80::1", 7)),  # scopes are of one host
    ],
)
def test_one_address_spelt_in_two_ways_is_no_nat(here: Endpoint, there: Endpoint) -> None:
    assert codes(judge(Observed(location(here, there)))) == []


def test_a_destination_that_is_another_there_is_found() -> None:
    found = only(judge(Observed(location(destination_there=("10.0.0.5", 7862)))))
    assert (found.code, found.severity) == ("destination-nat", "info")


def test_a_mapping_that_was_made_anew_is_a_warning() -> None:
    found = only(judge(Observed(location(changes=1))))
    assert (found.code, found.severity) == ("mapping-changes", "warning")
    assert "1 time within" in found.sentence


def test_a_mapping_that_depends_on_the_destination_is_symmetric() -> None:
    outside, other = ("203.0.113.9", 1000), ("203.0.113.9", 1001)
    both = Observed(location(HERE, outside), location(HERE, other, destination=("198.51.100.7", 862)))
    assert codes(judge(both)) == ["nat", "symmetric-nat"]


@pytest.mark.parametrize(
    ("source", "arrives"), [(HERE, ("203.0.113.9", 1000)), (("192.0.2.1", 40_001), ("203.0.113.9", 1001))]
)
def test_one_that_does_not_or_was_asked_from_another_port_is_not(source: Endpoint, arrives: Endpoint) -> None:
    assert codes(judge(Observed(location(HERE, ("203.0.113.9", 1000)), location(source, arrives)))) == ["nat"]


ENDPOINTS = st.tuples(
    st.none() | st.sampled_from(["192.0.2.1", "::ffff:192.0.2.1", "fe80::1%eth0", "2001:db8::1", "", "\x1b"]),
    st.integers(0, 65535),
)
LOCATIONS = st.builds(
    LocationFacts,
    source=ENDPOINTS,
    destination=ENDPOINTS,
    source_there=ENDPOINTS,
    destination_there=ENDPOINTS,
    changes=st.integers(0, 9),
)


@given(st.none() | LOCATIONS, st.none() | LOCATIONS)
def test_anything_is_judged(one: LocationFacts | None, other: LocationFacts | None) -> None:
    assert is_well_formed(judge(Observed(one, other)), "translation")
