"""Findings that another one explains: the same fault is not told twice.

What is explained goes into the evidence of what explains it, and the reader is left with the causes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netecho.diagnose.finding import Figure, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netecho.diagnose.finding import Fine, NotTested, Outcome

_LOSSES = ("mtu-black-hole", "path-mtu", "loss", "loss-bursts", "loss-by-size", "bad-path-loss", "policer", "shaper")
EXPLAINED_BY: Mapping[str, tuple[str, ...]] = {
    "retransmissions": _LOSSES,
    "payload-dropped": ("mtu-black-hole",),
    "port-rewritten": ("nat",),
    "loss": ("policer",),
    "loss-bursts": ("policer",),
}
"""By code: what is enough to bring it about."""


def explained(outcome: Sequence[Finding | Fine | NotTested]) -> Outcome:
    """Return an outcome in which no finding only repeats another one."""
    codes = {each.code for each in outcome if isinstance(each, Finding)}
    causes = {
        code: next((cause for cause in EXPLAINED_BY.get(code, ()) if cause in codes and cause != code), None)
        for code in codes
    }
    kept: list[Finding | Fine | NotTested] = []
    for each in outcome:
        if not isinstance(each, Finding):
            kept.append(each)
        elif causes[each.code] is None:
            effects = [code for code, cause in causes.items() if cause == each.code]
            seen = (Figure("also_seen", ", ".join(sorted(effects)), "text"),) if effects else ()
            kept.append(replace(each, evidence=(*each.evidence, *seen)))
    return tuple(kept)
