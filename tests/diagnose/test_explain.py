"""The same fault is not told twice."""

from __future__ import annotations

from netecho.diagnose.explain import EXPLAINED_BY, explained
from netecho.diagnose.finding import Finding, Fine
from tests.diagnose.checks.said import codes, evidence, only


def finding(code: str) -> Finding:
    return Finding(check="tcp", code=code, severity="warning", confidence="certain", sentence="Something.")


def test_what_another_finding_brings_about_goes_into_its_evidence() -> None:
    outcome = explained([finding("retransmissions"), finding("loss"), Fine("clocks", "fine")])
    found = only(outcome)
    assert found.code == "loss"
    assert evidence(found)["also_seen"] == "retransmissions"
    assert outcome[-1] == Fine("clocks", "fine")


def test_what_nothing_explains_stays() -> None:
    assert codes(explained([finding("retransmissions")])) == ["retransmissions"]
    assert codes(explained([finding("retransmissions"), finding("nat")])) == ["retransmissions", "nat"]


def test_nothing_explains_itself_away() -> None:
    """However the table grows: of any findings at least one is left."""
    for effect, causes in EXPLAINED_BY.items():
        for cause in causes:
            assert codes(explained([finding(effect), finding(cause)])) == [cause]
    assert codes(explained([finding(code) for code in EXPLAINED_BY])) != []
