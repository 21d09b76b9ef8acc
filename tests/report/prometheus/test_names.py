"""What is made of the metrics' names: it has no name that is not exposed, and no label that is not on it."""

from __future__ import annotations

import json
import re

import pytest

from netecho.report.prometheus import dashboard, queries, rules
from netecho.report.prometheus.families import FAMILIES, Kind

NAMED = re.compile(r"\bnetecho[_:][\w:]+")
EVERY_QUERY = [
    *queries.mesh("5m").values(),
    *(rule.query for rule in rules.RECORDED),
    *(alert.query for alert in rules.ALERTS),
    *(query for panel in dashboard.PANELS for query, _ in panel.queries),
]


def exposed() -> set[str]:
    names = set()
    for family in FAMILIES:
        names.add(family.name)
        if family.kind is Kind.HISTOGRAM:
            names.add(f"{family.name}_bucket")
    return names


@pytest.mark.parametrize("query", EVERY_QUERY)
def test_a_query_names_what_there_is(query: str) -> None:
    recorded = {rule.name for rule in rules.RECORDED}
    found = set(NAMED.findall(query))
    assert found
    assert found <= exposed() | recorded


def test_the_dashboard_is_json_whose_panels_lie_beside_and_below_each_other() -> None:
    made = json.loads(dashboard.text())
    places: set[tuple[int, int]] = set()
    for panel in made["panels"]:
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= 24
        covered = {(x, grid["y"]) for x in range(grid["x"], grid["x"] + grid["w"])}
        assert not covered & places
        places |= covered
    assert len({panel["id"] for panel in made["panels"]}) == len(dashboard.PANELS)
    assert {each["name"] for each in made["templating"]["list"]} == {"source", "node", "target"}
