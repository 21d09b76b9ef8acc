"""Findings that another one explains: the same fault is not told twice. And the command that shows each again.

What is explained goes into the evidence of what explains it, and the reader is left with the causes.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from netecho.diagnose.checks.loss import LOST_OF
from netecho.diagnose.finding import Figure, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netecho.diagnose.finding import Check, Fine, NotTested, Outcome

_LOSSES = ("mtu-black-hole", "path-mtu", "loss", "loss-bursts", "loss-by-size", "bad-path-loss", "policer", "shaper")
EXPLAINED_BY: Mapping[str, tuple[str, ...]] = {
    "retransmissions": _LOSSES,
    "payload-dropped": ("mtu-black-hole",),
    "port-rewritten": ("nat",),
    "loss": ("policer", "shaper"),
    "loss-by-size": ("mtu-black-hole", "policer"),
    "loss-bursts": ("policer", "shaper"),
}
"""By code: what is enough to bring it about."""


USUAL_RATE = 2_500_000
"""bit/s: what losses are looked for with, at most; a limit above that has no part in them."""
DEEP: frozenset[Check] = frozenset({"timeouts", "rate"})
"""Checks that are made where that is asked for alone."""


def with_commands(outcome: Sequence[Finding | Fine | NotTested], target: str) -> Outcome:
    """Return an outcome in which each finding of the path has a command: the check alone, where it names no other."""

    def again(check: Check) -> str:
        return f"netecho diagnose {shlex.quote(target)} --only {check}{' --deep' if check in DEEP else ''}"

    return tuple(
        replace(each, command=again(each.check))
        if isinstance(each, Finding) and each.command is None and each.check != "host"
        else each
        for each in outcome
    )


def explained(outcome: Sequence[Finding | Fine | NotTested]) -> Outcome:
    """Return an outcome in which no finding only repeats another one."""
    findings = [each for each in outcome if isinstance(each, Finding)]
    causes = {id(each): cause.code for each in findings if (cause := _cause(each, findings)) is not None}
    kept: list[Finding | Fine | NotTested] = []
    for each in outcome:
        if not isinstance(each, Finding):
            kept.append(each)
        elif id(each) not in causes:
            effects = {effect.code for effect in findings if causes.get(id(effect)) == each.code}
            seen = (Figure("also_seen", ", ".join(sorted(effects)), "text"),) if effects else ()
            kept.append(replace(each, evidence=(*each.evidence, *seen)))
    return tuple(kept)


def _cause(effect: Finding, findings: Sequence[Finding]) -> Finding | None:
    """Return the finding that explains this one; None where none does."""
    for code in EXPLAINED_BY.get(effect.code, ()):
        for each in findings:
            if each.code == code and code != effect.code and _is_enough(effect, each):
                return each
    return None


def _is_enough(effect: Finding, cause: Finding) -> bool:
    """Tell whether a cause is enough for losses.

    A limit of rate is for those that were seen at that rate; a hole takes all packets of a size, and none of another.
    """
    if not effect.code.startswith("loss"):
        return True
    if cause.direction != effect.direction and effect.direction is not None:
        return False
    if cause.code in ("policer", "shaper"):
        rates = [figure.value for figure in cause.evidence if figure.name == "rate"]
        return all(isinstance(rate, float | int) and rate < USUAL_RATE for rate in rates)
    shares = [figure.value for figure in effect.evidence if figure.name.startswith(LOST_OF)]
    return all(share in (0, 100) for share in shares)
