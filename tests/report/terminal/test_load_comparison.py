"""Two saved runs of load side by side, on paper and as a document."""

from __future__ import annotations

import json

import jsonschema
import pytest

from netecho.load.criteria import METRICS, parse
from netecho.report.document import schema
from netecho.report.document.load import shape
from netecho.report.document.load_comparison import compared
from netecho.report.terminal.load_comparison import sidebyside
from netecho.report.terminal.paper import rendered
from tests.load.runs import RUNS, whole
from tests.report.looks import looks_as_it_did

VALID = jsonschema.Draft202012Validator(json.loads(schema.text()))


def test_a_queue_that_is_gone_is_lower_and_the_rest_is_the_same() -> None:
    document = compared(shape(whole()), shape(whole(up=20, label="with \x1b[2Jcake")), ("before.json", "after.json"))
    VALID.validate(document)
    changes = {each["metric"]: each for each in document["changes"]}
    assert changes["upload.forward.p50"]["within_noise"] is False
    assert changes["upload.forward.p50"]["difference"] == pytest.approx(-460, rel=0.01)
    assert changes["download.rtt.p50"]["within_noise"] is True
    assert (changes["upload.goodput"]["unit"], changes["upload.goodput"]["before"]) == ("bit/s", 9_560_000)
    looks_as_it_did("compare-load-80", rendered(sidebyside(document, 80), width=80, color=False), 80)


def test_every_figure_of_a_saved_run_can_be_held() -> None:
    run = shape(whole())
    document = compared(run, run, ("a", "b"), parse(",".join(f"{name}>+noise" for name in METRICS), comparing=True))
    VALID.validate(document)
    assert document["verdict"] == {"exit_code": 0, "failed": []}
    assert {each["metric"] for each in document["changes"]} == set(METRICS)


def test_what_a_load_adds_has_a_spread_by_its_round_trips() -> None:
    document = compared(shape(whole()), shape(whole(up=20)), ("a", "b"), parse("upload.added<-noise", comparing=True))
    assert document["verdict"] == {"exit_code": 1, "failed": ["upload.added<-noise: -460 ms"]}


@pytest.mark.parametrize("name", RUNS)
def test_whatever_was_measured_can_be_compared(name: str) -> None:
    document = compared(shape(RUNS[name]), shape(whole()), ("a", "b"))
    VALID.validate(document)
    assert rendered(sidebyside(document, 40), width=40, color=False)
