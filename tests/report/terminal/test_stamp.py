"""What a STAMP run has to say, from the section of its document."""

from typing import Any

import pytest

from netecho.report.terminal.stamp import lines, remarks, rows

NONE: dict[str, Any] = {"count": 0, "ipdv_mean_abs_ms": None, "pdv_p99_ms": None, "lost": 0}
SOME: dict[str, Any] = {"count": 3, "ipdv_mean_abs_ms": 0.5, "pdv_p99_ms": 2.0, "lost": 0}


def document(**changes: Any) -> dict[str, Any]:
    section: dict[str, Any] = {
        "reflector": {"resets": 0},
        "loss": {"forward": 0, "backward": 0, "unknown": 0, "reasons": []},
        "clock": "synced",
        "clocks": {
            "here": {"synchronised": True, "error_ms": 0.2},
            "there": {"synchronised": True, "error_ms": 0.3},
            "offset_ms": 1.25,
            "offset_within_ms": 0.125,
            "drift_ppm": -0.5,
        },
        "forward": SOME,
        "backward": SOME,
        "processing": {"count": 3},
        "invalid_timestamps": {"total": 0, "zero": 0, "backwards": 0, "longer": 0, "future": 0, "past": 0},
        "class_of_service": {
            "dscp_sent": 46,
            "dscp_arrived": 46,
            "ecn_arrived": 0,
            "dscp_changed": 0,
            "dscp_asked": 46,
            "dscp_refused": 0,
            "dscp_reply": 46,
            "ecn_reply": 0,
        },
        "ttl": {"sent": 255, "arrived": 250},
    }
    for name, change in changes.items():
        section[name] = {**section.get(name, {}), **change} if isinstance(change, dict) else change
    return {"stamp": section}


def said(**changes: Any) -> list[str]:
    return [sentence for weight, sentence in remarks(document(**changes)) if weight != "note"]


def test_other_runs_have_nothing_of_it() -> None:
    assert rows({}) == {}
    assert lines({}) == []
    assert remarks({}) == []


def test_each_direction_and_the_reflectors_time_are_rows_of_the_table() -> None:
    assert list(rows(document())) == ["forward", "backward", "processing"]
    assert rows(document(forward=NONE, backward=NONE, processing={"count": 0})) == {}


def test_the_lines() -> None:
    assert lines(document(loss={"forward": 2, "unknown": 3, "reasons": ["late", "reset"]})) == [
        "forward ipdv 0.500 pdv 2.000 ms, backward ipdv 0.500 pdv 2.000 ms",
        "one-way delays as stamped, far clock +1.250 ms (within 0.125 ms), drift -0.50 ppm",
        "TTL 255 arrived as 250, DSCP 46 as 46, ECN 0 as 0",
        "2 lost forward, 3 lost in a direction that is not known (the reply was late; around a restart)",
    ]


def test_where_the_reflector_does_not_number_its_replies_nothing_is_said_of_directions() -> None:
    assert lines(document(loss={"unknown": 3, "reasons": ["stateless"]})) == lines(document())


def test_a_reflector_that_restarted() -> None:
    assert said(reflector={"resets": 2}) == [
        "The reflector numbered its replies anew 2 times: it restarted, or forgot the session."
    ]


def test_a_run_without_replies_has_few_of_them() -> None:
    nothing = document(
        clock=None,
        forward=NONE,
        backward=NONE,
        ttl={"arrived": None},
        class_of_service={"dscp_arrived": None, "dscp_changed": None, "dscp_refused": None, "dscp_reply": None},
    )
    assert lines(nothing) == []
    assert remarks(nothing) == []


@pytest.mark.parametrize("offset", [0.0, -0.0001])
def test_an_offset_that_is_as_good_as_none_has_no_minus(offset: float) -> None:
    clocks = {"drift_ppm": None, "offset_ms": offset}
    assert lines(document(clock="estimated", clocks=clocks))[1].endswith("far clock +0.000 ms (within 0.125 ms)")


def test_it_says_which_delays_are_shown() -> None:
    corrected = document(clock="estimated", clocks={"drift_ppm": None, "offset_ms": -3.0})
    assert lines(corrected)[1] == (
        "one-way delays corrected by the estimated offset, far clock -3.000 ms (within 0.125 ms)"
    )
    ((weight, sentence),) = remarks(corrected)
    assert weight == "note"
    assert sentence.startswith("One-way delays assume")


def test_what_the_clocks_claim() -> None:
    assert remarks(document()) == [
        ("note", "One-way delays are worth what the clocks are: both ends together claim 0.500 ms.")
    ]
    adrift = {"synchronised": False, "error_ms": 16000.0}
    assert said(clocks={"there": adrift}) == [
        "The clock at the far end follows no other: one-way delays are off by as much as it is."
    ]
    assert said(clocks={"here": adrift, "there": adrift}) == [
        "The clock here and at the far end follows no other: one-way delays are off by as much as it is."
    ]


@pytest.mark.parametrize(
    ("invalid_timestamps", "have", "why"),
    [
        ({"total": 1, "zero": 1}, "1 reply has", "1 never set"),
        (
            {"total": 1003, "backwards": 1000, "longer": 3},
            "1,003 replies have",
            "1,000 sent before it was received, 3 kept for longer than the round trip",
        ),
        ({"total": 2, "future": 1, "past": 1}, "2 replies have", "1 from the future, 1 from the past"),
    ],
)
def test_invalid_timestamps(invalid_timestamps: dict[str, int], have: str, why: str) -> None:
    assert said(invalid_timestamps=invalid_timestamps) == [
        f"{have} stamps that cannot be ({why}): no one-way delay is taken from them."
    ]


def test_a_clock_that_is_wrong_by_a_minute_and_more_can_be_measured_against() -> None:
    sentences = [sentence for _, sentence in remarks(document(invalid_timestamps={"total": 9, "future": 9}))]
    assert "If the far clock is simply wrong, --clock estimated measures against it all the same." in sentences


def test_bleaching_shows() -> None:
    assert said(class_of_service={"dscp_arrived": 0, "dscp_changed": 3}) == [
        "The DSCP of 3 packets was changed on the way there: 46 was sent, 0 arrived."
    ]
    assert said(class_of_service={"dscp_reply": 0}) == [
        "The DSCP of the replies was changed on the way back: 46 was sent, 0 arrived."
    ]


def location(source: str, destination: str = "192.0.2.1:862", changes: int = 0) -> dict[str, Any]:
    def endpoint(text: str) -> dict[str, Any]:
        address, _, port = text.rpartition(":")
        return {"address": address or None, "port": int(port)}

    return {
        "source": {"here": endpoint("10.0.0.2:50000"), "there": endpoint(source)},
        "destination": {"here": endpoint("192.0.2.1:862"), "there": endpoint(destination)},
        "changes": changes,
    }


@pytest.mark.parametrize(
    ("seen", "sentences"),
    [
        (location("10.0.0.2:50000"), []),
        (location(":50000", ":862"), []),
        (
            location("203.0.113.7:41234"),
            ["Behind NAT: the far end saw 203.0.113.7:41234, here it is 10.0.0.2:50000."],
        ),
        (location(":41234"), ["Behind NAT: the far end saw port 41234, here it is 10.0.0.2:50000."]),
        (
            location("10.0.0.2:50000", "192.168.1.5:1862"),
            ["The far end is behind NAT: what was sent to 192.0.2.1:862 arrived at 192.168.1.5:1862."],
        ),
        (
            location("10.0.0.2:50000", changes=2),
            ["The source that the far end saw changed 2 times: a NAT forgot its mapping."],
        ),
    ],
)
def test_translation_shows(seen: dict[str, Any], sentences: list[str]) -> None:
    at_ease = {sentence for _, sentence in remarks(document())}
    assert [sentence for _, sentence in remarks(document(location=seen)) if sentence not in at_ease] == sentences


def test_a_refusal_is_not_bleaching() -> None:
    assert said(class_of_service={"dscp_reply": 10, "dscp_refused": 3}) == [
        "The reflector would not answer with DSCP 46."
    ]


def test_a_reflector_that_does_not_tell_is_not_blamed() -> None:
    silent = {"dscp_arrived": None, "dscp_changed": None, "dscp_refused": None, "dscp_reply": 0}
    assert said(class_of_service=silent) == []


@pytest.mark.parametrize(
    ("counts", "sentences"),
    [
        ({"as_asked": 3}, []),
        ({"as_asked": 2, "refused": 1}, ["The far end refused --reply-size 1400 in 1 reply, and says so."]),
        (
            {"unknown": 3},
            ["The far end did not heed --reply-size 1400 in 3 replies: sizes were the same in both directions."],
        ),
        ({"as_asked": 2, "unknown": 1}, ["The far end did not heed --reply-size 1400 in 1 reply."]),
    ],
)
def test_what_the_far_end_does_not_do_is_said(counts: dict[str, int], sentences: list[str]) -> None:
    sizes = {"asked": 1400, "as_asked": 0, "refused": 0, "unknown": 0, **counts}
    assert said(reply_size=sizes) == sentences
