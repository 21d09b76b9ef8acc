"""DSCP as people write it."""

from __future__ import annotations

import pytest

from netecho.measure.dscp import parse_dscp


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0", 0), ("46", 46), ("63", 63), ("0x2e", 46), ("0X2E", 46), ("EF", 46), ("ef", 46), ("CS0", 0)),
        *(("CS1", 8), ("CS7", 56), ("AF11", 10), ("AF41", 34), ("AF43", 38), ("LE", 1), ("VA", 44), ("DF", 0)),
    ],
)
def test_dscp(text: str, value: int) -> None:
    assert parse_dscp(text) == value
