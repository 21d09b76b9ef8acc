"""What is said of the ECN codepoint of datagrams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from netecho.report.terminal.ecn import remarks
from netecho.report.terminal.findings import remarks as findings
from netecho.report.terminal.transport_facts import facts
from tests.report.test_golden import RUNS

if TYPE_CHECKING:
    from netecho.report.document.model import Document


def run(sent: str, forward: dict[str, int] | None, backward: dict[str, int] | None = None) -> Document:
    return RUNS["calm"] | {"ecn": {"sent": sent, "forward": _all(forward), "backward": _all(backward)}}


def _all(counts: dict[str, int] | None) -> dict[str, int] | None:
    return None if counts is None else dict.fromkeys(("not-ect", "ect1", "ect0", "ce"), 0) | counts


def test_a_line_says_how_packets_arrived() -> None:
    assert facts(run("ect0", {"ect0": 98, "ce": 1200}, {"not-ect": 100}))[-1] == (
        "ecn: ect0 sent, arrived there: 98 ect0 1,200 ce, replies arrived: 100 not-ect"
    )
    assert facts(run("ect1", None, {"ect1": 2}))[-1] == "ecn: ect1 sent, replies arrived: 2 ect1"
    assert facts(run("ce", None))[-1] == "ecn: ce sent"


@pytest.mark.parametrize(
    ("sent", "forward", "said"),
    [
        ("ect0", {"ect0": 10}, []),
        (
            "ect0",
            {"not-ect": 10},
            [("odd", "The ECN of 10 packets was changed on the way there: ect0 was sent, not-ect arrived.")],
        ),
        (
            "ect1",
            {"ect1": 9, "ce": 1},
            [("note", "A queue on the way there was congested: 1 packet sent as ect1 arrived marked (ce).")],
        ),
        (
            "not-ect",
            {"ce": 1},
            [("odd", "The ECN of 1 packet was changed on the way there: not-ect was sent, ce arrived.")],
        ),
        ("ect0", None, []),
    ],
)
def test_what_became_of_it_on_the_way_there_is_said(sent: str, forward: dict[str, int] | None, said: Any) -> None:
    assert list(remarks(run(sent, forward, {"ce": 3}))) == said
    assert all(each in findings(run(sent, forward)) for each in said)


def test_what_a_saved_run_has_beside_the_codepoints_is_left_out() -> None:
    document = run("ect0", {"ect0": 1, "\x1b[2J": "many"})  # type: ignore[dict-item]  # as a saved run may have it
    assert facts(document)[-1] == "ecn: ect0 sent, arrived there: 1 ect0"
    assert list(remarks(document)) == []


def test_nothing_is_said_of_a_run_without_it() -> None:
    assert list(remarks(RUNS["calm"])) == []
