"""What `netecho history` prints: valid JSON, a table with outages, a row a minute."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import jsonschema
import pytest

from netecho.history.parts import Period, Span
from netecho.history.reading import MinuteRow, TargetHistory
from netecho.history.rows import Outage
from netecho.monitor.directions import Located
from netecho.monitor.histogram import NOTHING, CoarseHistogram
from netecho.monitor.windows import Counts
from netecho.report.document import schema
from netecho.report.document.history import COLUMNS, csv_rows, document
from netecho.report.formats.json_document import by_rows
from netecho.report.output import Output
from netecho.report.terminal.history import OUTAGES, show
from netecho.units import MILLISECOND

SCHEMA = json.loads(schema.text())
VALID = jsonschema.Draft202012Validator(SCHEMA)
SPAN = Span(since=1_700_000_000, until=1_700_086_400)
URL = "udp://echo.example:7007"


def times(*milliseconds: int) -> CoarseHistogram:
    histogram = CoarseHistogram()
    for each in milliseconds:
        histogram.record(each * MILLISECOND)
    return histogram


def kept(
    name: str,
    *outages: Outage,
    rtt: CoarseHistogram | None = None,
    lost: int = 0,
    located: Located | None = None,
) -> TargetHistory:
    rtt = rtt or times()
    counts = Counts(sent=rtt.count + lost, received=rtt.count, lost=lost)
    p50, p99 = rtt.percentiles((50, 99))
    return TargetHistory(
        target=name,
        url=URL,
        minutes=1,
        counts=counts,
        located=located,
        rtt=rtt,
        response=rtt,
        outages=outages,
        periods=(Period(SPAN.since, counts.sent, counts.received, counts.lost, p50, p99),),
    )


OVER = Outage("fra", URL, 1_700_000_100_000, 1_700_000_160_500, "down", "no answer")
OPEN = Outage("fra", URL, 1_700_080_000_000, None, "unreachable", "refused \x1b[2J")
FRA = kept("fra", OVER, OPEN, rtt=times(1, 2, 3, 100), lost=1)
SILENT = kept("syd", lost=60)


def shown(*histories: TargetHistory, width: str = "100") -> list[str]:
    paper = io.StringIO()
    show(document(histories, SPAN), Output(paper, io.StringIO(), environ={"COLUMNS": width}))
    return paper.getvalue().splitlines()


def test_it_is_as_the_schema_has_it() -> None:
    found = json.loads(json.dumps(document([FRA, SILENT], SPAN)))
    VALID.validate(found)
    jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": "#/$defs/history"}).validate(found)
    del found["targets"][0]["outages"][0]["reason"]
    assert not VALID.is_valid(found)


@pytest.mark.parametrize("histories", [[], [FRA], [FRA, SILENT]])
def test_as_json_each_target_has_a_line(histories: list[TargetHistory]) -> None:
    found = document(histories, SPAN)
    text = "".join(by_rows(found, "targets"))
    assert json.loads(text) == found
    assert text.isascii()
    assert sum('"outages"' in line for line in text.splitlines()) == len(histories)


def test_figures_are_in_milliseconds_and_what_is_not_known_is_null() -> None:
    fra, syd = document([FRA, SILENT], SPAN)["targets"]
    assert fra["rtt"]["max_ms"] == 100
    assert fra["rtt"]["p50_ms"] == pytest.approx(2, rel=0.02)
    assert fra["loss_percent"] == 20
    assert [each["lasted_ms"] for each in fra["outages"]] == [60_500, None]
    assert (syd["rtt"]["p50_ms"], syd["loss_percent"], syd["outages"]) == (None, 100, [])


def test_the_table_has_each_target_and_below_it_the_outages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    title, header, fra, syd, blank, name, *outages = shown(FRA, SILENT)
    assert title == "2 targets, 2023-11-14 22:13:20 to 2023-11-15 22:13:20"
    assert header.split() == ["rtt,", "ms", "minutes", "loss", "p50", "p99", "max", "outages", "down", "over", "time"]
    assert fra.split()[:3] == ["fra", "1", "20%"]
    assert "1 min 00 s +" in fra
    assert syd.split() == ["syd", "1", "100%", "-", "-", "-", "0", "-", "x"]
    assert (blank, name) == ("", "fra")
    assert outages == [
        "  2023-11-14 22:15:00 down for 1 min 00 s: no answer",
        r"  2023-11-15 20:26:40 unreachable not known to have ended: refused \x1b[2J",
    ]


def test_of_one_target_the_course_is_a_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    rtt = times(*range(10, 60))
    hours = tuple(
        Period(SPAN.since + n * 3600, 60, 60 - n, n, n * 10 * MILLISECOND, 900 * MILLISECOND) for n in (1, 2, 5)
    )
    lines = shown(replace(kept("fra", rtt=rtt), periods=hours))
    drawn = "\n".join(lines)
    assert "p50 34" in drawn
    lost = next(line for line in lines if line.startswith("lost"))
    assert lost.split() == ["lost", "×" * 8, "×" * 4]  # noqa: RUF001 - two hours side by side, and one further on
    assert "00:00" in drawn
    assert len(shown(kept("fra", rtt=rtt), kept("ams", rtt=rtt))) == 4


def test_of_many_outages_the_latest_are_shown() -> None:
    many = [OVER._replace(began=OVER.began + n, ended=OVER.began + n + 1) for n in range(OUTAGES + 5)]
    lines = shown(kept("fra", *many, rtt=times(1)))
    assert "  5 earlier outages" in lines
    assert sum(" down for " in line for line in lines) == OUTAGES


@pytest.mark.parametrize("width", ["40", "60", "200"])
def test_it_fits_the_width(width: str) -> None:
    assert all(len(line) <= int(width) for line in shown(kept("fra", rtt=times(1)), width=width))


def test_nothing_is_said() -> None:
    assert shown()[0].startswith("nothing was kept from ")


def test_a_minute_is_a_row() -> None:
    full = MinuteRow("fra", URL, 1_700_000_000, Counts(4, 3, 1), times(1, 2, 3).packed(), NOTHING, None)
    empty = MinuteRow("syd", URL, 1_700_000_060, Counts(1, 0, 1), NOTHING, NOTHING, Located(1, 0))
    header, first, second = csv_rows([full, empty])
    assert header == COLUMNS
    assert first[:6] == ("fra", URL, "2023-11-14T22:13:20.000000Z", 4, 3, 1)
    assert (first[6], first[10]) == (1, 3)
    assert second[6:11] == (None,) * 5
    assert (first[11:], second[11:]) == ((None, None), (1, 0))


def test_losses_by_direction_make_up_the_whole_and_are_shown_where_any_is_known() -> None:
    located = kept("fra", rtt=times(1), lost=1234, located=Located(1200, 4))
    assert document([located, SILENT], SPAN)["targets"][0]["lost_by_direction"] == {
        "forward": 1200,
        "backward": 4,
        "unknown": 30,
    }
    _, header, fra, syd = shown(located, SILENT, width="120")
    assert " lost there/back/? " in header
    assert " 1,200/4/30 " in fra
    assert " 0/0/60 " in syd
    assert "there" not in "".join(shown(FRA, SILENT, width="120"))
