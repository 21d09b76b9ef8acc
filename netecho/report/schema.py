"""The JSON Schema of what `netecho probe` prints, as it ships in the package."""

from __future__ import annotations

from importlib import resources


def text() -> str:
    """Return the schema (2020-12) of the document and of each ndjson line, as text that ends in a newline."""
    return resources.files("netecho.report").joinpath("schema.json").read_text("utf-8")
