"""What is made of the metrics' names: it has no name that is not exposed, and no label that is not on it."""

from __future__ import annotations

import json
import re
from itertools import product

import jsonschema
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


SOURCE = {"const": {"type": "prometheus", "uid": "${source}"}}
TEXT = {"type": "string", "minLength": 1}
WHOLE = {"type": "integer", "minimum": 0}
PANEL = {
    "type": "object",
    "required": ["id", "type", "title", "datasource", "gridPos", "fieldConfig", "targets"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "type": {"enum": ["timeseries", "state-timeline"]},
        "title": TEXT,
        "datasource": SOURCE,
        "gridPos": {
            "type": "object",
            "required": ["h", "w", "x", "y"],
            "additionalProperties": WHOLE,
            "properties": {"w": {"minimum": 1, "maximum": 24}, "x": {"maximum": 23}, "h": {"minimum": 1}},
        },
        "fieldConfig": {
            "required": ["defaults", "overrides"],
            "properties": {"defaults": {"properties": {"unit": {"enum": ["s", "cps", "percentunit", "bool_yes_no"]}}}},
        },
        "targets": {
            "type": "array",
            "minItems": 1,
            "items": {
                "required": ["refId", "expr", "datasource", "legendFormat"],
                "properties": {"refId": {"pattern": "^[A-Z]$"}, "expr": TEXT, "datasource": SOURCE},
            },
        },
    },
}
CLASSIC_MODEL = {
    "type": "object",
    "required": ["title", "uid", "schemaVersion", "time", "templating", "panels"],
    "properties": {
        "title": TEXT,
        "uid": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,40}$"},
        "schemaVersion": {"type": "integer", "minimum": 36},
        "time": {"required": ["from", "to"]},
        "panels": {"type": "array", "minItems": 1, "items": PANEL},
    },
}
"""What Grafana documents of a dashboard ("JSON model", the classic one), as far as ours has it. Data sources are
objects since schema 36."""


def test_the_dashboard_is_as_grafana_documents_one() -> None:
    made = json.loads(dashboard.text())
    jsonschema.validate(made, CLASSIC_MODEL)
    assert "id" not in made  # an import would overwrite the dashboard of that number
    variables = {each["name"]: each for each in made["templating"]["list"]}
    source = variables.pop("source")
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    assert all(each["datasource"]["uid"] == "${source}" for each in variables.values())
    assert all(each["query"]["query"].startswith("label_values(") for each in variables.values())
    for panel in made["panels"]:
        assert len({each["refId"] for each in panel["targets"]}) == len(panel["targets"])
        for each in panel["targets"]:
            assert set(re.findall(r"\$(\w+)", each["expr"])) <= {*variables, "__rate_interval"}


def test_the_dashboard_is_json_whose_panels_lie_beside_and_below_each_other() -> None:
    made = json.loads(dashboard.text())
    places: set[tuple[int, int]] = set()
    for panel in made["panels"]:
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= 24
        rows, columns = range(grid["y"], grid["y"] + grid["h"]), range(grid["x"], grid["x"] + grid["w"])
        covered = set(product(columns, rows))
        assert not covered & places
        places |= covered
    assert len({panel["id"] for panel in made["panels"]}) == len(dashboard.PANELS)
    assert {each["name"] for each in made["templating"]["list"]} == {"source", "node", "target"}
