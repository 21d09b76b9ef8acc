"""DSCP and ECN, by codepoint: kept, cleared, rewritten or dropped, in each direction.

A STAMP reflector says with which codepoints a request arrived (RFC 8972 section 4.4), and answers with the DSCP that
was asked for. ECN of the way back is not known: replies are not ECN-capable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from netecho.diagnose.finding import Figure, Finding, Fine, NotTested
from netecho.diagnose.statistics import by_chance
from netecho.diagnose.words import ON_THE_WAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from netecho.diagnose.finding import Direction, Outcome

ECN_NAMES = ("not-ect", "ect1", "ect0", "ce")
"""By the two bits (RFC 3168 section 5)."""
CE = 3
ENOUGH = 0.5
"""A share of answers that unmarked packets must have, to compare with."""


class Marked(NamedTuple):
    """What became of packets with one DSCP and one ECN codepoint. None: nobody says."""

    dscp: int
    ecn: int
    sent: int
    received: int
    dscp_there: int | None = None
    """As most requests arrived."""
    ecn_there: int | None = None
    dscp_back: int | None = None
    """As the replies arrived here, which were asked to have `dscp`; None where the far end would not."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Packets without any mark, and with each."""

    plain: Marked
    marked: Sequence[Marked]
    target: str


def judge(observed: Observed) -> Outcome:
    """Say what became of the marks."""
    plain = observed.plain
    if plain.received < max(1, ENOUGH * plain.sent):
        return (NotTested("marking", "too few unmarked packets were answered to compare with"),)
    by_dscp = [each for each in observed.marked if not each.ecn]
    by_ecn = [each for each in observed.marked if each.ecn]
    gone = [each for each in observed.marked if each.sent and not each.received]
    unlucky = bool(gone) and _is_chance(gone, observed)
    found = (
        *(() if unlucky else _dropped([each for each in gone if not each.ecn], observed)),
        *_changed("forward", [(each.dscp, each.dscp_there) for each in by_dscp], observed),
        *_changed("backward", [(each.dscp, each.dscp_back) for each in by_dscp], observed),
        *(() if unlucky else _blocked([each for each in gone if each.ecn], observed)),
        *_bleached(by_ecn, observed),
        *_congested(by_ecn, observed),
    )
    return (
        *(found or (_kept(observed),)),
        *((NotTested("marking", "too many packets are lost to tell which marks are dropped"),) if unlucky else ()),
        NotTested("marking", "ECN on the way back: replies are not ECN-capable"),
    )


def _is_chance(gone: Sequence[Marked], observed: Observed) -> bool:
    """Tell whether packets with these marks may have been lost as any others are."""
    others = [each for each in (observed.plain, *observed.marked) if each.received]
    sent, received = sum(each.sent for each in others), sum(each.received for each in others)
    return by_chance([each.sent for each in gone], (max(sent - received, 0), sent))


def _kept(observed: Observed) -> Fine | NotTested:
    if all(each.dscp_there is None for each in observed.marked):
        return NotTested("marking", "the far end does not say how packets arrived (RFC 8972 section 4.4)")
    return Fine("marking", f"DSCP and ECN arrive as they were sent ({len(observed.marked)} codepoints)")


def _dropped(marked: Sequence[Marked], observed: Observed) -> Outcome:
    gone = [each.dscp for each in marked]
    if not gone:
        return ()
    return (
        Finding(
            check="marking",
            code="dscp-dropped",
            severity="warning",
            confidence="likely",
            sentence=f"Packets with DSCP {_listed(gone)} are not answered, those without are.",
            evidence=(Figure("dscp", _listed(gone), "text"),),
            otherwise="A class that is full, or limited, drops its packets as well.",
            command=f"netecho probe {observed.target} --dscp {gone[0]}",
        ),
    )


def _changed(direction: Direction, pairs: Iterable[tuple[int, int | None]], observed: Observed) -> Outcome:
    changed = [(sent, arrived) for sent, arrived in pairs if arrived is not None and arrived != sent]
    if not changed:
        return ()
    cleared = all(arrived == 0 for _, arrived in changed)
    listed = ", ".join(f"{sent} to {arrived}" for sent, arrived in changed)
    return (
        Finding(
            check="marking",
            code="dscp-cleared" if cleared else "dscp-rewritten",
            severity="info",
            direction=direction,
            confidence="certain",
            sentence=f"DSCP is {'cleared' if cleared else 'rewritten'} {ON_THE_WAY[direction]}:"
            f" {_listed([sent for sent, _ in changed]) if cleared else listed}.",
            evidence=(Figure("changed", listed, "text"),),
            otherwise="Networks are free to do so at their edge (RFC 2475); priority ends there.",
            command=f"netecho probe {observed.target} --dscp {changed[0][0]}",
        ),
    )


def _blocked(marked: Sequence[Marked], observed: Observed) -> Outcome:
    gone = [ECN_NAMES[each.ecn] for each in marked]
    if not gone:
        return ()
    return (
        Finding(
            check="marking",
            code="ecn-blocked",
            severity="warning",
            direction="forward",  # answers carry no mark
            confidence="likely",
            sentence=f"Packets with ECN {', '.join(gone)} are not answered, those without are: connections that"
            " negotiate ECN may hang.",
            evidence=(Figure("ecn", " ".join(gone), "text"),),
            command=f"netecho probe {observed.target} --ecn {gone[0]}",
        ),
    )


def _bleached(marked: Iterable[Marked], observed: Observed) -> Outcome:
    changed = [
        (ECN_NAMES[each.ecn], ECN_NAMES[each.ecn_there])
        for each in marked
        if each.ecn_there is not None and each.ecn_there not in (each.ecn, CE)
    ]
    if not changed:
        return ()
    listed = ", ".join(f"{sent} to {arrived}" for sent, arrived in changed)
    return (
        Finding(
            check="marking",
            code="ecn-bleached",
            severity="info",
            direction="forward",
            confidence="certain",
            sentence=f"ECN is changed on the way there: {listed}. Queues cannot tell senders of congestion.",
            evidence=(Figure("changed", listed, "text"),),
            command=f"netecho probe {observed.target} --ecn {changed[0][0]}",
        ),
    )


def _congested(marked: Iterable[Marked], observed: Observed) -> Outcome:
    """Say that most packets arrive with CE: a queue marks those that come while it is full."""
    changed = [ECN_NAMES[each.ecn] for each in marked if each.ecn_there == CE and each.ecn != CE]
    if not changed:
        return ()
    return (
        Finding(
            check="marking",
            code="ecn-marked",
            severity="warning",
            direction="forward",
            confidence="likely",
            sentence=f"Most packets with ECN {', '.join(changed)} arrive with CE, congestion experienced: connections"
            " that negotiate ECN are slowed down all the time.",
            evidence=(Figure("changed", ", ".join(f"{each} to ce" for each in changed), "text"),),
            otherwise="A queue that is full all the time marks all that passes it.",
            command=f"netecho probe {observed.target} --ecn {changed[0]}",
        ),
    )


def _listed(codepoints: Sequence[int]) -> str:
    return ", ".join(map(str, codepoints))
