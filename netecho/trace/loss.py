"""Where the loss begins, and which routers only limit their ICMP.

A packet that a router at hop 3 answers has passed hops 1 and 2. So loss on the way to hop 3 is seen by all hops after
it; loss that is seen at hop 3 alone, and not further on, is its answers': routers make ICMP errors with what time
they have left, and limit how many. What is lost end to end is what the target did not answer. It begins after the last
hop that loses less than that by more than chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.trace.finding import Finding
from netecho.trace.statistics import Share, chance, percent, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.trace.result import HopResult, Trace

UNLIKELY = 0.05
"""Below this, a hop that loses less than the target is taken for one before the loss."""
VERY_UNLIKELY = 0.01
LEAST = 3
"""Fewer losses than these are not judged."""
NOTABLE = 0.1
"""The least share that a hop leaves unanswered which is explained where nothing is lost end to end."""


def findings(trace: Trace) -> Iterator[Finding]:
    """Return what there is to say of losses."""
    if trace.reached:
        yield from _end_to_end(trace)
    yield from hop_findings(trace)


def localised(trace: Trace) -> Iterator[Finding]:
    """Return where the loss begins, if that is after a hop of this way, and not before all of them."""
    lost = end_to_end(trace)
    clean = _clean(trace, lost)
    if trace.reached and lost.lost and clean:
        begins = _begins(lost, _counting(trace), max(trace.hops, key=lambda hop: hop.ttl))
        yield Finding("loss", "warning", f"packets are lost; {begins}", clean[-1].ttl)


def hop_findings(trace: Trace) -> Iterator[Finding]:
    """Return what there is to say of hops that do not answer, while what is further on does."""
    limited = [hop for hop in trace.hops if _is_limited(hop, trace)]
    silent = [hop.ttl for hop in limited if not hop.answered]
    if silent:
        verb = "answers" if len(silent) == 1 else "answer"
        sentence = f"{hops(silent)} {verb} nothing, and what is further on does: this is no loss"
        if len(silent) > 1:
            sentence += " (a firewall before them may drop what they answer)"
        yield Finding("silent", "info", sentence, silent[0])
    yield from _limited([hop for hop in limited if hop.answered], "further on less is lost")
    if trace.reached and not end_to_end(trace).lost:
        others = [hop for hop in _counting(trace) if hop.lost >= LEAST and hop.lost >= NOTABLE * hop.asked]
        yield from _limited(others, "nothing is lost end to end")


def _limited(routers: list[HopResult], proof: str) -> Iterator[Finding]:
    """Say which routers limit their ICMP, and by what that is known."""
    if not routers:
        return
    if len(routers) == 1:
        (hop,) = routers
        sentence = f"{named(hop)} leaves {share(hop)} unanswered, and {proof}: it limits its ICMP, and this is no loss"
    else:
        shares = sorted(hop.lost / hop.asked for hop in routers)
        low, high = (percent(round(1000 * each), 1000) for each in (shares[0], shares[-1]))
        sentence = (
            f"{hops([hop.ttl for hop in routers])} leave {low if low == high else f'{low} to {high}'} unanswered, and"
            f" {proof}: they limit their ICMP, and this is no loss"
        )
    yield Finding("icmp-limited", "info", sentence, routers[0].ttl)


def share(hop: HopResult) -> Share:
    """Return what was not answered at a hop."""
    return Share(hop.lost, hop.asked)


def named(hop: HopResult) -> str:
    """Return a hop in words."""
    more = f" and {len(hop.addresses) - 1} more" if len(hop.addresses) > 1 else ""
    return f"hop {hop.ttl} ({hop.addresses[0]}{more})" if hop.addresses else f"hop {hop.ttl}"


def hops(ttls: list[int]) -> str:
    """Return several hops in words: hop 3; hops 2, 4-7 and 9."""
    runs: list[list[int]] = []
    for ttl in ttls:
        if runs and ttl == runs[-1][-1] + 1:
            runs[-1].append(ttl)
        else:
            runs.append([ttl])
    parts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    last = parts.pop()
    return f"hop{'s' if len(ttls) > 1 else ''} {', '.join(parts)}{' and ' if parts else ''}{last}"


def end_to_end(trace: Trace) -> Share:
    """Return what the end of the path did not answer, of all flows."""
    return total(Share(step.lost, step.asked) for step in trace.target_steps)


def _is_limited(hop: HopResult, trace: Trace) -> bool:
    """Whether a router leaves unanswered what is answered further on."""
    if hop.kind != "router" or hop.lost < LEAST:
        return hop.kind == "router" and not hop.answered and any(each.answered for each in trace.hops[hop.ttl :])
    further = [share(each) for each in trace.hops[hop.ttl :] if each.answered]
    return any(chance(each, share(hop)) < VERY_UNLIKELY for each in further) or (not hop.answered and bool(further))


def _counting(trace: Trace) -> list[HopResult]:
    """Return the routers whose losses count."""
    return [hop for hop in trace.hops if hop.kind == "router" and hop.answered and not _is_limited(hop, trace)]


def _clean(trace: Trace, lost: Share) -> list[HopResult]:
    """Return the routers that lose less than that by more than chance."""
    return [hop for hop in _counting(trace) if chance(share(hop), lost) < UNLIKELY]


def _end_to_end(trace: Trace) -> Iterator[Finding]:
    lost = end_to_end(trace)
    if not lost.lost:
        return
    last = max(trace.hops, key=lambda hop: hop.ttl)
    if last.kind == "target" and last.meaning is not None:
        sentence = (
            f"{lost} of what got to the target was not answered. It answers by ICMP ({last.meaning}), which"
            " hosts limit: with an echo server there, the loss would be known"
        )
        yield Finding("target-limited", "info", sentence, last.ttl)
        return
    yield Finding("loss", "warning", f"{lost} is lost end to end; {_begins(lost, _counting(trace), last)}")


def _begins(lost: Share, before: list[HopResult], last: HopResult) -> str:
    """Return where the loss begins, in words; `before` are the routers whose losses count."""
    clean = [hop for hop in before if chance(share(hop), lost) < UNLIKELY]
    if clean:
        after = next((hop for hop in before if hop.ttl > clean[-1].ttl), last)
        return f"it begins between {named(clean[-1])} and {named(after)}"
    if lost.lost < LEAST or not before:
        return (
            "too few are lost to say where: more rounds (-c 100) tell" if before else "no router answers to say where"
        )
    first = before[0]
    if chance(Share(0, first.asked), lost) < UNLIKELY:
        return f"it begins on the way to {named(first)}"
    return "too few were sent to say where: more rounds (-c 100) tell"
