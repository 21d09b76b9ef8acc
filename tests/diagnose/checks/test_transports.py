"""Which transports get through, and what is in the way of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.checks.transports import Answer, Observed, Proxy, Reach, judge
from netecho.diagnose.finding import Fine
from netecho.target import parse_target
from tests.diagnose.checks.said import codes, is_well_formed, only, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.diagnose.finding import Outcome

TCP, UDP, STAMP = (parse_target(each) for each in ("tcp://host", "udp://host", "stamp://host:7862"))


def judged(*answers: Answer, expected: bool = True) -> Outcome:
    """What TCP, UDP and STAMP answered; those that do not echo are expected to or not."""
    reached = [
        Reach(target=target, answer=answer, expected=expected or answer == "echo", detail="by 10.0.0.1")
        for target, answer in zip((TCP, UDP, STAMP), answers, strict=True)
    ]
    return judge(Observed(reached))


def test_transports_that_answer_are_fine() -> None:
    assert codes(judged("echo", "echo", "echo")) == []
    assert (
        words(judged("echo", "echo", "echo")) == "TCP port 7007 answers\nUDP port 7007 answers\nSTAMP port 7862 answers"
    )


def test_the_smallest_round_trip_is_told() -> None:
    assert words(judge(Observed([Reach(target=TCP, answer="echo", rtt=12_300_000)]))) == (
        "TCP port 7007 answers in 12.3 ms"
    )


@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("silent", ["filtered"]),
        ("prohibited", ["prohibited"]),
        ("other", ["not-an-echo"]),
        ("failed", []),
        ("mute", ["not-an-echo"]),
    ],
)
def test_one_that_does_not_answer_while_others_do_is_found(which: int, answer: Answer, found: list[str]) -> None:
    every: list[Answer] = ["echo"] * 3
    every[which] = answer
    outcome = judged(*every)
    assert codes(outcome) == found
    assert all(only(outcome).severity == "warning" for _ in found)


def test_a_refusal_is_a_finding_only_where_a_netecho_is_known_to_serve_it() -> None:
    assert codes(judged("echo", "refused", "echo")) == ["refused"]
    assert codes(judged("echo", "refused", "refused")) == []
    assert "refused: nothing listens there" in words(judged("echo", "refused", "refused"))


UNREACHABLE = "ICMP port unreachable from "
FORBIDDEN = "ICMP communication administratively prohibited from "


def told(answer: Answer, detail: str, *, host: str = "198.51.100.2", expected: bool = True) -> Outcome:
    """What UDP came to, by a word of the network, where TCP answers."""
    tcp, udp = (parse_target(f"{scheme}://{host}") for scheme in ("tcp", "udp"))
    refused = Reach(target=udp, answer=answer, expected=expected, detail=detail)
    return judge(Observed([Reach(target=tcp, answer="echo"), refused]))


def test_a_refusal_that_a_router_sends_is_found() -> None:
    found = only(told("refused", UNREACHABLE + "10.0.1.2"))
    assert (found.code, found.severity, found.confidence) == ("refused", "warning", "likely")
    assert "by another address than the far end's: ICMP port unreachable from 10.0.1.2" in found.sentence
    unasked = told("refused", UNREACHABLE + "10.0.1.2", expected=False)
    assert codes(unasked) == []
    assert "UDP port 7007: refused: ICMP port unreachable from 10.0.1.2" in words(unasked)


@pytest.mark.parametrize(
    ("host", "sender"),
    [("198.51.100.2", "198.51.100.2"), ("[2001:db8:0::2]", "2001:db8::2"), ("[fe80::2%eth0]", "fe80::2")],
)
def test_the_far_ends_own_refusal_is_none_of_a_router(host: str, sender: str) -> None:
    outcome = told("refused", UNREACHABLE + sender, host=host)
    assert codes(outcome) == []
    assert "refused: nothing listens there" in words(outcome)
    assert (
        "is forbidden by the far end itself: ICMP" in only(told("prohibited", FORBIDDEN + sender, host=host)).sentence
    )


def test_who_forbids_is_said_as_far_as_it_is_known() -> None:
    assert "is forbidden on the way: ICMP" in only(told("prohibited", FORBIDDEN + "10.0.1.2")).sentence
    unknown = only(told("prohibited", "no route to host"))
    assert unknown.otherwise is not None
    assert "far end's own firewall" in unknown.otherwise


@pytest.mark.parametrize(
    ("answer", "found"),
    [("silent", []), ("refused", []), ("other", ["not-an-echo"]), ("prohibited", ["prohibited"])],
)
def test_of_what_was_only_looked_for_little_is_said(answer: Answer, found: list[str]) -> None:
    outcome = judged("echo", answer, "echo", expected=False)
    assert codes(outcome) == found
    assert all(only(outcome).severity == "info" for _ in found)


def test_where_nothing_answers_no_firewall_is_suspected() -> None:
    assert codes(judged("silent", "silent", "silent")) == []
    assert words(judged("mute", "silent", "silent")).startswith("TCP port 7007: takes connections, and echoes nothing")
    assert words(judged("silent", "refused", "failed")).split("\n") == [
        "TCP port 7007: no answer",
        "UDP port 7007: refused: nothing listens there",
        "STAMP port 7862: by 10.0.0.1",
    ]


# Proxies


def proxied(proxy: Proxy | None, why_not: str = "") -> Outcome:
    return judge(Observed([Reach(target=TCP, answer="echo")], proxy, why_not))


def test_a_connection_that_is_made_before_the_far_end_is_a_proxys() -> None:
    found = only(proxied(Proxy(3, connected=True)))
    assert (found.code, found.severity) == ("transparent-proxy", "warning")
    assert "3 routers" in found.sentence


def test_one_that_is_not_made_is_the_far_ends_own() -> None:
    assert "TCP is answered by the far end itself, 1 router away" in words(proxied(Proxy(1, connected=False)))


def test_where_it_was_not_tried_it_is_said_why_or_nothing() -> None:
    assert "transparent proxy: nobody says how far" in words(proxied(None, "nobody says how far"))
    assert all(isinstance(each, Fine) for each in proxied(None))


REACHES = st.builds(
    Reach,
    target=st.sampled_from([TCP, UDP, STAMP]),
    answer=st.sampled_from(get_args(Answer)),
    expected=st.booleans(),
    rtt=st.none() | st.integers(0, 10**10),
    detail=st.sampled_from(["", "by 10.0.0.1", "\x1b[2J"]),
)


@given(
    st.lists(REACHES, max_size=6),
    st.none() | st.builds(Proxy, st.integers(1, 255), st.booleans()),
    st.sampled_from(["", "no reflector"]),
)
def test_anything_is_judged(reached: Sequence[Reach], proxy: Proxy | None, why_not: str) -> None:
    assert is_well_formed(judge(Observed(reached, proxy, why_not)), "transports")
