"""What the page is told, against the schema, and one target over time from memory and from a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from netecho.history.course import Stretch
from netecho.history.rows import Outage
from netecho.monitor.state import Change, State
from netecho.monitor.windows import Counts
from netecho.report.document import periods, schema
from netecho.report.document.live_events import LATEST, LiveEvents, Moment
from netecho.units import MILLISECOND, SECOND
from tests.report.monitored import DEGRADED, DOWN, EVERY, UP, watched

WALL = 1_800_000_000 * SECOND
if TYPE_CHECKING:
    from netecho.monitor.monitored import MonitoredTarget

NOW = Moment(WALL, 200 * SECOND)
SCHEMA = json.loads(schema.text())


@pytest.fixture
def live() -> LiveEvents:
    return LiveEvents(lambda: NOW, has_history=True)


def checked(text: str, part: str) -> Any:
    """Read what was told, a line, and see that it is as documented."""
    assert "\n" not in text
    document = json.loads(text)
    jsonschema.Draft202012Validator({"$ref": f"#/$defs/{part}", "$defs": SCHEMA["$defs"]}).validate(document)
    return document


def news(live: LiveEvents, target: MonitoredTarget) -> Any:
    return checked(f'{{"targets": [{live.news(target)}]}}', "liveNews")["targets"][0]


def test_the_beginning(live: LiveEvents) -> None:
    began = checked(live.began(), "liveStart")
    assert (began["schema"], began["history"]) == ("netecho/events/1", True)
    jsonschema.Draft202012Validator(SCHEMA).validate(began)


def test_targets_whole_in_each_state(live: LiveEvents) -> None:
    rows = [checked(f'{{"targets": [{live.whole(each)}]}}', "liveTargets")["targets"][0] for each in EVERY]
    assert [row["state"] for row in rows] == ["up", "degraded", "down", "unreachable"]
    up, down = rows[0], rows[2]
    assert (up["target"], up["labels"], up["minute"]["lost"]) == ("fra", {"site": "ams"}, 0)
    assert up["minute"]["p50_ms"] == pytest.approx(1, rel=0.02)
    assert len(up["course"]["p50_ms"]) == 40
    assert set(up["course"]["p50_ms"]) != {None}
    assert (set(down["course"]["p50_ms"]), set(down["course"]["lost"])) == ({None}, {5})


def test_news_says_which_five_seconds_were_over_last(live: LiveEvents) -> None:
    row = news(live, UP[0])
    assert "course" not in row
    assert row["slot"]["began"] == "2027-01-15T07:59:55.000000Z"
    assert row["slot"]["sent"] == 5


def test_an_hour_is_that_of_its_whole_minutes_and_made_once_for_each(live: LiveEvents) -> None:
    first, _ = watched("fra", ".", seconds=50)
    assert news(live, first)["hour"] == news(live, first)["minute"]
    target, _ = watched("fra", ".", seconds=130)
    assert (target.windows.minutes[-1].counts.sent, news(live, target)["hour"]["sent"]) == (60, 120)
    target.recorder.sent(0)
    target.advance(180 * SECOND)
    assert news(live, target)["hour"]["sent"] == 131
    again, _ = watched("fra", "x", seconds=180)
    assert news(live, again)["hour"]["lost"] == 180  # another target of the same name, after a reload
    live.forget()
    assert news(live, target)["hour"]["lost"] == 0


def test_changes_are_remembered_up_to_a_bound(live: LiveEvents) -> None:
    assert checked(live.changes(), "liveChanges") == {"changes": []}
    for n in range(LATEST + 5):
        live.remember(*(DOWN if n % 2 else DEGRADED))
    assert len(checked(live.changes(), "liveChanges")["changes"]) == 200
    assert len(live.changes_of(DOWN[0])) == LATEST // 2
    state = checked(live.changed(*DOWN), "liveState")
    assert (state["target"], state["state"], state["news"]["state"]) == ("nyc", "down", "down")


def test_what_is_not_printable_is_escaped(live: LiveEvents) -> None:
    target, _ = watched("x", "x")
    target.state.reason = "\x1b[31m\n"
    row = news(live, target)
    assert row["reason"] == "\\x1b[31m\\n"


def document(text: str) -> Any:
    found = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def frame(source: Any, period: int) -> periods.Frame:
    return periods.Frame(target="t", url="udp://t", since=WALL - 600 * SECOND, until=WALL, period=period, source=source)


def test_slots_and_minutes_of_memory_stand_where_they_were() -> None:
    target = UP[0]
    slots = list(periods.of_slots(target, NOW, 100 * SECOND))
    assert (len(slots), slots[0]["began"]) == (20, "2027-01-15T07:58:20.000000Z")
    minutes = list(periods.of_minutes(target, NOW, 0))
    assert [each["began"] for each in minutes] == [
        "2027-01-15T07:56:40.000000Z",
        "2027-01-15T07:57:40.000000Z",
        "2027-01-15T07:58:40.000000Z",
    ]
    found = document("".join(periods.document(frame("memory", 60 * SECOND), [], minutes)))
    assert [each["sent"] for each in found["periods"]] == [60, 60, 60]


def test_outages_of_memory_are_made_of_the_changes() -> None:
    target = DOWN[0]
    changes = [
        Change(State.PENDING, State.UP, "it answers", 1 * SECOND, 1 * SECOND),
        Change(State.UP, State.DOWN, "no answer", 100 * SECOND, 99 * SECOND),
        Change(State.DOWN, State.UP, "it answers", 130 * SECOND, 30 * SECOND),
    ]
    over, now = periods.outages_in_memory(target, changes, NOW, 120 * SECOND)
    assert over == {
        "began": "2027-01-15T07:58:20.000000Z",
        "ended": "2027-01-15T07:58:50.000000Z",
        "state": "down",
        "reason": "no answer",
    }
    assert (now["ended"], now["state"]) == (None, "down")
    assert periods.outages_in_memory(UP[0], changes, NOW, 140 * SECOND) == []


def test_a_file_has_stretches_and_outages_and_pauses_between() -> None:
    stretches = [None, Stretch(1_799_999_940, Counts(sent=9, received=8, lost=1), MILLISECOND, None), None]
    outage = Outage("t", "udp://t", 1_799_999_950_000, None, "unreachable", "refused")
    pieces = list(
        periods.document(frame("file", 60 * SECOND), periods.outages_in_file([outage]), periods.of_file(stretches))
    )
    assert pieces.count("") == 2
    found = document("".join(pieces))
    assert found["periods"][0]["loss_percent"] == pytest.approx(100 / 9, abs=1e-5)
    assert found["outages"][0]["began"] == "2027-01-15T07:59:10.000000Z"
