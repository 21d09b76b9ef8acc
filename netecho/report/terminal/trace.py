"""A trace on paper and, while it goes on, on the terminal: a table of hops, one of flows, and what is to be said."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.console import Group
from rich.table import Table
from rich.text import Text

from netecho.report.document.trace import document as shaped
from netecho.report.escape import printable_values
from netecho.report.humanize import many, ms, percent, span
from netecho.report.terminal.paper import rendered
from netecho.report.terminal.tables import fitted, room_beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from netecho.report.document.model import Document
    from netecho.report.output import Output
    from netecho.report.terminal.display import Display
    from netecho.trace.run import Head, Traced
    from netecho.trace.session import Answer

FIGURES = ("min", "p50", "p99", "max")
DROPPED_FIRST = ("max", "min", "p99", "asked", "path")
LEAST_ADDRESS = 15
FLOWS_SHOWN = 16
"""Flows that have a row at most: the worst."""
STYLES = {"warning": "yellow", "info": "cyan"}


def show(document: Document, output: Output) -> None:
    """Print the trace to standard output."""
    output.write(rendered(trace(document, output.width), width=output.width, color=output.stdout_color))


def trace(document: Document, width: int) -> RenderableType:
    """Return the whole of it, as wide as there is room."""
    return Group(*_parts(printable_values(document), width))


class LiveTrace:
    """Shows a trace while it goes on; an observer of it."""

    def __init__(self, output: Output, *, live: bool) -> None:
        self._display: Display | None = None
        self.follows = live
        if live:
            from netecho.report.terminal.display import Display

            self._display = Display(output)

    def started(self, head: Head) -> None:
        """Do nothing: the first frame says it."""

    def answered(self, answer: Answer) -> None:
        """Do nothing: a frame is drawn some times a second."""

    def show(self, traced: Traced) -> None:
        """Draw a frame."""
        if self._display is not None:
            self._display.show(trace(shaped(traced), self._display.size[0]))

    def close(self) -> None:
        """Leave the screen as it was."""
        if self._display is not None:
            self._display.close()


def _parts(document: Document, width: int) -> Iterator[RenderableType]:
    dscp = document["settings"].get("dscp") or 0
    yield _verdict(document)
    if document["hops"]:
        yield _hops(document["hops"], dscp, width)
    if len(document["flows"]) > 1:
        yield Text()
        yield _flows(document["flows"], width)
    yield from _back(document.get("reverse"), dscp, width)
    if document["findings"]:
        yield Text()
        yield _findings(document["findings"])
    if document["icmp"] == "error_queue":
        yield Text("As root (CAP_NET_RAW) more is seen of each hop: NAT, and over IPv4 DSCP.", style="dim")


def _verdict(document: Document) -> Text:
    target, end = document["target"], document["end_to_end"]
    where = f" ({target['address']})" if target["address"] != target["host"] else ""
    line = Text(f"{target['url']}{where}: ", style="bold")
    if document["reached"]:
        hops = many(max((flow["end"] or 0 for flow in document["flows"]), default=0), "hop")
        line.append(
            f"{hops}, {percent(end['lost'], end['asked'])} lost", style="bold yellow" if end["lost"] else "bold green"
        )
    elif document["searching"]:
        line.append("looking for it", style="not bold dim")
    else:
        line.append("not reached", style="bold red")
    cut = " (interrupted)" if document["interrupted"] else ""
    line.append(f" in {many(document['rounds'], 'round')}, {span(document['duration_ms'])}{cut}", style="not bold dim")
    if document["label"]:
        line.append(f"\n{document['label']}", style="not bold")
    return line


def _back(back: Document | None, dscp: int, width: int) -> Iterator[RenderableType]:
    """Return the way back, where it was asked for and there is one."""
    if back is None or back["state"] in ("silent", "unknown"):
        return
    yield Text()
    line = Text("The way back: ", style="bold")
    if back["reached"]:
        line.append(many(max((flow["end"] or 0 for flow in back["flows"]), default=0), "hop"), style="bold green")
    elif back["searching"]:
        line.append("looking for it", style="not bold dim")
    else:
        line.append("nothing that was to take it got here", style="bold yellow")
    yield line
    if back["hops"]:
        yield _hops(back["hops"], dscp, width)
    if len(back["flows"]) > 1:
        yield Text()
        yield _flows(back["flows"], width)


def _hops(hops: Sequence[Document], dscp: int, width: int) -> Table:
    rows = [row for hop in hops for row in _rows(hop, dscp)]
    first = ["hop", *(row[0] for row in rows)]
    columns: dict[str, list[str | Text]] = {
        "asked": ["asked", *(row[2] for row in rows)],
        "loss": ["loss", *(row[3] for row in rows)],
    }
    for n, name in enumerate(FIGURES):
        columns[name] = [name, *(row[4][n] for row in rows)]
    notes = [row[5] for row in rows]
    if any(notes):
        columns["notes"] = ["", *notes]
    room = room_beside(first, columns, width)
    longest = max(LEAST_ADDRESS, *(cell_len(row[1]) for row in rows))
    for name in DROPPED_FIRST:
        if room >= longest or name not in columns:
            continue
        without = {key: cells for key, cells in columns.items() if key != name}
        columns, room = without, room_beside(first, without, width)
    addresses = ["address", *(_cropped(row[1], max(LEAST_ADDRESS, room)) for row in rows)]
    return fitted(first, {"address": addresses, **columns}, DROPPED_FIRST, width, left=("address", "notes"))


Row = tuple[str, str, str, str, tuple[str, ...], str]


def _rows(hop: Document, dscp: int) -> Iterator[Row]:
    """Return a row for each address of a hop; the figures stand beside the first."""
    names = hop["names"]
    systems = hop["as_numbers"]
    shown = [
        (f"{names[each]} ({each})" if each in names else each) + (f" AS{systems[each]}" if each in systems else "")
        for each in hop["addresses"]
    ] or ["-"]
    rtt = tuple(ms(hop["rtt"][f"{name}_ms"]) for name in FIGURES)
    yield f"{hop['ttl']:>3}", shown[0], f"{hop['asked']:,}", percent(hop["lost"], hop["asked"]), rtt, _notes(hop, dscp)
    for each in shown[1:]:
        yield "", each, "", "", ("",) * len(FIGURES), ""


def _notes(hop: Document, dscp: int) -> str:
    notes = []
    if hop["icmp"]:
        notes.append(hop["icmp"])
    if hop["dscp"] is not None and hop["dscp"] != dscp:
        notes.append(f"DSCP {hop['dscp']}")
    if hop["ecn"]:
        notes.append(f"ECN {hop['ecn']}")
    if hop["translated"]:
        notes.append("NAT")
    if hop["mpls"]:
        notes.append("MPLS " + "/".join(str(each["label"]) for each in hop["mpls"]))
    if hop["mtu"]:
        notes.append(f"MTU {hop['mtu']}")
    return ", ".join(notes)


def _cropped(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def _flows(all_flows: Sequence[Document], width: int) -> Table:
    """Return the table of flows: the worst, if there are many, in their order."""
    worst = sorted(all_flows, key=lambda flow: (flow["loss_percent"] or 0, flow["rtt"]["p50_ms"] or 0))
    flows = sorted(worst[-FLOWS_SHOWN:], key=lambda flow: int(flow["flow"]))
    differ = _differ(all_flows)
    first = ["port", *(f"{flow['port']:>5}" for flow in flows)]
    columns: dict[str, Sequence[str | Text]] = {
        "asked": ["asked", *(f"{flow['asked']:,}" for flow in flows)],
        "loss": ["loss", *(percent(flow["lost"], flow["asked"]) for flow in flows)],
    }
    for name in FIGURES:
        columns[name] = [name, *(ms(flow["rtt"][f"{name}_ms"]) for flow in flows)]
    if differ:
        columns["path"] = ["where they differ", *(_way(flow, differ) for flow in flows)]
    return fitted(first, columns, DROPPED_FIRST, width, left=("path",))


def _differ(flows: Sequence[Document]) -> list[int]:
    """Return the TTLs at which not all flows are answered by the same address."""
    last = max((len(flow["path"]) for flow in flows), default=0)
    seen = [{flow["path"][n] for flow in flows if n < len(flow["path"])} - {None} for n in range(last)]
    return [n for n, addresses in enumerate(seen) if len(addresses) > 1]


def _way(flow: Document, differ: Sequence[int]) -> str:
    return " ".join(str(flow["path"][n] or "-") for n in differ if n < len(flow["path"]))


def _findings(findings: Sequence[Document]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in findings:
        when = f" ({_time(each['time'])})" if each["time"] else ""
        table.add_row(
            Text("!" if each["severity"] == "warning" else "-", style=STYLES[each["severity"]]), each["sentence"] + when
        )
    return table


def _time(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text).astimezone():%H:%M:%S}"
    except (ValueError, OverflowError):  # of a file that others have written
        return text
