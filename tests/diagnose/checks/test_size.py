"""Path MTU, black holes, a clamped MSS."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.checks.size import Observed, PathMtu, Segments, Streamed, judge
from netecho.diagnose.finding import Finding
from tests.diagnose.checks.said import codes, evidence, is_well_formed, only, words

WHOLE = PathMtu(passes=1500, fails=1501, fate="local")
HOLE = PathMtu(passes=1400, fails=1401, fate="vanished")
TOLD = PathMtu(passes=1400, fails=1401, fate="refused", detail="ICMP fragmentation needed from 10.1.0.1, path MTU 1400")
GETS_THROUGH = Streamed(mss=1448, came_through=True)
HANGS = Streamed(mss=1448, came_through=False)


def test_packets_as_large_as_the_interfaces_are_fine() -> None:
    outcome = judge(Observed(forward=WHOLE, backward=WHOLE, stream=GETS_THROUGH))
    assert codes(outcome) == []
    assert "on the way there packets of 1,500 bytes pass" in words(outcome)
    assert "on the way back packets of 1,500 bytes pass" in words(outcome)


def test_where_nothing_larger_was_tried_nothing_is_said_of_it() -> None:
    outcome = judge(Observed(forward=PathMtu(passes=9216), backward=WHOLE, stream=GETS_THROUGH))
    assert "packets of 9,216 bytes pass: larger ones were not tried" in words(outcome)


def test_a_black_hole_has_its_direction_and_its_size() -> None:
    found = only(judge(Observed(forward=HOLE, backward=WHOLE, stream=HANGS)))
    assert (found.code, found.severity, found.direction) == ("mtu-black-hole", "critical", "forward")
    assert "more than 1,400 bytes vanish on the way there" in found.sentence
    assert "hang" in found.sentence
    assert (evidence(found)["passes"], evidence(found)["fails"]) == (1400, 1401)


def test_where_a_router_says_so_discovery_works() -> None:
    found = only(judge(Observed(forward=TOLD, backward=WHOLE, stream=GETS_THROUGH)))
    assert (found.code, found.severity, found.direction) == ("path-mtu", "info", "forward")
    assert "ICMP fragmentation needed from 10.1.0.1" in found.sentence


def test_what_the_far_end_was_told_shows_by_its_tcp() -> None:
    """Who sends too much on the way back is the far end: only its TCP says whether it was told."""
    assert only(judge(Observed(forward=WHOLE, backward=HOLE, stream=GETS_THROUGH))).code == "path-mtu"
    assert only(judge(Observed(forward=WHOLE, backward=HOLE, stream=HANGS))).code == "mtu-black-hole"


SHORT = Streamed(mss=1348, came_through=True)
"""Its segments make packets of 1,400 bytes, at this end and so it may be at the far one."""


@pytest.mark.parametrize("stream", [SHORT, None])
@pytest.mark.parametrize(
    ("fragments", "code", "confidence"),
    [(True, "path-mtu", "likely"), (False, "mtu-black-hole", "likely"), (None, "path-mtu", "possible")],
)
def test_short_segments_get_through_untold_and_datagrams_show_more(
    stream: Streamed | None, fragments: bool | None, code: str, confidence: str
) -> None:
    """An interface of 1,400 bytes here, or a router that rewrites the MSS, keeps the far end's segments short."""
    local = PathMtu(passes=1400, fails=1401, fate="local")
    found = only(judge(Observed(forward=local, backward=HOLE, stream=stream, fragments=fragments)))
    assert (found.code, found.direction, found.confidence) == (code, "backward", confidence)
    assert ("whether the far end is told is not known" in found.sentence) == (fragments is None)


def test_a_datagram_that_a_hole_on_the_way_there_took_shows_nothing_of_the_way_back() -> None:
    there, back = (
        each
        for each in judge(Observed(forward=HOLE, backward=HOLE, stream=SHORT, fragments=False))
        if isinstance(each, Finding)
    )
    assert (there.code, there.direction) == ("mtu-black-hole", "forward")
    assert (back.code, back.direction, back.confidence) == ("path-mtu", "backward", "possible")


def test_a_datagram_that_need_not_be_cut_shows_nothing() -> None:
    jumbo = PathMtu(passes=1500, fails=1501, fate="vanished")
    found = only(judge(Observed(forward=WHOLE, backward=jumbo, stream=GETS_THROUGH, fragments=True)))
    assert (found.code, found.confidence) == ("path-mtu", "possible")


def test_connections_that_hang_show_a_hole_whatever_comes_in_fragments() -> None:
    hangs = Streamed(mss=1348, came_through=False)
    found = only(judge(Observed(forward=WHOLE, backward=HOLE, stream=hangs, fragments=True)))
    assert (found.code, found.confidence) == ("mtu-black-hole", "certain")


def test_both_ways_together_have_no_direction() -> None:
    found = only(judge(Observed(together=HOLE, why_not="no TLV 12")))
    assert (found.code, found.direction) == ("mtu-black-hole", None)


@pytest.mark.parametrize(("mss", "expected"), [(1448, []), (1440, []), (1388, ["mss-clamped"]), (888, ["mss-clamped"])])
def test_an_mss_below_what_passes_is_named(mss: int, expected: list[str]) -> None:
    stream = Streamed(mss=mss, came_through=True)
    assert codes(judge(Observed(forward=WHOLE, backward=WHOLE, stream=stream))) == expected


def test_the_longer_headers_of_ipv6_are_no_clamp() -> None:
    stream = Streamed(mss=1428, came_through=True)
    assert codes(judge(Observed(forward=WHOLE, backward=WHOLE, stream=stream, headers=48))) == []
    assert codes(judge(Observed(forward=WHOLE, backward=WHOLE, stream=stream))) == ["mss-clamped"]


def test_an_mss_that_fits_the_narrower_way_is_not_clamped() -> None:
    stream = Streamed(mss=1348, came_through=True)
    assert codes(judge(Observed(forward=TOLD, backward=WHOLE, stream=stream))) == ["path-mtu"]
    assert codes(judge(Observed(forward=WHOLE, backward=TOLD, stream=stream))) == ["path-mtu"]


# By TCP


def by_tcp(forward: PathMtu = WHOLE, backward: PathMtu | None = WHOLE) -> Segments:
    return Segments(forward=forward, backward=backward, target="tcp://host", headers=52)


def test_without_datagrams_tcp_says_what_passes() -> None:
    outcome = judge(Observed(segments=by_tcp(), stream=GETS_THROUGH))
    assert codes(outcome) == []
    assert "on the way back TCP's segments make packets of up to 1,500 bytes, and those pass" in words(outcome)


def test_a_hole_that_tcp_fell_into_has_its_direction_and_its_command() -> None:
    found = only(judge(Observed(segments=by_tcp(forward=HOLE, backward=None), stream=HANGS)))
    assert (found.code, found.severity, found.direction) == ("mtu-black-hole", "critical", "forward")
    assert evidence(found)["passes"] == 1400
    assert found.command == "netecho probe tcp://host --reconnect -c 17 -s 1340..1356:1"
    found = only(judge(Observed(segments=by_tcp(backward=HOLE), stream=HANGS)))
    assert (found.code, found.direction) == ("mtu-black-hole", "backward")


def test_what_tcp_was_told_is_discovery_that_works() -> None:
    found = only(judge(Observed(segments=by_tcp(forward=TOLD), stream=GETS_THROUGH)))
    assert (found.code, found.severity, found.direction) == ("path-mtu", "info", "forward")


def test_a_hole_for_tcp_alone_is_told_beside_what_datagrams_say() -> None:
    found = only(judge(Observed(forward=WHOLE, backward=WHOLE, stream=HANGS, segments=by_tcp(forward=HOLE))))
    assert (found.code, found.direction) == ("mtu-black-hole", "forward")
    assert "though datagrams of that size pass" in found.sentence


def test_a_hole_for_all_is_told_once() -> None:
    observed = Observed(forward=HOLE, backward=WHOLE, stream=HANGS, segments=by_tcp(forward=HOLE, backward=None))
    assert "TCP segments" not in only(judge(observed)).sentence


def test_what_could_not_be_tried_is_said() -> None:
    assert "only TCP" in words(judge(Observed(why_not="only TCP answers")))
    assert "no TLV 12" in words(judge(Observed(together=WHOLE, why_not="no TLV 12")))


SIZES = st.none() | st.integers(0, 70_000)
FOUND = st.none() | st.builds(
    PathMtu,
    passes=SIZES,
    fails=SIZES,
    fate=st.sampled_from(["passed", "vanished", "refused", "local"]),
    detail=st.text(max_size=20),
    within=st.integers(0, 100),
)
SEGMENTS = st.none() | st.builds(by_tcp, FOUND.filter(lambda found: found is not None), FOUND)
STREAMS = st.none() | st.builds(Streamed, mss=SIZES, came_through=st.booleans())


@given(FOUND, FOUND, FOUND, STREAMS, SEGMENTS, st.none() | st.booleans())
def test_whatever_was_observed_is_judged(
    forward: PathMtu | None,
    backward: PathMtu | None,
    together: PathMtu | None,
    stream: Streamed | None,
    segments: Segments | None,
    fragments: bool | None,
) -> None:
    observed = Observed(
        forward=forward,
        backward=backward,
        together=together,
        stream=stream,
        segments=segments,
        fragments=fragments,
        target="stamp://host",
    )
    assert is_well_formed(judge(observed), "size")


def test_tcp_that_hangs_is_said_where_it_was_not_found_out_at_which_size() -> None:
    outcome = judge(Observed(forward=WHOLE, backward=WHOLE, stream=HANGS))
    assert codes(outcome) == []
    assert "over TCP do not come back" in words(outcome)
    for quiet in (Observed(forward=HOLE, backward=WHOLE, stream=HANGS), Observed(forward=WHOLE, stream=GETS_THROUGH)):
        assert "over TCP do not come back" not in words(judge(quiet))


@pytest.mark.parametrize(
    "observed",
    [
        Observed(forward=WHOLE, backward=WHOLE, stream=HANGS, segments=by_tcp()),
        Observed(together=WHOLE, stream=HANGS, segments=by_tcp()),
        Observed(stream=HANGS, segments=by_tcp()),
    ],
)
def test_tcp_that_hangs_though_each_size_passes_is_said(observed: Observed) -> None:
    assert "over TCP do not come back: the size of a segment is not why" in words(judge(observed))
    hole = replace(observed, segments=by_tcp(backward=HOLE))
    assert "over TCP do not come back" not in words(judge(hole))
