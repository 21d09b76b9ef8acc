"""The JSON Schema of what `netecho probe` prints, as it ships in the package, and a check against it.

The check knows the words that our schema uses and no others, so that reading a saved run needs no library; the tests
hold it against one that knows them all.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = dict[str, Any]

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}


def text() -> str:
    """Return the schema (2020-12) of the document and of each ndjson line, as text that ends in a newline."""
    return resources.files("netecho.report.document").joinpath("schema.json").read_text("utf-8")


def complaint(document: object, part: str) -> str | None:
    """Return what is wrong with a value that should be a `part` (`document`, `head`, `reply`, ...); None if nothing."""
    return next(_complaints(document, _schema()["$defs"][part], part), None)


@cache
def _schema() -> Schema:
    schema: Schema = json.loads(text())
    return schema


def _complaints(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if "$ref" in schema:
        yield from _complaints(value, _schema()["$defs"][schema["$ref"].removeprefix("#/$defs/")], where)
    if "type" in schema and not _is(value, schema["type"]):
        yield f"{where} is not {_either(schema['type'])}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{where} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is none of {', '.join(map(str, schema['enum']))}"
    if "anyOf" in schema:
        complaints = [list(_complaints(value, each, where)) for each in schema["anyOf"]]
        if all(complaints):
            yield complaints[0][0]
    if isinstance(value, dict):
        yield from _in_object(value, schema, where)
    elif isinstance(value, list):
        yield from _in_array(value, schema, where)
    else:
        yield from _in_scalar(value, schema, where)


def _in_scalar(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where} is not written as it should be"
    least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if isinstance(value, int | float) and not least <= value <= most:
        yield f"{where} is out of range"


def _in_object(value: dict[str, Any], schema: Schema, where: str) -> Iterator[str]:
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{where} has no {key!r}"
    named = schema.get("properties", {})
    for key, inner in named.items():
        if key in value:
            yield from _complaints(value[key], inner, f"{where}.{key}")
    if "additionalProperties" in schema:
        for key in value.keys() - named.keys():
            yield from _complaints(value[key], schema["additionalProperties"], f"{where}.{key}")


def _in_array(value: list[Any], schema: Schema, where: str) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf):
        yield f"{where} has {len(value)} items"
    prefix = schema.get("prefixItems", [])
    for n, item in enumerate(value):
        inner = prefix[n] if n < len(prefix) else schema.get("items")
        if inner is not None:
            yield from _complaints(item, inner, f"{where}[{n}]")


def _is(value: Any, types: str | list[str]) -> bool:
    if isinstance(types, list):
        return any(_is(value, each) for each in types)
    if isinstance(value, bool):
        return types == "boolean"
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if types == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[types])


def _either(types: str | list[str]) -> str:
    return types if isinstance(types, str) else " or ".join(types)
