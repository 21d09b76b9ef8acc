"""Equal paths that are not: loss or delay by source port, and packets that overtake each other.

A router that balances by flow sends all packets of one source port the same way, so that a bad member of a bundle
hits some flows and spares others. One that balances by packet hits all alike, and reorders.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from netecho.diagnose.checks.loss import direction
from netecho.diagnose.finding import Figure, Finding, Fine, NotTested
from netecho.diagnose.statistics import differ, split
from netecho.diagnose.words import ON_THE_WAY, many, percent, time
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.diagnose.finding import Outcome
    from netecho.diagnose.run import Run

LEAST_FLOWS = 4
LEAST_APART = MILLISECOND
"""Delays of two paths that differ by less are alike, for whoever uses them..."""
SHARE_APART = 0.1
"""...and so are those that differ by less than this share of the round trip."""
LEAST_REORDERED = 3
SHARE_REORDERED = 0.002
_EVERY_FEW = 4
"""Answered probes that a flow's delay is judged by, at least."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A run over many source ports, and one whose packets follow each other closely on a single one."""

    flows: Run
    train: Run | None
    target: str


class Flow(NamedTuple):
    """One source port, and how it fared."""

    port: int | None
    sent: int
    lost: int
    rtt: float | None
    """The median; None where too few were answered."""


def judge(observed: Observed) -> Outcome:
    """Say whether flows fare differently, and whether packets overtake each other."""
    flows = _flows(observed.flows)
    return (*_members(flows, observed), *_order(observed))


def _flows(run: Run) -> list[Flow]:
    ports = {each.connection: each.local[1] if each.local else None for each in run.result.summary.by_flow}
    rtts: dict[int, list[int]] = defaultdict(list)
    sent: dict[int, int] = defaultdict(int)
    for fate in run.fates:
        sent[fate.connection] += 1
        if fate.rtt is not None:
            rtts[fate.connection].append(fate.rtt)
    return [
        Flow(ports.get(n), sent[n], sent[n] - len(rtts[n]), median(rtts[n]) if len(rtts[n]) >= _EVERY_FEW else None)
        for n in sorted(sent)
    ]


def _members(flows: Sequence[Flow], observed: Observed) -> Outcome:
    if len(flows) < LEAST_FLOWS:
        return (NotTested("balancing", f"needs at least {LEAST_FLOWS} flows, of which there were {len(flows)}"),)
    if differ([(flow.lost, flow.sent) for flow in flows]):
        return (_lossy(flows, observed),)
    slow = _slow(flows, observed)
    if slow is not None:
        return (slow,)
    return (Fine("balancing", f"{many(len(flows), 'source port')} fare alike: no bad member among equal paths"),)


def _lossy(flows: Sequence[Flow], observed: Observed) -> Finding:
    average = sum(flow.lost for flow in flows) / sum(flow.sent for flow in flows)
    bad = [flow for flow in flows if flow.lost / flow.sent > average]
    lost, sent = sum(flow.lost for flow in bad), sum(flow.sent for flow in bad)
    where = direction(observed.flows)
    return Finding(
        check="balancing",
        code="bad-path-loss",
        severity="critical",
        direction=where,
        confidence="certain",
        sentence=f"{len(bad)} of {len(flows)} source ports lose {percent(lost / sent)} of their packets"
        f" {ON_THE_WAY[where]}, the others none or few: one of about {_paths(len(bad), len(flows))} equal paths is"
        " bad.",
        evidence=(
            Figure("flows", len(flows)),
            Figure("bad_flows", len(bad)),
            Figure("bad_loss", 100 * lost / sent, "percent"),
            Figure("bad_ports", _ports(bad), "text"),
        ),
        otherwise="A limit by flow at the far end or in a firewall looks the same.",
        command=_again(observed),
    )


def _slow(flows: Sequence[Flow], observed: Observed) -> Finding | None:
    found = split([flow.rtt for flow in flows if flow.rtt is not None])
    if found is None or found.gap < max(LEAST_APART, SHARE_APART * found.below[0]):
        return None
    slow = [flow for flow in flows if flow.rtt is not None and flow.rtt >= found.above[0]]
    apart = median(found.above) - median(found.below)
    return Finding(
        check="balancing",
        code="bad-path-delay",
        severity="warning",
        confidence="certain" if min(map(len, found)) > 1 else "likely",
        sentence=f"{len(slow)} of {len(flows)} source ports take {time(apart)} longer than the others: one of about"
        f" {_paths(min(map(len, found)), len(flows))} equal paths is longer, or busier.",
        evidence=(
            Figure("flows", len(flows)),
            Figure("slow_flows", len(slow)),
            Figure("apart", apart, "time"),
            Figure("slow_ports", _ports(slow), "text"),
        ),
        otherwise="Equal paths of different length, which is not a fault by itself.",
        command=_again(observed),
    )


def _paths(bad: int, flows: int) -> int:
    """Return how many paths there are, if one of them has these flows."""
    return max(2, round(flows / bad))


def _ports(flows: Sequence[Flow]) -> str:
    return " ".join(str(flow.port) for flow in flows if flow.port is not None)


def _again(observed: Observed) -> str:
    return f"netecho probe {observed.target} --connections 32 -c 50 -i 160ms"


def _order(observed: Observed) -> Outcome:
    train = observed.train
    if train is None or not train.result.summary.received:
        return (NotTested("balancing", "reordering: no train of packets was answered"),)
    reordered, received = train.result.summary.reordered, train.result.summary.received
    if reordered < LEAST_REORDERED or reordered < SHARE_REORDERED * received:
        return (Fine("balancing", f"{many(received, 'packet')} in close order, none overtook another"),)
    return (
        Finding(
            check="balancing",
            code="reordering",
            severity="warning",
            confidence="certain",
            sentence=f"{percent(reordered / received)} of {many(received, 'packet')} of one flow were overtaken by"
            " later ones (RFC 4737): packets of a flow take different paths, or wait in different queues.",
            evidence=(Figure("received", received), Figure("reordered", reordered)),
            otherwise="Links that send lost frames again (Wi-Fi, LTE) reorder as well.",
            command=f"netecho probe {observed.target} -c 500 -i 1ms",
        ),
    )
