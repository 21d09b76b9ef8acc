"""A dashboard for Grafana, made of the names that the metrics have: `--print dashboard`.

It has the format that Grafana imports (schema 39, Grafana 11), with the data source, the nodes and the targets to
choose from.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from netecho.monitor.state import State
from netecho.report.prometheus.families import (
    DIRECTION,
    DUPLICATES,
    LAG,
    LATE,
    LOST,
    NODE,
    ONE_WAY,
    PHASE,
    PHASES,
    REORDERED,
    RESPONSE,
    RTT,
    SENT,
    STATE,
    TARGET,
    TARGET_INFO,
    TARGET_STATE,
)
from netecho.report.prometheus.queries import PAIR, loss_ratio, quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.report.prometheus.families import Family

_WHERE = f'{{{NODE}=~"$node", {TARGET}=~"$target"}}'
_ANSWERS = f'{{{NODE}=~"$node", {TARGET}=~"$target", {STATE}=~"{State.UP}|{State.DEGRADED}"}}'
_OF_NODE = f'{{{NODE}=~"$node"}}'
_WINDOW = "$__rate_interval"
_PATH = "{{node}} {{target}}"
_WAY = "{{direction}}"
_HEIGHT = 8


class Panel(NamedTuple):
    """A chart."""

    title: str
    unit: str
    queries: Sequence[tuple[str, str]]
    """Each with how its series are called."""
    kind: str = "timeseries"
    width: int = 12


def _quantile(family: Family, share: float, by: Sequence[str] = PAIR, where: str = _WHERE) -> str:
    return quantile(share, family, _WINDOW, by, where)


PANELS = (
    Panel(
        "Answers",
        "bool_yes_no",
        [(f"max by ({NODE}, {TARGET}) ({TARGET_STATE.name}{_ANSWERS})", _PATH)],
        kind="state-timeline",
        width=24,
    ),
    Panel("Loss", "percentunit", [(loss_ratio(_WINDOW, where=_WHERE), _PATH)]),
    Panel(
        "Lost, by direction",
        "cps",
        [
            (
                f"sum by ({NODE}, {TARGET}, {DIRECTION}) (rate({LOST.name}{_WHERE}[{_WINDOW}]))",
                f"{_PATH} {_WAY}",
            )
        ],
    ),
    Panel("Round trip, p50", "s", [(_quantile(RTT, 0.5), _PATH)]),
    Panel("Round trip, p99", "s", [(_quantile(RTT, 0.99), _PATH)]),
    Panel("Response, p99: what an application feels", "s", [(_quantile(RESPONSE, 0.99), _PATH)]),
    Panel("One way, p99 (STAMP)", "s", [(_quantile(ONE_WAY, 0.99, (*PAIR, DIRECTION)), f"{_PATH} {_WAY}")]),
    Panel("Phases, p50", "s", [(_quantile(PHASES, 0.5, (*PAIR, PHASE)), f"{_PATH} {{{{phase}}}}")]),
    Panel(
        "Late, duplicate, reordered",
        "cps",
        [
            (f"sum by ({NODE}, {TARGET}) (rate({family.name}{_WHERE}[{_WINDOW}]))", f"{_PATH} {what}")
            for family, what in ((LATE, "late"), (DUPLICATES, "duplicate"), (REORDERED, "reordered"))
        ],
    ),
    Panel(
        "The instrument's own lateness, p99",
        "s",
        [(_quantile(LAG, 0.99, ("instance", NODE), _OF_NODE), "{{instance}} {{node}}")],
    ),
    Panel("Probes sent", "cps", [(f"sum by ({NODE}) (rate({SENT.name}{_WHERE}[{_WINDOW}]))", "{{node}}")]),
)


def text() -> str:
    """Return the file that Grafana imports."""
    dashboard = {
        "title": "netecho",
        "uid": "netecho",
        "tags": ["netecho"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_source(), _chosen(NODE), _chosen(TARGET)]},
        "panels": _panels(),
    }
    return json.dumps(dashboard, indent=2) + "\n"


def _source() -> dict[str, Any]:
    return {"type": "datasource", "name": "source", "label": "Prometheus", "query": "prometheus"}


def _chosen(label: str) -> dict[str, Any]:
    """Return what is chosen by; all of them are also those without the label."""
    return {
        "type": "query",
        "name": label,
        "label": label,
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "query": {"query": f"label_values({TARGET_INFO.name}, {label})", "refId": label},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _panels() -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    x = y = 0
    for number, panel in enumerate(PANELS, 1):
        if x + panel.width > 24:
            x, y = 0, y + _HEIGHT
        made.append(_panel(number, panel, x, y))
        x += panel.width
    return made


def _panel(number: int, panel: Panel, x: int, y: int) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "datasource": source,
        "gridPos": {"h": _HEIGHT, "w": panel.width, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + n), "datasource": source, "expr": query, "legendFormat": legend, "range": True}
            for n, (query, legend) in enumerate(panel.queries)
        ],
    }
