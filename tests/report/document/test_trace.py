"""A saved trace: read again as it was, or refused with what is wrong."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given, strategies as st

from netecho.errors import UsageError
from netecho.report.document import schema
from netecho.report.document.reader import replay
from netecho.report.document.trace import document
from netecho.report.formats.json_document import pretty
from netecho.report.formats.trace_rows import NdjsonTrace
from netecho.report.output import Output
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.trace import trace
from tests.report.test_trace import ANSWERS, EVERY, HEAD

if TYPE_CHECKING:
    from pathlib import Path

VALID = jsonschema.Draft202012Validator(json.loads(schema.text()))
ALL = {name: json.loads(pretty(document(each))) for name, each in EVERY.items()}


def saved(folder: Path, text: str) -> str:
    file = folder / "trace.json"
    file.write_text(text)
    return str(file)


def lines(shaped: dict[str, Any]) -> str:
    """What --format ndjson prints."""
    out = io.StringIO()
    observer = NdjsonTrace(Output(out, io.StringIO()))
    observer.started(HEAD)
    for answer in ANSWERS:
        observer.answered(answer)
    observer.finished(shaped)
    return out.getvalue()


@pytest.mark.parametrize("name", ALL)
def test_what_was_saved_is_read_as_it_was(name: str, tmp_path: Path) -> None:
    again = replay(saved(tmp_path, pretty(ALL[name])), others=True)
    assert again.kind is not None
    assert again.kind.name == "a trace"
    assert again.document == ALL[name]


def test_compressed_or_packet_by_packet_too(tmp_path: Path) -> None:
    packed = tmp_path / "trace.ndjson.gz"
    packed.write_bytes(gzip.compress(lines(ALL["back"]).encode()))
    assert replay(str(packed), others=True).document == ALL["back"]


def test_packets_without_the_end_are_no_trace(tmp_path: Path) -> None:
    whole = lines(ALL["fine"])
    cut = "".join(whole.splitlines(keepends=True)[:-1])
    for text in (cut, whole[:-20]):
        with pytest.raises(UsageError, match="breaks off before the end of a trace"):
            replay(saved(tmp_path, text), others=True)


def test_one_of_before_there_was_a_way_back_is_shown(tmp_path: Path) -> None:
    older = {key: value for key, value in ALL["fine"].items() if key != "reverse"}
    again = replay(saved(tmp_path, pretty(older)), others=True).document
    assert rendered(trace(again, 80), width=80, color=False) == rendered(trace(ALL["fine"], 80), width=80, color=False)


def test_whoever_compares_is_told_what_it_is(tmp_path: Path) -> None:
    for text in (pretty(ALL["fine"]), lines(ALL["fine"])):
        with pytest.raises(UsageError, match="it is a trace, and no run") as refused:
            replay(saved(tmp_path, text))
        assert refused.value.hint == "netecho report prints it again"


def test_a_day_that_is_in_no_calendar_is_shown_as_it_stands() -> None:
    shaped = json.loads(json.dumps(ALL["changed"]))
    shaped["findings"][0]["time"] = "2026-02-31T00:00:00Z"
    assert "(2026-02-31T00:00:00Z)" in rendered(trace(shaped, 200), width=200, color=False)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where there is something in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in inside for place in ((*at, key), *places(inner, (*at, key)))]


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 0, 1e300, 10**30, "", "2026-02-31T00:00:00Z", "\x1b[2J", [], {}, [None], [[]], ["x"]]
)


@given(st.sampled_from(["back", "changed", "two ways"]), st.data())
def test_whatever_a_file_says_is_refused_or_can_be_shown(name: str, data: st.DataObject) -> None:
    hostile = json.loads(json.dumps(ALL[name]))
    *path, last = data.draw(st.sampled_from(places(hostile)))
    within = hostile
    for key in path:
        within = within[key]
    within[last] = data.draw(ODD)
    if schema.complaint(hostile, "trace") is None:
        VALID.validate(hostile)
        assert "\x1b" not in rendered(trace(hostile, 80), width=80, color=False)
