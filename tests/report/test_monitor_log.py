"""What a monitor writes of its targets: lines for people, rows that the schema knows."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Literal

import jsonschema
import pytest

from netecho.errors import OutputClosed
from netecho.report.document import schema
from netecho.report.monitor_log import MonitorLog
from netecho.report.output import Output
from netecho.units import SECOND
from tests.report.monitored import DEGRADED, DOWN, EVERY, UNREACHABLE, UP

if TYPE_CHECKING:
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.state import Change

SCHEMA = json.loads(schema.text())
VALID = jsonschema.Draft202012Validator(SCHEMA)
ROW = jsonschema.Draft202012Validator(SCHEMA | {"if": True, "then": {"$ref": "#/$defs/monitorEvent"}})
NOON = 1_700_000_000 * SECOND


class Written:
    def __init__(self, form: Literal["text", "ndjson"], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", "UTC")
        self.paper = io.StringIO()
        self.log = MonitorLog(Output(self.paper, io.StringIO()), form, lambda: NOON)

    @property
    def lines(self) -> list[str]:
        return self.paper.getvalue().splitlines()

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def everything(self) -> None:
        self.log.started(4)
        for target, change in (UP, DEGRADED, DOWN, UNREACHABLE):
            self.log.changed(target, change)
        self.log.noticed("reloaded", "read it again", kept=3, added=2, removed=1)
        self.log.noticed("not_reloaded", "nothing is changed")
        self.log.noticed("clock_set", "the clock was set back by 3 s", step_ms=-3000)
        self.log.stopped(3600 * SECOND, EVERY)


def test_every_row_is_as_the_schema_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    written = Written("ndjson", monkeypatch)
    written.everything()
    assert [row["event"] for row in written.rows] == [
        *("start", "state", "state", "state", "state"),
        *("reloaded", "not_reloaded", "clock_set", "stop"),
    ]
    for row in written.rows:
        VALID.validate(row)
        ROW.validate(row)


@pytest.mark.parametrize("key", ["target", "state", "reason", "minute"])
def test_a_row_that_lacks_something_is_not(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = Written("ndjson", monkeypatch)
    written.log.changed(*DOWN)
    (row,) = written.rows
    del row[key]
    assert not ROW.is_valid(row)


def test_a_change_has_the_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    written = Written("ndjson", monkeypatch)
    written.log.changed(*DEGRADED)
    (row,) = written.rows
    assert (row["target"], row["before"], row["state"], row["reason"]) == ("lon", "up", "degraded", "loss>10%")
    assert (row["group"], row["labels"], row["address"]) == ("core", {"site": "ams"}, "192.0.2.1")
    assert row["minute"]["loss_percent"] == pytest.approx(100 * 14 / 55)
    assert row["minute"]["rtt"]["p50_ms"] == pytest.approx(1, rel=0.02)


def test_a_change_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    written = Written("text", monkeypatch)
    written.everything()
    said = [line.partition(" ")[2].partition(" ")[2] for line in written.lines]
    assert said == [
        "monitoring 4 targets",
        "fra: up: it answers",
        "lon: degraded: loss>10% (was up for 14.0 s)",
        "nyc: down: no answer",
        "syd: unreachable: refused",
        "read it again",
        "nothing is changed",
        "the clock was set back by 3 s",
        "stopped after 1 h 00 min: 1 up, 1 degraded, 1 down, 1 unreachable",
    ]


def test_what_a_resolver_or_a_peer_said_is_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    target, change = hostile()
    for form in ("text", "ndjson"):
        written = Written(form, monkeypatch)
        written.log.changed(target, change)
        assert written.paper.getvalue().rstrip("\n").isprintable()


def hostile() -> tuple[MonitoredTarget, Change]:
    target, change = DOWN
    return target, change._replace(reason="\x1b[2J\x9b1m\u202egone")


def test_a_reader_that_is_gone_is_an_error_for_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    written = Written("text", monkeypatch)

    def broken(_: str) -> None:
        raise OutputClosed("gone")

    monkeypatch.setattr(Output, "write_line", lambda _, text: broken(text))
    with pytest.raises(OutputClosed):
        written.log.started(1)
