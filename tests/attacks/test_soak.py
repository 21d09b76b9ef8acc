"""What a soak finds fault with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.attacks.soak import FLAT, SETTLED, Sample, faults
from tests.attacks.table import MIB
from tests.program import Ended

GOOD = Sample(at=60.0, side="raw", answered=100, lost=0, p99_ms=2.0, memory=40 * MIB, descriptors=20)
END = Ended([], 0, b"", b"")


def test_nothing_where_all_is_well() -> None:
    growing_at_first = [replace(GOOD, at=60.0 * n, memory=min(n, 10) * MIB) for n in range(1, 60)]
    assert faults(growing_at_first, [END], []) == []


@pytest.mark.parametrize(
    ("sample", "fault"),
    [
        (replace(GOOD, lost=2), "raw: 2 lost"),
        (replace(GOOD, p99_ms=50.1), "raw: p99 of 50.1 ms"),
        (replace(GOOD, answered=0), "raw: a time without any answer"),
        (replace(GOOD, at=SETTLED + 60, memory=GOOD.memory + 2 * FLAT + 1), "raw: memory between 40.0 and"),
    ],
)
def test_a_minute_that_was_not(sample: Sample, fault: str) -> None:
    (found,) = faults([replace(GOOD, at=SETTLED), sample, replace(GOOD, side="text")], [END], [])
    assert found.startswith(fault)


def test_an_end_that_was_not_and_bugs() -> None:
    found = faults([GOOD], [Ended([], 1, b"", b"trouble\n")], ["a bug"])
    assert found == ["ended with 1: trouble", "a bug"]
