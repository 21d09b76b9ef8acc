"""Which datagrams get no answer."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from netecho.echo.loop_guard import ANSWER_TTL, HOPS, refusal

FAMILY = {"echo": 7, "discard": 9, "systat": 11, "daytime": 13, "qotd": 17, "chargen": 19, "time": 37}


@pytest.mark.parametrize("port", [*FAMILY.values(), 53, 69, 123, 862, 7007, 0])
def test_services_that_answer_whatever_comes(port: int) -> None:
    assert refusal(port, 64, 9000) is not None


def test_a_server_on_the_same_port_as_ours() -> None:
    assert refusal(9000, 64, 9000) is not None
    assert refusal(9001, 64, 9000) is None


@given(st.integers(0, HOPS))
def test_an_answer_is_known_by_its_ttl_wherever_it_comes_from(hops: int) -> None:
    assert refusal(40000, ANSWER_TTL - hops, 9000) is not None


@given(st.sampled_from([32, 64, 128, 255]), st.integers(0, HOPS))
def test_whoever_sends_as_systems_do_is_answered(initial: int, hops: int) -> None:
    assert refusal(40000, initial - hops, 9000) is None


def test_where_the_ttl_is_not_known_the_port_decides() -> None:
    assert refusal(40000, None, 9000) is None
    assert refusal(7, None, 9000) is not None
