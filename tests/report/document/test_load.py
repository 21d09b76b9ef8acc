"""The document of a run of load: valid, whole, with the exit code it comes to, and read again as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

from netecho.load.criteria import judge, parse
from netecho.load.phases import summarise
from netecho.report.document import schema
from netecho.report.document.load import SERIES, document, shape
from netecho.report.document.reader import replay
from netecho.report.formats.json_document import pretty
from tests.load.runs import NO_SERVICE, RUNS, SILENT, WHY, whole

if TYPE_CHECKING:
    from pathlib import Path

VALID = jsonschema.Draft202012Validator(json.loads(schema.text()))


@pytest.mark.parametrize("name", RUNS)
def test_it_is_as_the_schema_has_it_and_is_read_as_it_was(name: str, tmp_path: Path) -> None:
    text = pretty(shape(RUNS[name]))
    VALID.validate(json.loads(text))
    file = tmp_path / "run.json"
    file.write_text(text)
    again = replay(str(file), others=True)
    assert again.kind is not None
    assert again.kind.part == "load"
    assert again.document == json.loads(text)


def test_the_names_that_scripts_rely_on() -> None:
    shaped = shape(whole())
    assert shaped["schema"] == "netecho/load/1"
    for phase in ("idle", "download", "upload", "both"):
        assert {"goodput_bps", "rtt", "forward", "backward", "added_ms"} <= shaped[phase].keys()
    assert shaped["upload"]["goodput_bps"] == 9_560_000
    assert shaped["both"]["goodput_bps"] == 2 * 9_560_000
    assert shaped["upload"]["added_forward_ms"] == pytest.approx(480, rel=0.001)
    assert shaped["upload"]["forward"]["min_ms"] == pytest.approx(481, rel=0.001)
    assert [each["direction"] for each in shaped["queues"]] == ["upload"]
    assert shaped["parameters"]["MAD"] == 4


def test_a_series_is_bounded_and_says_when() -> None:
    series = shape(whole())["upload"]["series"]
    assert 0 < len(series) <= SERIES
    assert series[0]["at_ms"] == 0
    assert series[-1]["forward_ms"] == pytest.approx(481, rel=0.001)


def test_exit_codes() -> None:
    run = whole()
    phases = summarise(run)
    failed = judge(parse("upload.added>100ms"), phases)
    assert document(run, phases, failed)["verdict"] == {"exit_code": 1, "failed": [str(failed[0])]}
    assert shape(run)["verdict"]["exit_code"] == 0
    assert shape(SILENT)["verdict"]["exit_code"] == 3


def test_a_run_in_which_nothing_was_loaded_did_not_do_what_it_was_to() -> None:
    shaped = shape(NO_SERVICE)
    assert shaped["error"]["sentence"] == f"nothing was loaded: {WHY}"
    assert shaped["verdict"]["exit_code"] == 3
    assert shaped["idle"]["rtt"]["count"] > 0
    phases = summarise(NO_SERVICE)
    failed = judge(parse("upload.added>100ms"), phases)
    assert document(NO_SERVICE, phases, failed)["verdict"]["exit_code"] == 3
