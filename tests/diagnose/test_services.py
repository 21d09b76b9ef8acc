"""Which services of a host a diagnosis is about."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.services import parse_services
from netecho.errors import UsageError
from netecho.target import parse_target


def named(text: str, *, expected: bool) -> list[str]:
    return [str(each.target) for each in parse_services(text).every if each.expected is expected]


@pytest.mark.parametrize(
    ("text", "asked", "beside"),
    [
        ("host", ["tcp://host:7007", "udp://host:7007", "stamp://host:7862"], ["stamp://host:862"]),
        ("host:7007", ["tcp://host:7007", "udp://host:7007", "stamp://host:7862"], ["stamp://host:862"]),
        ("host:7", ["tcp://host:7", "udp://host:7"], ["stamp://host:7862", "stamp://host:862"]),
        (
            "udp://host:5060",
            ["udp://host:5060"],
            ["tcp://host:7007", "stamp://host:7862", "stamp://host:862"],
        ),
        ("stamp://host", ["stamp://host:862"], ["tcp://host:7007", "udp://host:7007", "stamp://host:7862"]),
        (
            "[2001:db8::1]",
            ["tcp://[2001:db8::1]:7007", "udp://[2001:db8::1]:7007", "stamp://[2001:db8::1]:7862"],
            ["stamp://[2001:db8::1]:862"],
        ),
        (
            "tls://host",
            ["tls://host:7443"],
            ["tcp://host:7007", "udp://host:7007", "stamp://host:7862", "stamp://host:862"],
        ),
    ],
)
def test_a_target_stands_for_services_and_others_are_looked_for(text: str, asked: list[str], beside: list[str]) -> None:
    assert named(text, expected=True) == asked
    assert named(text, expected=False) == beside


@pytest.mark.parametrize(("text", "schemes"), [("self", ["tcp", "udp", "stamp"]), ("udp://self", ["udp"])])
def test_self_is_asked_for_what_it_serves_and_nothing_is_looked_for(text: str, schemes: list[str]) -> None:
    every = parse_services(text).every
    assert [each.target.scheme for each in every] == schemes
    assert all(each.expected and each.target.is_self for each in every)


def test_services_that_turn_out_elsewhere_stay_what_they_were_asked_as() -> None:
    services = parse_services("udp://self")
    moved = services.at([parse_target("udp://127.0.0.1:40000")])
    assert (moved.name, moved.host) == (services.name, "127.0.0.1")
    assert [(str(each.target), each.expected) for each in moved.every] == [("udp://127.0.0.1:40000", True)]


@pytest.mark.parametrize("text", ["unix:/run/echo", "host:0x", "ftp://host", "", "host:70000", "[::1", "a b"])
def test_what_is_no_host_is_refused_with_what_is_wrong(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_services(text)
    assert refused.value.sentence


@given(st.text(max_size=30))
def test_anything_is_read_or_refused(text: str) -> None:
    try:
        services = parse_services(text)
    except UsageError:
        return
    targets = [each.target for each in services.every]
    assert len(targets) == len(set(targets))
    assert services.every[0].expected
