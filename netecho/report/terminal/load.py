"""A run of load on paper: what is wrong and where, a row for each phase, its delay over time, what was not tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from netecho.report.escape import printable_values
from netecho.report.humanize import many, rate, size, span
from netecho.report.terminal.paper import rendered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from netecho.report.document.model import Document
    from netecho.report.output import Output

PHASES = ("idle", "download", "upload", "both")
_STYLES = {"A+": "bold green", "A": "bold green", "B": "green", "C": "yellow", "D": "bold yellow", "F": "bold red"}
_LEAST_WIDTH = 60
"""Columns below which there is no chart."""
_MARGIN = 24
_HEIGHT = 4
_SMALLEST = 0.001
"""Milliseconds that a chart has at its top, at least."""
_EIGHTHS = " ▁▂▃▄▅▆▇█"


def show(document: Document, output: Output) -> None:
    """Print the run to standard output."""
    width = output.width
    output.write(rendered(paper(document, width), width=width, color=output.stdout_color))


def paper(document: Document, width: int) -> RenderableType:
    """Return the whole run, laid out for that width."""
    return Group(*_parts(printable_values(document), width))


def _parts(document: Document, width: int) -> Iterator[RenderableType]:
    yield _head(document)
    if document["probed"] is None:
        return
    yield Text()
    yield _verdict(document)
    for remark in document["remarks"]:
        yield Text(f"! {remark}", style="yellow")
    yield Text()
    yield _table(document)
    loads = list(_loads(document))
    if loads:
        yield Text()
    yield from loads
    if width >= _LEAST_WIDTH:
        yield from _charts(document, width)
    yield from _not_tested(document["not_tested"])


def _head(document: Document) -> Text:
    address = document["address"]
    where = f" ({address})" if address and address not in document["target"] else ""
    line = Text(f"{document['target']}{where}", style="bold")
    cut = " (interrupted)" if document["interrupted"] else ""
    marked = "" if document["dscp"] is None else f" with DSCP {document['dscp']}"
    probes = f", probes by {document['probed']} every {document['interval_ms']:g} ms{marked}"
    by = probes if document["probed"] else ""
    line.append(f": {span(document['duration_ms'])}{cut}, {size(document['bytes'])} of load{by}", style="not bold dim")
    if document["label"]:
        line.append(f"\n{document['label']}", style="not bold")
    return line


def _verdict(document: Document) -> Text:
    grade = document["grade"]
    line = Text()
    if grade:
        line.append(grade, style=_STYLES[grade])
        line.append("  ")
    line.append(document["sentence"], style="bold")
    if grade:
        bounds = ", ".join(f"{name} ≤ {most}" for name, most in document["grades"].items())
        line.append(f"\ngrades by added delay in ms: {bounds}, else F", style="dim")
    return line


def _table(document: Document) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("ms")
    for title in ("rtt p50", "p99", "added", "forward p50", "p99", "backward p50", "p99", "loss"):
        table.add_column(title, justify="right")
    for name in PHASES:
        phase = document[name]
        if phase is not None:
            table.add_row(name, *_row(phase))
    return table


def _row(phase: Document) -> Iterator[str]:
    yield _ms(phase["rtt"]["p50_ms"])
    yield _ms(phase["rtt"]["p99_ms"])
    yield _ms(phase["added_ms"])
    for name in ("forward", "backward"):
        yield _ms(phase[name]["p50_ms"])
        yield _ms(phase[name]["p99_ms"])
    loss = phase["probes"]["loss_percent"]
    yield "" if loss is None else f"{loss:.3g}%"


def _loads(document: Document) -> Iterator[Text]:
    """Say of each phase under load what the load was."""
    for name in PHASES:
        phase = document[name]
        if phase is None:
            continue
        for direction in ("download", "upload"):
            if phase[direction] is not None:
                which = name if name == direction else f"{name}: {direction}"
                yield Text(f"{which}: {', '.join(_load(phase[direction]))}")
        found = phase["responsiveness"]
        if found is not None:
            yield Text(f"{name}: {found['rpm']:,.0f} RPM, {found['words']} (confidence {found['confidence']})")


def _load(transfer: Document) -> Iterator[str]:
    yield f"goodput {_rate(transfer['goodput_bps'])}" + ("" if transfer["saturated"] else ", not seen to be stable")
    yield many(transfer["flows"], "flow")
    if transfer["retransmits"] is not None:
        yield f"{many(transfer['retransmits'], 'segment')} sent again"
    if transfer["smoothed_rtt_ms"] is not None:
        yield f"rtt of its own {_ms(transfer['smoothed_rtt_ms'])} ms"


def _charts(document: Document, width: int) -> Iterator[Text]:
    """Draw the delays of each phase over time, all on one scale: of the direction that its load fills, or both."""
    drawn = {name: _series(name, document[name]) for name in PHASES if document[name] is not None}
    known = [value for _, values in drawn.values() for value in values if value is not None]
    for name, (line, values) in drawn.items():
        if any(value is not None for value in values):
            yield Text()
            took = span(document[name]["duration_ms"])
            yield Text(f"{name}: {line.removesuffix('_ms')} over {took}, medians", style="dim")
            yield from _columns(_fitted(values, width - _MARGIN), max(*known, _SMALLEST))


def _series(name: str, phase: Document) -> tuple[str, list[float | None]]:
    series = phase["series"]
    line = {"upload": "forward_ms", "download": "backward_ms"}.get(name, "rtt_ms")
    if all(each[line] is None for each in series):
        line = "rtt_ms"
    return line, [each[line] for each in series]


def _columns(values: Sequence[float | None], top: float) -> Iterator[Text]:
    for row in reversed(range(_HEIGHT)):
        label = f"{top:.3g} ms" if row == _HEIGHT - 1 else "0" if row == 0 else ""
        text = Text(f"{label:>12} │", style="dim", no_wrap=True)
        text.append("".join(_cell(value, top, row) for value in values), style="cyan")
        yield text


def _fitted(values: Sequence[float | None], width: int) -> list[float | None]:
    """Return as many values as there are columns, the larger of neighbours where there are more."""
    if len(values) <= width:
        return list(values)
    each = -(-len(values) // width)
    groups = [[value for value in values[n : n + each] if value is not None] for n in range(0, len(values), each)]
    return [max(group) if group else None for group in groups]


def _cell(value: float | None, top: float, row: int) -> str:
    if value is None:
        return " "
    filled = max(0.0, value) / top * _HEIGHT - row
    level = round(8 * min(1.0, max(0.0, filled)))
    # What was measured is seen, however little it is beside the longest: a blank is where there was nothing.
    return _EIGHTHS[max(level, int(row == 0))]


def _not_tested(rows: Sequence[Document]) -> Iterator[RenderableType]:
    if not rows:
        return
    yield Text()
    yield Text("Not tested", style="dim")
    reasons: dict[str, list[str]] = {}
    for each in rows:
        reasons.setdefault(each["reason"], []).append(each["what"])
    for reason, names in reasons.items():
        yield Text(f"  {', '.join(names)}: {reason}")


def _rate(value: float | None) -> str:
    return "?" if value is None else rate(value)


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"
