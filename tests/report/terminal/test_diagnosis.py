"""A diagnosis as a person sees it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.finding import Figure
from netecho.errors import UnreachableError
from netecho.report.document.diagnosis import document
from netecho.report.terminal.diagnosis import diagnosis
from netecho.report.terminal.paper import rendered
from tests.report.diagnoses import (
    BAD_PATH,
    CLEAN,
    CUT,
    DIAGNOSES,
    EVERY,
    LATE,
    PROHIBITED,
    SILENT,
    diagnosis as diagnosed,
)
from tests.report.document.test_diagnosis import ANY
from tests.report.looks import looks_as_it_did

if TYPE_CHECKING:
    from netecho.diagnose.finding import Diagnosis


def shown(found: Diagnosis, width: int = 80, *, color: bool = False) -> str:
    return rendered(diagnosis(document(found)), width=width, color=color)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_findings_of_every_severity_look_as_they_did(width: int) -> None:
    looks_as_it_did(f"diagnosis-every-{width}", shown(EVERY, width), width)


@pytest.mark.parametrize("name", ["clean", "cut", "silent"])
def test_the_others_look_as_they_did(name: str) -> None:
    looks_as_it_did(f"diagnosis-{name}-80", shown(DIAGNOSES[name]), 80)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (EVERY, "3 findings (1 critical, 1 warning, 1 info) in 21.3 s"),
        (diagnosed((BAD_PATH,)), "1 finding (1 critical) in 21.3 s"),
        (diagnosed((LATE, PROHIBITED, PROHIBITED)), "3 findings (2 warning, 1 info) in 21.3 s"),
        (CLEAN, "nothing wrong was found in 21.3 s"),
        (CUT, "nothing was tested in 0.30 s (interrupted)"),
        (SILENT, "nothing answers in 21.3 s"),
    ],
)
def test_the_first_line_is_the_verdict(found: Diagnosis, verdict: str) -> None:
    assert verdict in shown(found, 200).splitlines()[0]


def test_where_somebody_is_there_who_does_not_echo_it_does_not_say_that_nothing_answers() -> None:
    found = replace(SILENT, error=UnreachableError("nothing echoes at lab.example: tcp://lab.example:22", None))
    assert "nothing echoes in 21.3 s" in shown(found, 200).splitlines()[0]


def test_large_figures_have_all_their_digits() -> None:
    figures = (Figure("rate", 2_047_123.4, "bit/s"), Figure("loss", 2.03456, "percent"))
    assert "rate 2,047,123 bit/s, loss 2.035%" in shown(diagnosed((replace(BAD_PATH, evidence=figures),)), 200)


def test_an_address_that_was_the_target_is_not_said_twice() -> None:
    assert shown(diagnosed(target="192.0.2.7:7")).startswith("192.0.2.7:7: ")
    assert shown(diagnosed()).startswith("lab.example (192.0.2.7): ")


@pytest.mark.parametrize("name", DIAGNOSES)
def test_colour_underlines_and_says_nothing_of_its_own(name: str) -> None:
    plain, colored = shown(DIAGNOSES[name]), shown(DIAGNOSES[name], color=True)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain
    # Sixteen colours, and none that vanishes on a light or a dark ground.
    used = {code for codes in re.findall(r"\x1b\[([0-9;]*)m", colored) for code in codes.split(";")}
    assert used <= {"0", "1", "2", "31", "32", "33", "36"}


@given(ANY, st.integers(20, 200), st.booleans())
def test_whatever_was_found_fits_and_moves_no_terminal(found: Diagnosis, width: int, color: bool) -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", shown(found, width, color=color)) if color else shown(found, width)
    assert all(each.isprintable() for line in text.split("\n") for each in line)
