"""What a mesh of monitors came to: each node's figures of each other, as Prometheus has them, in a matrix."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_NODES = 256
"""That a matrix has: 65,536 cells."""


class Labelled(Protocol):
    """A value with labels."""

    @property
    def labels(self) -> Mapping[str, str]:
        """By their names."""

    @property
    def value(self) -> float:
        """Finite."""


class OneWay(NamedTuple):
    """One direction of a path: seconds, and probes."""

    p50: float | None = None
    p99: float | None = None
    lost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one node measures of another: round trips in seconds, probes as Prometheus extrapolates them."""

    state: str | None = None
    p50: float | None = None
    p99: float | None = None
    received: float | None = None
    lost: float | None = None
    forward: OneWay = field(default_factory=OneWay)
    backward: OneWay = field(default_factory=OneWay)

    @property
    def loss_percent(self) -> float | None:
        """Of the probes whose fate is known; None where there are none."""
        return _percent(self.lost, self.received)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """From one node to another, one way, as either end measures it; seconds, percent."""

    p50: float | None = None
    p99: float | None = None
    loss_percent: float | None = None


class Matrix:
    """All that is known of a mesh."""

    def __init__(self, nodes: Sequence[str], cells: Mapping[tuple[str, str], Cell], left_out: int = 0) -> None:
        self.nodes = nodes
        """In order; of some there may be no figures."""
        self.cells = cells
        """By the node that measures, and the one that is measured."""
        self.left_out = left_out
        """Nodes beyond `MOST_NODES`."""

    def way(self, here: str, there: str) -> Way | None:
        """Return what is known of one direction; None where neither end's far end stamps (STAMP does)."""
        from_here = self.cells.get((here, there))
        from_there = self.cells.get((there, here))
        known = [
            (cell, way)
            for cell, way in (
                (from_here, None if from_here is None else from_here.forward),
                (from_there, None if from_there is None else from_there.backward),
            )
            if cell is not None and way is not None and way != OneWay()
        ]
        if not known:
            return None
        losses = [share for cell, way in known if (share := _percent(way.lost, cell.received)) is not None]
        first = known[0][1]  # both are delays of the same way: the end that asks is believed
        return Way(p50=first.p50, p99=first.p99, loss_percent=max(losses, default=None))


def matrix(answers: Mapping[str, Iterable[Labelled]]) -> Matrix:
    """Return the matrix of Prometheus's answers, by what each is: see `report.prometheus.queries.mesh`.

    What has no node, or is of something that is no node, is left out; so is all beyond `MOST_NODES`.
    """
    nodes = sorted({node for series in answers.values() for each in series if (node := each.labels.get("node"))})
    kept = nodes[:MOST_NODES]
    known = frozenset(kept)
    cells: dict[tuple[str, str], Cell] = {}
    for what, series in answers.items():
        for each in series:
            pair = each.labels.get("node", ""), each.labels.get("target", "")
            if what != "nodes" and known.issuperset(pair):
                cells[pair] = _with(cells.get(pair, Cell()), what, each)
    return Matrix(kept, cells, len(nodes) - len(kept))


def _with(cell: Cell, what: str, series: Labelled) -> Cell:
    if what == "state":
        return replace(cell, state=series.labels.get("state"))
    if what in ("p50", "p99", "received"):
        measured: dict[str, Any] = {what: series.value}
        return replace(cell, **measured)
    direction = series.labels.get("direction", "unknown")
    if what == "lost":
        cell = replace(cell, lost=(cell.lost or 0.0) + series.value)
    if direction not in ("forward", "backward"):
        return cell
    way: OneWay = getattr(cell, direction)
    of_way: dict[str, Any] = {what.removeprefix("oneway_"): series.value}
    changed: dict[str, Any] = {direction: way._replace(**of_way)}
    return replace(cell, **changed)


def _percent(lost: float | None, received: float | None) -> float | None:
    """Return a share; None where it has no value."""
    if lost is None or received is None or lost < 0 or received < 0 or not lost + received:
        return None
    return 100 * lost / (lost + received)
