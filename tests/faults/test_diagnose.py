"""`netecho diagnose` finds each fault by the check that is for it, and nothing else; in the clean network nothing.

What takes minutes, or is not sure in one run, is for `python -m tests.faults`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.expected import ABOUT_THIS_MACHINE, EXPECTED
from tests.faults.fault import Fault
from tests.faults.play import play
from tests.faults.scenarios import BY_NAME, FAULTS, Scenario, rule
from tests.faults.topology import refusal
from tests.program import command_line

REFUSAL = refusal()
pytestmark = pytest.mark.skipif(REFUSAL is not None, reason=str(REFUSAL))

AT_ONCE = 8
"""A diagnosis waits for most of its ten seconds."""
AMPLE = ("-t", "90s")
"""So that none is cut short where eight share two processors."""
TAKES_MINUTES = frozenset({"rate", "timeouts"})
NOT_IN_EVERY_RUN = frozenset({"corruption", "loss-bursts"})
"""Few packets may be hit, and bursts may be told as plain losses."""


def surely_found(fault: Fault) -> bool:
    expected = EXPECTED[fault.name]
    return bool(expected.codes) and expected.check not in TAKES_MINUTES and fault.name not in NOT_IN_EVERY_RUN


def mistake(fault: Fault) -> str | None:
    """What is wrong with what the check that is for this fault says of it."""
    expected = EXPECTED[fault.name]
    run = play(Scenario(faults=(fault,)), [*command_line(), "diagnose", "--only", expected.check, *AMPLE])
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
    assert "\n".join(each for each in mistakes if each) == ""


def test_a_lost_syn_does_not_make_a_port_filtered() -> None:
    lost = Fault(
        name="lost-syn", sentence="the first SYN is lost", rules=rule("tcp flags syn numgen inc mod 1000 < 1 drop")
    )
    assert codes(lost, "transports") == set()


def test_an_address_where_nobody_answers_does_not_make_ports_filtered() -> None:
    assert codes(BY_NAME["dead-ipv6"], "transports,names") == {"dead-family"}


def codes(fault: Fault, checks: str) -> set[str]:
    """The codes of what these checks find."""
    run = play(Scenario(faults=(fault,)), [*command_line(), "diagnose", "--only", checks])
    assert run.trouble is None
    return {each.code for each in run.findings}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    run = play(Scenario(), [*command_line(), "diagnose"])
    assert run.trouble is None
    assert {each.code for each in run.findings} <= ABOUT_THIS_MACHINE
