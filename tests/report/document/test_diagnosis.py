"""The document of a diagnosis: valid, whole, and with the exit code it comes to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given, strategies as st

from netecho.diagnose.finding import CHECKS, SEVERITIES, Diagnosis, Figure, Finding, Fine, NotTested, Outcome, Severity
from netecho.errors import ExitCode, UsageError
from netecho.report.document import schema
from netecho.report.document.diagnosis import document
from netecho.report.document.reader import replay
from netecho.report.formats.json_document import pretty
from netecho.report.terminal.diagnosis import diagnosis as shown
from netecho.report.terminal.paper import rendered
from tests.report.diagnoses import BAD_PATH, DIAGNOSES, EVERY, LATE, PROHIBITED, SILENT, diagnosis
from tests.report.runs import calm, run

if TYPE_CHECKING:
    from pathlib import Path

VALID = jsonschema.Draft202012Validator(json.loads(schema.text()))


@pytest.mark.parametrize("name", DIAGNOSES)
def test_it_is_as_the_schema_has_it(name: str) -> None:
    VALID.validate(json.loads(pretty(document(DIAGNOSES[name]))))


def test_a_figure_is_named_with_its_unit_and_times_are_milliseconds() -> None:
    (late,) = [each for each in document(EVERY)["findings"] if each["code"] == "late-sends"]
    assert late["evidence"] == {"lag_p99_ms": 7.25, "busy_percent": 95.04, "sent": 1_234_567}


def test_what_is_not_known_is_null() -> None:
    finding = document(EVERY)["findings"][0]
    assert finding["evidence"]["other_loss_percent"] is None
    assert document(SILENT)["address"] is None
    assert document(diagnosis((PROHIBITED,)))["findings"][0]["direction"] is None


@pytest.mark.parametrize(
    ("outcome", "fail_at", "code"),
    [
        ((), "info", ExitCode.OK),
        ((LATE,), "warning", ExitCode.OK),
        ((LATE,), "info", ExitCode.FAILED),
        ((LATE, PROHIBITED), "warning", ExitCode.FAILED),
        ((LATE, PROHIBITED), "critical", ExitCode.OK),
        ((BAD_PATH, LATE), "critical", ExitCode.FAILED),
    ],
)
def test_the_exit_code_is_that_of_the_worst_finding(outcome: Outcome, fail_at: Severity, code: int) -> None:
    assert document(diagnosis(outcome), fail_at)["verdict"] == {"exit_code": code, "fail_if_severity": fail_at}


def test_where_nothing_answers_it_is_3_and_the_error_is_said() -> None:
    silent = document(SILENT)
    assert silent["verdict"]["exit_code"] == ExitCode.UNREACHABLE
    assert silent["error"] == {
        "sentence": "nothing answers at lab.example: tcp://lab.example:7007 (no answer)",
        "hint": "is it running?",
    }
    assert "error" not in document(EVERY)


CHECK, TEXT = st.sampled_from(CHECKS), st.text(max_size=9)
FIGURE = st.builds(
    Figure,
    st.text("abcdefghij_", min_size=1, max_size=4),
    st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["time", "bytes", "percent", "bit/s", "count"]),
)
EACH = st.one_of(
    st.builds(
        Finding,
        check=CHECK,
        code=st.text("abcz09-", min_size=1, max_size=9),
        severity=st.sampled_from(SEVERITIES),
        direction=st.sampled_from([None, "forward", "backward", "both"]),
        confidence=st.sampled_from(["possible", "likely", "certain"]),
        sentence=TEXT,
        evidence=st.lists(FIGURE, max_size=3).map(tuple),
        otherwise=st.none() | TEXT,
        command=st.none() | TEXT,
    ),
    st.builds(Fine, CHECK, TEXT),
    st.builds(NotTested, CHECK, TEXT),
)
ANY = st.builds(diagnosis, st.lists(EACH, max_size=6).map(tuple), label=st.none() | TEXT, interrupted=st.booleans())


@given(ANY, st.sampled_from(SEVERITIES))
def test_of_any_outcome_it_is_valid_json_that_says_all_of_it(found: Diagnosis, fail_at: Severity) -> None:
    shaped = json.loads(pretty(document(found, fail_at)))
    VALID.validate(shaped)
    assert schema.complaint(shaped, "diagnosis") is None
    assert sum(len(shaped[each]) for each in ("findings", "fine", "not_tested")) == len(found.outcome)


# Read again


def saved(path: Path, shaped: str | dict[str, Any]) -> str:
    """Where it was saved, as --save has it."""
    file = path / "found.json"
    file.write_text(shaped if isinstance(shaped, str) else pretty(shaped))
    return str(file)


@pytest.mark.parametrize("name", DIAGNOSES)
def test_what_was_saved_is_read_as_it_was(name: str, tmp_path: Path) -> None:
    shaped = document(DIAGNOSES[name])
    again = replay(saved(tmp_path, shaped), others=True)
    assert again.kind is not None
    assert again.document == json.loads(pretty(shaped))


def test_whoever_reads_runs_is_told_that_it_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is a diagnosis, and no run"):
        replay(saved(tmp_path, document(EVERY)))


def test_a_run_is_no_diagnosis(tmp_path: Path) -> None:
    assert replay(saved(tmp_path, run(calm())), others=True).kind is None


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"critical"', '"fatal"', "diagnosis.findings[0].severity is none of info, warning, critical"),
        ('"bad_flows": 4', '"bad_flows": [4]', "diagnosis.findings[0].evidence.bad_flows is not number"),
        ('"bad_flows": 4', '"bad_flows": 1e999', "diagnosis.findings[0].evidence.bad_flows is not number"),
        ('"bad_flows": 4', '"bad_flows": NaN', "it is not JSON"),
        ('"duration_ms": 21345.0', '"duration_ms": 1e300', "diagnosis.duration_ms is out of range"),
        ('"bytes": 4123456', '"bytes": 1' + "0" * 400, "diagnosis.bytes is out of range"),
        ('"fine": [', '"fine": [7, ', "diagnosis.fine[0] is not object"),
        ('"verdict"', '"Verdict"', "diagnosis has no 'verdict'"),
        ('"netecho/diagnosis/1"', '"netecho/diagnosis/2"', "document has no"),
    ],
)
def test_one_that_is_not_as_it_should_be_is_refused_with_what_is_wrong(
    before: str, after: str, said: str, tmp_path: Path
) -> None:
    text = pretty(document(EVERY))
    assert before in text
    with pytest.raises(UsageError) as refused:
        replay(saved(tmp_path, text.replace(before, after, 1)), others=True)
    assert said in refused.value.sentence


def test_nothing_may_follow_it(tmp_path: Path) -> None:
    line = json.dumps(document(EVERY)) + "\n"
    assert replay(saved(tmp_path, line), others=True).kind
    with pytest.raises(UsageError, match="line 2: something follows"):
        replay(saved(tmp_path, line * 2), others=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(ANY, st.sampled_from(sorted(document(EVERY))), JSON)
def test_whatever_a_file_says_is_refused_or_can_be_shown(found: Diagnosis, key: str, value: object) -> None:
    hostile = json.loads(pretty(document(found))) | {key: value}
    if schema.complaint(hostile, "diagnosis") is None:
        assert "\x1b" not in rendered(shown(hostile), width=80, color=False)
        VALID.validate(json.loads(pretty(hostile)))
