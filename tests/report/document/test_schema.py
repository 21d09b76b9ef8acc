"""The small check that reads saved runs, held against a library that knows all of JSON Schema."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, strategies as st

from netecho.report.document import schema
from tests.report.runs import FACTS, STAMP, TROUBLED, calm, run

SCHEMA = json.loads(schema.text())
REFERENCE = jsonschema.Draft202012Validator({**SCHEMA["$defs"]["document"], "$defs": SCHEMA["$defs"]})

junk = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 70_000) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, inner in inside for deeper in paths(inner, (*path, key)))]


DOCUMENT = run(TROUBLED, failed=("loss>1%",))
PATHS = paths(DOCUMENT)[1:]


@pytest.mark.parametrize("events", [calm(), TROUBLED, []])
def test_a_document_is_not_complained_about(events: list[Any]) -> None:
    assert schema.complaint(run(events), "document") is None


@given(st.sampled_from(PATHS), junk, st.booleans())
def test_any_change_is_judged_as_the_library_judges_it(path: tuple[Any, ...], value: Any, remove: bool) -> None:
    changed = json.loads(json.dumps(DOCUMENT))
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    if remove:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    assert (schema.complaint(changed, "document") is None) is REFERENCE.is_valid(changed)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "netecho/probe/2"}, "document.schema is not 'netecho/probe/1'"),
        ({"started": "yesterday"}, "document.started is not written as it should be"),
        ({"duration_ms": None}, "document.duration_ms is not number"),
        ({"duration_ms": float("inf")}, "document.duration_ms is not number"),
        ({"probes": {}}, "document.probes has no 'sent'"),
        ({"histogram": {"rtt": [[1, 2]], "response": []}}, "document.histogram.rtt[0] has 2 items"),
        ({"target": {**DOCUMENT["target"], "port": 70000}}, "document.target.port is out of range"),
        ({"target": {**DOCUMENT["target"], "transport": "sctp"}}, "document.target.transport is none of tcp, udp, tls"),
    ],
)
def test_a_complaint_names_the_place(change: dict[str, Any], words: str) -> None:
    assert (schema.complaint({**DOCUMENT, **change}, "document") or "").startswith(words)


@pytest.mark.parametrize("transport", ["plain", "stamp", "transports"])
def test_every_key_of_a_document_is_described(transport: str) -> None:
    """What is printed and not described, nobody can rely on."""
    made = {
        "plain": DOCUMENT,
        "stamp": DOCUMENT | {"stamp": STAMP},
        "transports": run(TROUBLED, facts=FACTS),
    }[transport]
    assert list(undescribed(made, SCHEMA["$defs"]["document"])) == []


def test_the_check_knows_every_word_that_the_schema_uses() -> None:
    """A word it does not know would be a promise that nothing holds a file to."""
    annotations = {"$schema", "$id", "title", "description"}
    known = {"$ref", "type", "const", "enum", "anyOf", "required", "properties", "items", "prefixItems"}
    known |= {"minItems", "maxItems", "pattern", "minimum", "maximum"}
    assert words(SCHEMA["$defs"]["document"]) | words(SCHEMA["$defs"]["head"]) <= annotations | known


def undescribed(value: Any, schema: dict[str, Any], where: str = "document") -> Iterator[str]:
    """The keys that a part of the schema has no property for."""
    described = properties(schema)
    for key, inner in value.items() if isinstance(value, dict) else ():
        if key not in described:
            yield f"{where}.{key}"
        else:
            yield from undescribed(inner, described[key], f"{where}.{key}")


def properties(schema: dict[str, Any]) -> dict[str, Any]:
    """The properties of a part, those of the parts it refers to among them."""
    parts = [schema, *schema.get("anyOf", [])]
    parts += [SCHEMA["$defs"][part["$ref"].removeprefix("#/$defs/")] for part in parts if "$ref" in part]
    own = [part.get("properties", {}) for part in parts]
    referred = [properties(part) for part in parts[1:] if part is not schema]
    return {key: inner for each in [*own, *referred] for key, inner in each.items()}


def words(schema: dict[str, Any]) -> set[str]:
    found = set(schema)
    for inner in schema.get("properties", {}).values():
        found |= words(inner)
    for inner in [
        *schema.get("prefixItems", []),
        *schema.get("anyOf", []),
        *([schema["items"]] if "items" in schema else []),
    ]:
        found |= words(inner)
    if "$ref" in schema:
        found |= words(SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")])
    return found
