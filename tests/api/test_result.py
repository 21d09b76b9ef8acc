"""A document as frozen values: the same figures under the same names, times in seconds."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, fields

import pytest

from netecho.api.result import ProbeResult, Time, Times, event_of, result_of
from tests.report.runs import STAMP
from tests.report.test_golden import RUNS


@pytest.mark.parametrize("name", RUNS)
def test_every_figure_is_the_documents(name: str) -> None:
    document = RUNS[name]
    result = result_of(document)
    for kind in ("rtt", "response", "lag"):
        times: Times = getattr(result, kind)
        for figure in fields(Times):
            value = getattr(times, figure.name)
            if figure.name == "count":
                assert value == document[kind]["count"]
            else:
                assert (None if value is None else value.milliseconds) == document[kind][f"{figure.name}_ms"]
    assert result.probes.received == document["probes"]["received"]
    assert result.failed == tuple(document["verdict"]["failed"])
    assert result.ok == (not result.failed)


def test_to_json_is_the_document() -> None:
    assert json.loads(result_of(RUNS["calm"]).to_json()) == json.loads(json.dumps(RUNS["calm"]))


def test_each_direction_is_there_where_the_far_end_stamps() -> None:
    result = result_of({**RUNS["calm"], "stamp": STAMP})
    assert result.forward is not None
    assert result.forward.p99 is not None
    assert result.forward.p99.milliseconds == STAMP["forward"]["p99_ms"]
    assert result_of(RUNS["calm"]).forward is None


def test_it_is_frozen() -> None:
    result: ProbeResult = result_of(RUNS["calm"])
    with pytest.raises(FrozenInstanceError):
        result.label = "other"  # type: ignore[misc]


def test_a_time_is_seconds_and_writes_itself() -> None:
    time = Time(0.001234)
    assert time == 0.001234
    assert time.milliseconds == 1.234
    assert str(time) == "1.234 ms"
    assert str(Time(-0.5)) == "-500.000 ms"


def test_an_event_has_the_names_of_its_row() -> None:
    event = event_of(
        {
            "event": "lost",
            "connection": 0,
            "seq": 3,
            "scheduled_ms": 600.0,
            "lag_ms": 0.1,
            "size": 64,
            "reason": "timeout",
        }
    )
    assert (event.kind, event.seq, event.scheduled, event.rtt, event.reason) == ("lost", 3, 0.6, None, "timeout")


def test_its_repr_can_be_read() -> None:
    assert len(repr(result_of(RUNS["calm"]))) < 2000
