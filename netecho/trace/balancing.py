"""Flows that go different ways: per flow or per packet, and a way that is worse than the others.

Balancing per flow sends all packets with the same addresses and ports the same way; per packet, those of one flow
take turns. A path that changes does so once, and stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.trace.finding import Finding
from netecho.trace.loss import hops
from netecho.trace.statistics import Share, chance, total
from netecho.units import MILLISECOND, format_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.trace.result import FlowResult, Trace

TURNS = 2
"""How often an address must come back within a flow, for packets to take turns."""
UNLIKELY = 0.01
"""Chance that equal ways differ so, over all ways that are compared, below which one is said to be worse."""
NOTABLE = MILLISECOND
"""The least difference between the medians of two ways that is worth a sentence."""

Ways = dict[str, list["FlowResult"]]
"""The flows that pass each address."""


def findings(trace: Trace) -> Iterator[Finding]:
    """Return what there is to say of different ways."""
    turns = per_packet(trace)
    if turns:
        where = hops(turns)
        yield Finding("per-packet", "info", f"packets of one flow take turns at {where}: they may overtake", turns[0])
    differ = {
        ttl: ways for ttl in range(1, len(trace.hops) + 1) if ttl not in turns and len(ways := ways_at(trace, ttl)) > 1
    }
    if not differ:
        return
    first = next(iter(differ))
    shares = ", ".join(f"{address} {len(flows)}" for address, flows in differ[first].items())
    verb = "differs" if len(differ) == 1 else "differ"
    sentence = f"{hops(list(differ))} {verb} from flow to flow: balanced by ports (flows at hop {first}: {shares})"
    yield Finding("per-flow", "info", sentence, first)
    yield from _worse(differ)


def per_packet(trace: Trace) -> list[int]:
    """Return the TTLs at which packets of one flow are answered by several addresses in turns."""
    return sorted({step.ttl for flow in trace.flows for step in flow.steps if step.returns >= TURNS})


def ways_at(trace: Trace, ttl: int) -> Ways:
    """Return which flows pass which router at a TTL; flows that end there pass none."""
    ways: Ways = {}
    for flow in trace.flows:
        if len(flow.steps) >= ttl and flow.end != ttl and flow.path[ttl - 1]:
            ways.setdefault(str(flow.path[ttl - 1]), []).append(flow)
    return dict(sorted(ways.items(), key=lambda each: -len(each[1])))


def _worse(differ: dict[int, Ways]) -> Iterator[Finding]:
    worst: tuple[float, int, str, Share, Share] | None = None
    slowest: tuple[int, int, str, int, int] | None = None
    tried = sum(len(ways) for ways in differ.values())
    for ttl, ways in differ.items():
        for address, flows in ways.items():
            others = [flow for other, each in ways.items() if other != address for flow in each]
            here, there = _lost(flows), _lost(others)
            by_chance = chance(there, here) * tried
            if by_chance < UNLIKELY and (worst is None or by_chance < worst[0]):
                worst = by_chance, ttl, address, here, there
            fastest_here = min((flow.rtt.p50 or 0 for flow in flows), default=0)
            slowest_there = max((flow.rtt.p50 or 0 for flow in others), default=0)
            gap = fastest_here - slowest_there
            if slowest_there and gap >= NOTABLE and (slowest is None or gap > slowest[0]):
                slowest = gap, ttl, address, fastest_here, slowest_there
    if worst is not None:
        _, ttl, address, here, there = worst
        sentence = f"the flows by way of {address} (hop {ttl}) lose {here}, the others {there}"
        yield Finding("bad-way", "warning", sentence, ttl)
    if slowest is not None:
        _, ttl, address, slow, fast = slowest
        sentence = (
            f"the flows by way of {address} (hop {ttl}) take {format_time(slow)} and more,"
            f" the others {format_time(fast)} at most (medians)"
        )
        yield Finding("slow-way", "warning", sentence, ttl)


def _lost(flows: list[FlowResult]) -> Share:
    return total(Share(flow.last.lost, flow.last.asked) for flow in flows if flow.last is not None)
