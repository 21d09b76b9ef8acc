"""A diagnosis in its order: the worst first, then as checks are listed."""

from __future__ import annotations

from hypothesis import given, strategies as st

from netecho.diagnose.finding import CHECKS, SEVERITIES, Diagnosis, Finding, Fine, NotTested, Outcome

EACH = st.one_of(
    st.builds(
        Finding,
        check=st.sampled_from(CHECKS),
        code=st.just("code"),
        severity=st.sampled_from(SEVERITIES),
        confidence=st.just("likely"),
        sentence=st.text(max_size=3),
    ),
    st.builds(Fine, check=st.sampled_from(CHECKS), sentence=st.text(max_size=3)),
    st.builds(NotTested, check=st.sampled_from(CHECKS), reason=st.text(max_size=3)),
)


def diagnosis(outcome: Outcome) -> Diagnosis:
    return Diagnosis(id="0197", target="host", address=None, started=0, duration=1, bytes_sent=0, outcome=outcome)


@given(st.lists(EACH, max_size=12))
def test_all_that_was_said_is_in_one_of_the_lists(outcome: Outcome) -> None:
    found = diagnosis(tuple(outcome))
    assert sorted(map(repr, outcome)) == sorted(map(repr, (*found.findings, *found.fine, *found.not_tested)))


@given(st.lists(EACH, max_size=12))
def test_the_worst_finding_is_the_first_and_equals_are_in_the_order_of_checks(outcome: Outcome) -> None:
    found = diagnosis(tuple(outcome))
    places = [(-SEVERITIES.index(each.severity), CHECKS.index(each.check)) for each in found.findings]
    assert places == sorted(places)
    assert found.worst() == (found.findings[0].severity if found.findings else None)
    for rest in (found.fine, found.not_tested):
        assert [CHECKS.index(each.check) for each in rest] == sorted(CHECKS.index(each.check) for each in rest)


def test_of_one_check_the_order_is_kept() -> None:
    two = (NotTested("tcp", "b"), NotTested("tcp", "a"), NotTested("names", "c"))
    assert [each.reason for each in diagnosis(two).not_tested] == ["c", "b", "a"]


def test_nothing_found_has_no_worst() -> None:
    assert diagnosis(()).worst() is None
    assert diagnosis((Fine("tcp", "well"),)).worst() is None
