"""What a check came to, as its tests look at it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from netecho.diagnose.finding import Finding, Fine, NotTested

if TYPE_CHECKING:
    from netecho.diagnose.finding import Outcome


def codes(outcome: Outcome) -> list[str]:
    """The codes of all findings."""
    return [each.code for each in outcome if isinstance(each, Finding)]


def only(outcome: Outcome) -> Finding:
    """The one finding."""
    (found,) = [each for each in outcome if isinstance(each, Finding)]
    return found


def evidence(finding: Finding) -> dict[str, float | str | None]:
    """What was seen, by name."""
    return {figure.name: figure.value for figure in finding.evidence}


def words(outcome: Outcome) -> str:
    """All sentences and reasons."""
    return "\n".join(each.reason if isinstance(each, NotTested) else each.sentence for each in outcome)


def is_well_formed(outcome: Outcome, check: str) -> bool:
    """Whether it is of one check, and can be printed and written as JSON: no NaN, no empty sentence."""
    assert {each.check for each in outcome} <= {check}
    for each in outcome:
        figures = () if isinstance(each, NotTested) else each.evidence
        names = [figure.name for figure in figures]
        assert len(names) == len(set(names)), names
        values = [figure.value for figure in figures if isinstance(figure.value, float | int)]
        assert all(math.isfinite(value) for value in values), each
        sentence = each.reason if isinstance(each, NotTested) else each.sentence
        assert sentence.strip()
        if not isinstance(each, NotTested):  # whose reason may be anybody's words
            assert "nan" not in sentence.lower().split()
        assert "  " not in sentence
        assert isinstance(each, Finding | Fine | NotTested)
    return True
