"""A comparison for people: both runs, a row a figure, and which differences are more than the runs' own spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netecho.report.escape import printable_values
from netecho.report.humanize import time
from netecho.report.terminal.headline import manner
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.tables import fitted, measured_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netecho.report.document.model import Document
    from netecho.report.output import Output

LEFT_OUT = frozenset({"sent", "received"})
"""How many probes were sent is no finding."""
_LAG_SHOWN = frozenset({"lag.p50", "lag.p99"})


def show(document: Document, output: Output) -> None:
    """Print the comparison to standard output."""
    width = output.width
    output.write(rendered(sidebyside(document, width), width=width, color=output.stdout_color))


def sidebyside(document: Document, width: int) -> RenderableType:
    """Return the comparison, for a width in columns."""
    return Group(*_parts(printable_values(document), width))


def _parts(document: Document, width: int) -> Iterator[RenderableType]:
    runs = Table.grid(padding=(0, 2, 0, 0))
    for name in ("before", "after"):
        runs.add_row(Text(name, style="dim"), _named(document[name]))
    yield runs
    yield Text()
    shown = [change for change in document["changes"] if _is_shown(change)]
    kinds = {measured_name(document[name]["settings"]) for name in ("before", "after")}
    yield figures(shown, width, kinds.pop() if len(kinds) == 1 else "rtt")
    yield Text()
    yield from _verdict(document, shown)


def _named(run: Document) -> Text:
    words = manner(run["settings"], run["probes"]["sent"])
    line = Text(run["label"] or run["file"], style="bold")
    when = run["started"][:16].replace("T", " ")
    line.append(f"  {run['target']['url']}, {when} UTC, {words}", style="not bold")
    return line


def _metric_name(metric: str, measured: str) -> str:
    kind, dot, figure = metric.replace("p99_9", "p99.9").partition(".")
    return f"{measured if kind == 'rtt' else kind}{dot}{figure}"


def figures(changes: list[Document], width: int, measured: str = "rtt", interval: str = "99% interval") -> Table:
    """Return a row for each figure; the figure's own name and what is to be thought of it are always there."""
    first = ["", *(_metric_name(change["metric"], measured) for change in changes)]
    columns: dict[str, list[str | Text]] = {
        "before": ["before", *(_number(change["before"], change["unit"]) for change in changes)],
        "after": ["after", *(_number(change["after"], change["unit"]) for change in changes)],
        "difference": ["difference", *(_number(change["difference"], change["unit"], "+") for change in changes)],
        "percent": ["", *(_percent(change["percent"]) for change in changes)],
        "interval": [interval, *(_interval(change) for change in changes)],
        "word": ["", *(_word(change) for change in changes)],
    }
    return fitted(first, columns, ("interval", "percent", "before"), width, left=("word",))


def _is_shown(change: Document) -> bool:
    metric = change["metric"]
    if metric in LEFT_OUT or (metric.startswith("lag.") and metric not in _LAG_SHOWN):
        return False
    # Nothing lost, nothing late: in neither run worth a row. Times are, whatever they are; so is the loss.
    return change["unit"] == "ms" or metric == "loss" or bool(change["before"] or change["after"])


def _word(change: Document) -> Text:
    """Return what is to be thought of a difference."""
    if change["undecided"]:
        return Text("?", style="dim")
    if change["within_noise"]:
        return Text("same", style="dim")
    return Text("HIGHER", style="bold red") if change["difference"] > 0 else Text("LOWER", style="bold green")


def _percent(percent: float | None) -> str:
    if percent is None:
        return ""
    return f"{percent:+.1f}%" if round(percent, 1) else "0.0%"


def _interval(change: Document) -> str:
    return " .. ".join(_number(edge, change["unit"], "+") for edge in change["interval"] or ())


def _number(value: float | None, unit: str, sign: str = "") -> str:
    if value is None:
        return "-"
    if not round(value, 3):
        value, sign = 0, ""
    if unit == "ms":
        return f"{value:{sign}.3f}"
    if unit == "bit/s":
        return f"{value / 1e6:{sign}.3g}M"
    return f"{value:{sign}.3g}%" if unit == "percent" else f"{value:{sign}g}"


def _verdict(document: Document, shown: list[Document]) -> Iterator[Text]:
    tests = document["tests"]
    for kind, test in document["locations"].items():
        if not test["within_noise"]:
            yield _whole(kind, test, tests["locations"])
    if differing := document["differing"]:
        kinds = "; ".join(_pair(key, two) for key, two in differing.items())
        yield Text(
            f"The runs are of different kinds ({kinds}): their figures are not the same measure.", style="yellow"
        )
    if any(change["interval"] is not None for change in shown):
        yield Text(
            f"same: no more than the runs' own spread explains; HIGHER and LOWER: more than that ({tests['figures']}).",
            style="dim",
        )
    reasons = sorted({change["reason"] or "" for change in shown if change["undecided"]})
    if reasons:
        yield Text(f"?: not known ({'; '.join(reasons)}).", style="dim")


def _pair(key: str, two: Sequence[object]) -> str:
    """Return what a setting was in both runs."""
    if isinstance(two[0], bool):
        return f"--{key.replace('_', '-')} in the {'first' if two[0] else 'second'} alone"
    shown = (time(each) if key.endswith("_ms") and isinstance(each, int | float) else str(each) for each in two)
    return f"{key.removesuffix('_ms').replace('_', ' ')} {' and '.join(shown)}"


def _whole(kind: str, test: Document, name: str) -> Text:
    higher = test["higher"] > 0.5
    share = test["higher"] if higher else 1 - test["higher"]
    return Text(
        f"{kind} as a whole is {'higher' if higher else 'lower'} in the second run: in {100 * share:.0f}% of all pairs"
        f" of stretches ({name}, p = {test['p_value']:.2g})."
    )
