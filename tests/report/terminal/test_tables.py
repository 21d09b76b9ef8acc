"""The tables of a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.report.terminal.paper import rendered
from netecho.report.terminal.summary import summary
from netecho.report.terminal.tables import FLOWS_SHOWN
from tests.report.test_golden import RUNS

if TYPE_CHECKING:
    from netecho.report.document.model import Document


def flow(connection: int, port: int | None, lost: int = 0, p99: float = 1.0) -> Document:
    times = dict.fromkeys(("min", "mean", "p50", "p90", "p95", "p99_9", "max", "stddev"), 0.5) | {"p99": p99}
    return {
        "connection": connection,
        "local": {"address": None if port is None else "192.0.2.1", "port": port},
        "sent": 10,
        "received": 10 - lost,
        "lost": lost,
        "loss_percent": 10.0 * lost,
        "rtt": {"count": 10 - lost, **{f"{name}_ms": value for name, value in times.items()}},
    }


def shown(*flows: Document) -> list[str]:
    paper = summary(RUNS["calm"] | {"flows": list(flows)}, 80)
    lines = [" ".join(line.split()) for line in rendered(paper, width=80, color=False).splitlines()]
    at = next(n for n, line in enumerate(lines) if line.startswith("port "))
    return lines[at:]


def test_each_connection_has_a_row() -> None:
    assert shown(flow(0, 40_000), flow(1, 40_001, lost=5), flow(2, None))[:4] == [
        "port sent lost min mean p50 p99 max",
        "40000 10 0% 0.500 0.500 0.500 1.000 0.500",
        "40001 10 50% 0.500 0.500 0.500 1.000 0.500",
        "#2 10 0% 0.500 0.500 0.500 1.000 0.500",
    ]


def test_of_many_the_worst_have_one() -> None:
    flows = [flow(n, 40_000 + n, p99=1.0 + n / 100) for n in range(20)]
    flows[3] = flow(3, 40_003, lost=1)
    ports = [line.split()[0] for line in shown(*flows)[1 : FLOWS_SHOWN + 2]]
    assert ports == ["40003", *(str(port) for port in range(40_013, 40_020)), "and"]
    assert shown(*flows)[FLOWS_SHOWN + 1] == "and 12 connections that fared better"
