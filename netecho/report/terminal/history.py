"""A span of a history on a terminal: a row a target, its course, and the outages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from netecho.measure.stats.timeline import Period
from netecho.report.document.values import nanoseconds
from netecho.report.escape import printable
from netecho.report.humanize import many, ms, percent, span
from netecho.report.terminal import sparkline, time_chart
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.tables import Rows, room_beside
from netecho.report.terminal.time_chart import Line, chart
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from netecho.report.output import Output
    from netecho.report.terminal.time_chart import Row

OUTAGES = 20
"""That are shown of a target at most, the latest."""
CHART = 14
"""Rows of the chart of one target."""
_COURSE = "over time"
_DROPPED_FIRST = ("max", "minutes", "lost there/back/?", "down", "outages", "p50")


def show(document: dict[str, Any], output: Output) -> None:
    """Print a document of `report.document.history`."""
    targets: Sequence[dict[str, Any]] = document["targets"]
    if not targets:
        output.write(f"nothing was kept from {_moment(document['since'])} to {_moment(document['until'])}\n")
        return
    levels = sparkline.BLOCKS if output.glyphs else sparkline.ASCII
    parts: list[RenderableType] = [
        Text(f"{many(len(targets), 'target')}, {_moment(document['since'])} to {_moment(document['until'])}", "bold"),
        _table(targets, output.width, levels),
    ]
    if len(targets) == 1:
        parts += [Text(), *_chart(targets[0], document, output)]
    shown = [each for each in targets if each["outages"]]
    for each in shown:
        parts += _outages(each)
    output.write(rendered(Group(*parts), width=output.width, color=output.stdout_color))


def _table(targets: Sequence[dict[str, Any]], width: int, levels: str) -> RenderableType:
    first = ["rtt, ms", *(printable(each["target"]) for each in targets)]
    columns: dict[str, list[str | Text]] = {
        "minutes": ["minutes", *(f"{each['minutes']:,}" for each in targets)],
        "loss": ["loss", *(_loss(each) for each in targets)],
        **_directions(targets),
        "p50": ["p50", *(ms(each["rtt"]["p50_ms"]) for each in targets)],
        "p99": ["p99", *(ms(each["rtt"]["p99_ms"]) for each in targets)],
        "max": ["max", *(ms(each["rtt"]["max_ms"]) for each in targets)],
        "outages": ["outages", *(f"{len(each['outages']):,}" for each in targets)],
        "down": ["down", *(_down(each) for each in targets)],
    }
    left = room_beside(first, columns, width)
    if left >= len(_COURSE):
        columns[_COURSE] = [_COURSE, *(_course(each, left, levels) for each in targets)]
    return Rows(first, columns, _DROPPED_FIRST, width, left=(_COURSE,))


def _directions(targets: Sequence[dict[str, Any]]) -> dict[str, list[str | Text]]:
    """Return where probes were lost: there, back, unknown; no column where none of it is known."""
    ways = [each["lost_by_direction"] for each in targets]
    if not any(each["forward"] or each["backward"] for each in ways):
        return {}
    name = "lost there/back/?"
    return {name: [name, *("/".join(f"{each[way]:,}" for way in each) if any(each.values()) else "-" for each in ways)]}


def _chart(target: dict[str, Any], document: dict[str, Any], output: Output) -> list[Row]:
    """Return the course of one target: medians, and up to the p99 above them."""
    since, width = datetime.fromisoformat(document["since"]), timedelta(milliseconds=document["period_ms"])
    known = {round((datetime.fromisoformat(each["began"]) - since) / width): each for each in target["periods"]}
    length = nanoseconds(document["period_ms"])
    periods = [
        Period(n * length, (n + 1) * length, 1, each["loss_percent"] or 0, *_drawn(each))
        if (each := known.get(n))
        else Period(n * length, (n + 1) * length, 0, 0, None, None, None)
        for n in range(max(known, default=-1) + 1)
    ]
    lines = [Line(name, _exact(target["rtt"][f"{name}_ms"])) for name in ("p50", "p99")]
    glyphs = time_chart.BLOCKS if output.glyphs else time_chart.ASCII
    started = round(since.timestamp()) * SECOND
    return chart(periods, output.width, CHART, started=started, lines=lines, glyphs=glyphs)


def _drawn(period: dict[str, Any]) -> tuple[int | None, int | None, int | None]:
    p99 = _exact(period["p99_ms"])
    return _exact(period["p50_ms"]), p99, p99


def _exact(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else nanoseconds(milliseconds)


def _loss(target: dict[str, Any]) -> Text:
    lost = target["lost"]
    return Text(percent(lost, target["received"] + lost), "bold red" if lost else "")


def _down(target: dict[str, Any]) -> str:
    known = [each["lasted_ms"] for each in target["outages"] if each["lasted_ms"] is not None]
    still_open = len(known) < len(target["outages"])
    if not known:
        return "open" if still_open else "-"
    return span(sum(known)) + (" +" if still_open else "")


def _course(target: dict[str, Any], room: int, levels: str) -> Text:
    periods = target["periods"][-room:]
    course = Text(sparkline.of_times([each["p50_ms"] for each in periods], levels))
    course.highlight_regex("x", "bold red")
    return course


def _outages(target: dict[str, Any]) -> list[RenderableType]:
    outages = target["outages"]
    lines: list[RenderableType] = [Text(), Text(printable(target["target"]), "bold")]
    if len(outages) > OUTAGES:
        lines.append(Text(f"  {many(len(outages) - OUTAGES, 'earlier outage')}", "dim"))
    for each in outages[-OUTAGES:]:
        lasted = "not known to have ended" if each["lasted_ms"] is None else f"for {span(each['lasted_ms'])}"
        lines.append(Text(f"  {_moment(each['began'])} {each['state']} {lasted}: {printable(each['reason'])}"))
    return lines


def _moment(timestamp: str) -> str:
    return f"{datetime.fromisoformat(timestamp).astimezone():%Y-%m-%d %H:%M:%S}"
