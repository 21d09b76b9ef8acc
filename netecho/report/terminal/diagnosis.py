"""A diagnosis on paper: a verdict, a block for each finding, what was fine, what was not tested and why."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from netecho.report.escape import printable_values
from netecho.report.humanize import many, size, span
from netecho.report.terminal.paper import rendered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from netecho.report.document.model import Document
    from netecho.report.output import Output

STYLES = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
"""By severity, the worst first."""
_UNITS = {"_ms": " ms", "_bytes": " bytes", "_percent": "%", "_bps": " bit/s"}
_UNIT = re.compile("|".join(f"{suffix}$" for suffix in _UNITS))
_INDENT = 2
_FEW = 2
"""Checks of the same reason that have a row each."""


def show(document: Document, output: Output) -> None:
    """Print the diagnosis to standard output."""
    paper = diagnosis(document)
    output.write(rendered(paper, width=output.width, color=output.stdout_color))


def diagnosis(document: Document) -> RenderableType:
    """Return the whole diagnosis."""
    return Group(*_parts(printable_values(document)))


def _parts(document: Document) -> Iterator[RenderableType]:
    yield _verdict(document)
    for finding in document["findings"]:
        yield Text()
        yield from _finding(finding)
    yield from _list("Fine", [(each["check"], each["sentence"]) for each in document["fine"]], "green")
    reasons = [(each["check"], each["reason"]) for each in document["not_tested"]]
    yield from _list("Not tested", _by_reason(reasons), "dim")


def _verdict(document: Document) -> Text:
    address = document["address"]
    where = f" ({address})" if address and address not in document["target"] else ""
    line = Text(f"{document['target']}{where}: ", style="bold")
    findings = document["findings"]
    if error := document.get("error"):
        somebody = error["sentence"].startswith("nothing echoes")
        line.append("nothing echoes" if somebody else "nothing answers", style="bold red")
    elif findings:
        line.append(_counted([finding["severity"] for finding in findings]), style=STYLES[findings[0]["severity"]])
    elif document["fine"]:
        line.append("nothing wrong was found", style="bold green")
    else:
        line.append("nothing was tested", style="bold")
    cut = " (interrupted)" if document["interrupted"] else ""
    took = f" in {span(document['duration_ms'])}{cut}, with {size(document['bytes'])} there and back"
    line.append(took, style="not bold dim")
    if document["label"]:
        line.append(f"\n{document['label']}", style="not bold")
    return line


def _counted(severities: Sequence[str]) -> str:
    """Return how many findings there are, and of each severity: 3 findings (1 critical, 2 info)."""
    counts = Counter(severities)
    each = ", ".join(f"{counts[severity]} {severity}" for severity in STYLES if counts[severity])
    return f"{many(len(severities), 'finding')} ({each})"


def _finding(finding: Document) -> Iterator[RenderableType]:
    style = STYLES[finding["severity"]]
    head = Text("! ", style=style)
    head.append(finding["code"], style=style)
    for word in (finding["severity"], finding["direction"], finding["confidence"]):
        if word:
            head.append(f"  {word}", style="not bold dim")
    yield head
    yield _indented(Text(finding["sentence"]))
    rows = (
        ("seen", ", ".join(_figure(name, value) for name, value in finding["evidence"].items() if value is not None)),
        ("but", finding["otherwise"]),
        ("again", finding["command"]),
    )
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim", width=_INDENT + len("again"))
    table.add_column(overflow="fold")
    for name, words in rows:
        if words:
            table.add_row(" " * _INDENT + name, words)
    yield table


def _figure(name: str, value: object) -> str:
    """Return a figure in words: `loss_low_percent` 1.2 is loss low 1.2%."""
    found = _UNIT.search(name)
    words = (name[: found.start()] if found else name).replace("_", " ")
    shown = _number(value) if isinstance(value, int | float) else str(value)
    return f"{words} {shown}{_UNITS[found[0]] if found else ''}"


def _number(value: float) -> str:
    """Return a number in four digits, and in all of those before the point."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"


def _by_reason(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return checks and reasons, with those checks in one row that have the same reason, if they are many."""
    checks: dict[str, list[str]] = {}
    for check, reason in rows:
        checks.setdefault(reason, []).append(check)
    shared = [reason for reason, each in checks.items() if len(each) > _FEW]
    single = [row for row in rows if row[1] not in shared]
    return [*single, *((f"{len(checks[why])} checks", f"{why}: {', '.join(checks[why])}") for why in shared)]


def _list(title: str, rows: list[tuple[str, str]], style: str) -> Iterator[RenderableType]:
    if not rows:
        return
    yield Text()
    yield Text(title, style=f"bold {style}" if style != "dim" else style)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style=style)
    table.add_column(overflow="fold", style="dim" if style == "dim" else "")
    before = None
    for check, sentence in rows:
        table.add_row(" " * _INDENT + (check if check != before else ""), sentence)
        before = check
    yield table


def _indented(content: RenderableType) -> RenderableType:
    table = Table.grid()
    table.add_column(width=_INDENT)
    table.add_column(overflow="fold")
    table.add_row("", content)
    return table
