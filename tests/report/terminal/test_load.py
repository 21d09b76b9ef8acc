"""A run of load as a person sees it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from netecho.report.document.load import shape
from netecho.report.formats.json_document import pretty
from netecho.report.terminal.load import paper
from netecho.report.terminal.paper import rendered
from tests.load.runs import RUNS, whole
from tests.report.looks import looks_as_it_did


def shown(name: str, width: int = 80) -> str:
    return rendered(paper(json.loads(pretty(shape(RUNS[name]))), width), width=width, color=False)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_looks_as_it_did(name: str) -> None:
    looks_as_it_did(f"load-{name}-80", shown(name), 80)


@pytest.mark.parametrize("width", [40, 200])
def test_it_fits_its_width(width: int) -> None:
    looks_as_it_did(f"load-queue-{width}", shown("queue", width), width)


def test_what_a_peer_said_is_shown_and_not_obeyed() -> None:
    assert "\x1b" not in shown("no-service")


def test_a_mark_of_the_probes_is_said() -> None:
    page = rendered(paper(shape(whole(dscp=46)), 120), width=120, color=False)
    assert "probes by stamp://192.0.2.7:7862 every 20 ms with DSCP 46" in page


def test_what_was_cut_short_says_so() -> None:
    page = rendered(paper(shape(whole(interrupted=True)), 80), width=80, color=False)
    assert "(interrupted)" in page


def test_where_there_is_no_room_there_is_no_chart() -> None:
    assert "│" in rendered(paper(shape(whole()), 80), width=80, color=False)
    assert "│" not in rendered(paper(shape(whole()), 50), width=50, color=False)


def test_a_chart_of_microseconds_is_none_of_blanks() -> None:
    tiny = tuple(each._replace(rtt=20_000, forward=None, backward=None) for each in whole().samples)
    page = rendered(paper(shape(replace(whole(), samples=tiny)), 80), width=80, color=False)
    assert "0.02 ms │████" in page


def test_what_is_little_beside_a_queue_is_seen_in_the_chart() -> None:
    page = rendered(paper(shape(whole()), 80), width=80, color=False)
    idle = page[page.index("idle: rtt over") :].partition("\n\n")[0]
    assert idle.splitlines()[-1].startswith(f"{'0':>12} │▁▁▁▁")
