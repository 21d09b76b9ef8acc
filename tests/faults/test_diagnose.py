"""`netecho diagnose` finds each fault by the check that is for it, and nothing else; in the clean network nothing.

What takes minutes, or is not sure in one run, is for `python -m tests.faults`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.faults.expected import ABOUT_THIS_MACHINE, EXPECTED
from tests.faults.play import DIAGNOSE, play
from tests.faults.scenarios import FAULTS, Scenario
from tests.faults.topology import refusal

if TYPE_CHECKING:
    from tests.faults.fault import Fault

REFUSAL = refusal()
pytestmark = pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))

AT_ONCE = 8
"""A diagnosis waits for most of its ten seconds."""
TAKES_MINUTES = frozenset({"rate", "timeouts"})
NO_CHECK_YET = frozenset(
    {"mtu", "black-hole-forward", "black-hole-backward", "length-forward", "mss", "corruption", "small-window"}
)


def surely_found(fault: Fault) -> bool:
    expected = EXPECTED[fault.name]
    return bool(expected.codes) and expected.check not in TAKES_MINUTES and fault.name not in NO_CHECK_YET


def mistake(fault: Fault) -> str | None:
    """What is wrong with what the check that is for this fault says of it."""
    expected = EXPECTED[fault.name]
    run = play(Scenario(faults=(fault,)), [*DIAGNOSE, "--only", expected.check])
    said = f"{fault.name}: {run.trouble or run.findings}"
    told = [each for each in run.findings if each.code in expected.codes]
    if not told:
        return f"not found: {said}"
    # A direction may be unknown, but not wrong.
    if expected.direction and not {each.direction for each in told} <= {expected.direction, None}:
        return f"wrong direction: {said}"
    if not {each.code for each in run.findings} <= expected.codes | expected.also:
        return f"found what is not there: {said}"
    return None


def test_each_fault_is_found_and_nothing_else() -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        mistakes = list(pool.map(mistake, filter(surely_found, FAULTS)))
    assert [each for each in mistakes if each] == []


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    run = play(Scenario())
    assert run.trouble is None
    assert {each.code for each in run.findings} <= ABOUT_THIS_MACHINE
