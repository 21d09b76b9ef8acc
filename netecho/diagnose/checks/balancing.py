"""Equal paths that are not: loss or delay by source port, and packets that overtake each other.

A router that balances by flow sends all packets of one source port the same way, so that a bad member of a bundle
hits some flows and spares others. One that balances by packet hits all alike, and reorders.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from netecho.diagnose.checks.loss import by_flow, direction, mostly
from netecho.diagnose.finding import Figure, Finding, Fine, NotTested
from netecho.diagnose.statistics import fastest, median_interval, split, two_groups
from netecho.diagnose.words import ON_THE_WAY, many, percent, time
from netecho.measure.loss_reason import LossReason
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.diagnose.finding import Direction, Outcome
    from netecho.diagnose.run import Fate, Run

LEAST_FLOWS = 16
"""Of fewer, one that is slow by chance stands apart from the others too often."""
LEAST_APART = MILLISECOND
"""Delays of two paths that differ by less are alike, for whoever uses them..."""
SHARE_APART = 0.1
"""...and so are those that differ by less than this share of the round trip."""
WORTH_A_WARNING = (5 * MILLISECOND, 0.5)
"""A difference, and a share of the round trip, from which on flows suffer: equal paths of different length are common,
and what they differ by is mostly less."""
LEAST_REORDERED = 3
SHARE_REORDERED = 0.002
_TURNS = 2
"""Of rounds and flows, after which what is whose does not change any more to speak of."""
_EVERY_FEW = 4
"""Answered probes that a flow's delay is judged by, at least."""
_SHORTEST_TRAIN = 50
"""Answered packets that order is judged by, at least."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A run over many source ports, and one whose packets follow each other closely on a single one."""

    flows: Run
    train: Run | None
    target: str
    queue: int = 0
    """How long packets waited in a queue that was full, nanoseconds."""


class Flow(NamedTuple):
    """One source port, and how it fared."""

    port: int | None
    sent: int
    lost: int
    slower: tuple[float, ...]
    """By how much each of its round trips took longer than those of all flows at the same time."""

    @property
    def usually(self) -> float | None:
        """The median of them; None where too few were answered."""
        return median(self.slower) if len(self.slower) >= _EVERY_FEW else None


def judge(observed: Observed) -> Outcome:
    """Say whether flows fare differently, and whether packets overtake each other."""
    flows = _flows(observed.flows)
    return (*_members(flows, observed), *_order(observed))


def _flows(run: Run) -> list[Flow]:
    ports = {each.connection: each.local[1] if each.local else None for each in run.result.summary.by_flow}
    sent: Counter[int] = Counter()
    done: Counter[int] = Counter()
    rounds: dict[int, list[Fate]] = defaultdict(list)
    for fate in run.fates:
        if fate.rtt is not None:
            rounds[done[fate.connection]].append(fate)
        done[fate.connection] += 1
        sent[fate.connection] += fate.reason is not LossReason.DROPPED_HERE
    slower = _slower(list(rounds.values()))
    return [Flow(ports.get(n), sent[n], sent[n] - len(slower[n]), tuple(slower[n])) for n in sorted(sent)]


def _slower(rounds: Sequence[Sequence[Fate]]) -> dict[int, list[float]]:
    """Return by how much each flow's round trips are longer than those of its round.

    Against each other at the same time: a delay that changes for all of them, in the middle of the run or slowly, is
    no difference between flows. What is a round's own and what a flow's is told apart by medians in turn (Tukey's
    median polish): the median of a round alone is of the slow flows in one round, and of the others in the next.
    """
    slower: dict[int, list[float]] = defaultdict(list)
    for every in rounds:
        for fate in every:
            slower[fate.connection].append(fate.rtt or 0)
    for _ in range(_TURNS):
        usual = {flow: median(each) for flow, each in slower.items()}
        slower = defaultdict(list)
        for every in rounds:
            trips = [(fate.connection, fate.rtt) for fate in every if fate.rtt is not None]
            middle = median(rtt - usual.get(flow, 0.0) for flow, rtt in trips)
            for flow, rtt in trips:
                slower[flow].append(rtt - middle)
    return slower


def _members(flows: Sequence[Flow], observed: Observed) -> Outcome:
    if len(flows) < LEAST_FLOWS:
        return (NotTested("balancing", f"needs at least {LEAST_FLOWS} flows, of which there were {len(flows)}"),)
    if observed.queue:
        why = f"packets waited up to {time(observed.queue)} in a queue that was full, whichever path they took"
        return (NotTested("balancing", why),)
    if by_flow(observed.flows):
        return (_lossy(flows, observed),)
    slow = _slow(flows, observed)
    if slow is not None:
        return (slow,)
    return (Fine("balancing", f"{many(len(flows), 'source port')} fare alike: no bad member among equal paths"),)


def _lossy(flows: Sequence[Flow], observed: Observed) -> Finding:
    groups = two_groups([(flow.lost, flow.sent) for flow in flows])
    (spared, spared_of), (lost, sent) = (_counted([flows[n] for n in group]) for group in groups)
    bad = [flows[n] for n in groups.high]
    where = direction(observed.flows)
    return Finding(
        check="balancing",
        code="bad-path-loss",
        severity="critical",
        direction=where,
        confidence="certain",
        sentence=f"{len(bad)} of {len(flows)} source ports lose {percent(lost / sent)} of their packets"
        f" {ON_THE_WAY[where]}, the others {percent(spared / spared_of) if spared else 'none'}: one of about"
        f" {_paths(len(bad), len(flows))} equal paths is bad.",
        evidence=(
            Figure("flows", len(flows)),
            Figure("bad_flows", len(bad)),
            Figure("bad_loss", 100 * lost / sent, "percent"),
            Figure("other_loss", 100 * spared / spared_of, "percent"),
            Figure("bad_ports", _ports(bad), "text"),
        ),
        otherwise="A limit by flow at the far end or in a firewall looks the same.",
        command=_again(observed),
    )


def _counted(flows: Sequence[Flow]) -> tuple[int, int]:
    return sum(flow.lost for flow in flows), sum(flow.sent for flow in flows)


def _slow(flows: Sequence[Flow], observed: Observed) -> Finding | None:
    known, usual = [each for flow in flows if (each := flow.usually) is not None], observed.flows.result.summary.rtt.p50
    found = split(known) if len(known) >= LEAST_FLOWS else None
    if found is None or usual is None or found.gap < max(LEAST_APART, SHARE_APART * usual):
        return None
    places = [n for n, flow in enumerate(flows) if (each := flow.usually) is not None and each >= found.above[0]]
    slow = [flows[n] for n in places]
    if _may_be_jitter(slow, [flow for flow in flows if flow not in slow]):
        return None
    apart = median(found.above) - median(found.below)
    return Finding(
        check="balancing",
        code="bad-path-delay",
        severity="warning" if apart >= max(WORTH_A_WARNING[0], WORTH_A_WARNING[1] * usual) else "info",
        direction=_of_delay(observed.flows, frozenset(places)),
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


def _may_be_jitter(slow: Sequence[Flow], others: Sequence[Flow]) -> bool:
    """Tell whether packets of the same flow differ so much that the slow ones may be no others.

    On a path that is longer the fastest take longer, too: not so where packets only wait more often.
    """
    below, above = ([each for flow in group for each in flow.slower] for group in (others, slow))
    if median_interval(below)[1] >= median_interval(above)[0]:
        return True
    return fastest(above) - median(below) < LEAST_APART


def _of_delay(run: Run, slow: frozenset[int]) -> Direction | None:
    """Return in which direction the slow connections take longer; None where the far end has no timestamps."""
    ways: list[float] = []
    for name in ("forward", "backward"):
        known = [
            (fate.connection in slow, delay)
            for fate in run.fates
            if fate.delays is not None and (delay := getattr(fate.delays, name)) is not None
        ]
        groups = [[delay for is_slow, delay in known if is_slow is wanted] for wanted in (True, False)]
        if not all(groups):
            return None
        ways.append(max(0.0, median(groups[0]) - median(groups[1])))
    return mostly(*ways)


def _of_order(run: Run) -> Direction | None:
    """Return in which direction packets overtook each other; None where the far end does not number its replies.

    By numbers: the far end may take several packets at once, and its timestamps of them lie too close to tell.
    """
    stamp = run.result.facts.stamp
    if stamp is None or stamp.oneway.overtaken_forward is None or stamp.oneway.overtaken_backward is None:
        return None
    return mostly(stamp.oneway.overtaken_forward, stamp.oneway.overtaken_backward)


def _paths(bad: int, flows: int) -> int:
    """Return how many paths there are, if one of them has these flows."""
    return max(2, round(flows / bad))


def _ports(flows: Sequence[Flow]) -> str:
    return " ".join(str(flow.port) for flow in flows if flow.port is not None)


def _again(observed: Observed) -> str:
    return f"netecho probe {observed.target} --connections 32 -c 50 -i 160ms"


def _order(observed: Observed) -> Outcome:
    train = observed.train
    if train is None or train.result.summary.received < _SHORTEST_TRAIN:
        return (NotTested("balancing", "reordering: no train of packets was answered"),)
    reordered, received = train.result.summary.reordered, train.result.summary.received
    if reordered < LEAST_REORDERED or reordered < SHARE_REORDERED * received:
        which = f"{reordered} of them overtaken" if reordered else "none overtook another"
        return (Fine("balancing", f"{many(received, 'packet')} in close order, {which}"),)
    return (
        Finding(
            check="balancing",
            code="reordering",
            severity="warning",
            direction=_of_order(train),
            confidence="certain",
            sentence=f"{percent(reordered / received)} of {many(received, 'packet')} of one flow were overtaken by"
            " later ones (RFC 4737): packets of a flow take different paths, or wait in different queues.",
            evidence=(Figure("received", received), Figure("reordered", reordered)),
            otherwise="Links that send lost frames again (Wi-Fi, LTE) reorder as well.",
            command=f"netecho probe {observed.target} -c 500 -i 1ms",
        ),
    )
