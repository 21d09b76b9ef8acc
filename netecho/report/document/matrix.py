"""What `netecho matrix` prints, as JSON's own types: `netecho/matrix/1`, and a row a pair for CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netecho.report.document.values import milliseconds, timestamp
from netecho.report.escape import printable
from netecho.units import SECOND
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.monitor.mesh import Cell, Matrix, OneWay

SCHEMA = "netecho/matrix/1"
COLUMNS = (
    *("node", "target", "state", "p50_ms", "p99_ms", "loss_percent"),
    *("forward_p50_ms", "forward_p99_ms", "forward_lost", "backward_p50_ms", "backward_p99_ms", "backward_lost"),
)


def document(matrix: Matrix, wall: int, window: int) -> dict[str, Any]:
    """Return a matrix; `wall` is nanoseconds since 1970, `window` those that the figures are of."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "time": timestamp(wall),
        "window_ms": milliseconds(window),
        "nodes": [printable(node) for node in matrix.nodes],
        "left_out": matrix.left_out,
        "cells": [_cell(matrix, node, target, cell) for (node, target), cell in sorted(matrix.cells.items())],
    }


def _cell(matrix: Matrix, node: str, target: str, cell: Cell) -> dict[str, Any]:
    way = matrix.way(node, target)
    return {
        "node": printable(node),
        "target": printable(target),
        "state": None if cell.state is None else printable(cell.state),
        "p50_ms": _ms(cell.p50),
        "p99_ms": _ms(cell.p99),
        "loss_percent": _rounded(cell.loss_percent),
        "received": _rounded(cell.received),
        "lost": _rounded(cell.lost),
        "forward": _way(cell.forward),
        "backward": _way(cell.backward),
        "one_way": None
        if way is None
        else {"p50_ms": _ms(way.p50), "p99_ms": _ms(way.p99), "loss_percent": _rounded(way.loss_percent)},
    }


def _way(way: OneWay) -> dict[str, Any]:
    return {"p50_ms": _ms(way.p50), "p99_ms": _ms(way.p99), "lost": _rounded(way.lost)}


def _ms(seconds: float | None) -> float | None:
    """Return a time as the schema has it; a histogram's may be beyond any."""
    return None if seconds is None or abs(seconds) > 1e9 else milliseconds(round(seconds * SECOND))


def _rounded(value: float | None) -> float | None:
    return None if value is None or abs(value) > 1e15 else round(value, 6)


def csv_rows(document: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    """Yield the header, and a row a pair; None where there is no value."""
    yield COLUMNS
    for cell in document["cells"]:
        ways = (cell[way][name] for way in ("forward", "backward") for name in ("p50_ms", "p99_ms", "lost"))
        yield (*(cell[name] for name in COLUMNS[:6]), *ways)
