"""The sentences about a path. Each is a function of the frozen result, so that it can be read and tried by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.trace import balancing, loss
from netecho.trace.balancing import TURNS
from netecho.trace.finding import Finding
from netecho.trace.loss import named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.trace.result import HopResult, Trace

MOST_CHANGES = 5
"""Changes of the path that get a sentence each."""
ECN_NAMES = ("Not-ECT", "ECT(1)", "ECT(0)", "CE")


def findings(trace: Trace) -> tuple[Finding, ...]:
    """Return all there is to say of the way there, what needs attention first."""
    parts = (_end, loss.findings, balancing.findings, loops, changes, _marks, _translation, _sizes, _untrusted)
    every = [finding for part in parts for finding in part(trace)]
    return tuple(sorted(every, key=lambda finding: finding.severity != "warning"))


def _end(trace: Trace) -> Iterator[Finding]:
    """Return whether the path ends before the target."""
    ended = sum(flow.ended for flow in trace.flows)
    if ended:
        which = "the connection" if len(trace.flows) == 1 else f"{ended} of {len(trace.flows)} connections"
        yield Finding("connection-ended", "warning", f"the target ended {which} before the trace was over")
    for hop in trace.hops:
        if hop.kind == "refused":
            yield Finding("refused", "warning", f"{named(hop)} sends packets back: {hop.meaning}", hop.ttl)
    if trace.reached or trace.searching or any(hop.kind == "refused" for hop in trace.hops):
        return
    heard = [hop for hop in trace.hops if hop.answered]
    if not heard:
        sentence = "nothing answers at all: no router, no target. A firewall may drop what is sent, or every ICMP error"
        yield Finding("no-answer", "warning", sentence)
    else:
        yield Finding("not-reached", "warning", _not_reached(heard[-1], trace.max_hops), heard[-1].ttl)


def _not_reached(last: HopResult, max_hops: int) -> str:
    """Return in words that the target does not answer; nothing is known of what comes after the last TTL sent."""
    if last.ttl == max_hops:
        return f"the target does not answer; {named(last)} does, and no packet was to go further (--max-hops)"
    return (
        f"the target does not answer; {named(last)} is the last that does. What comes after it drops the packets,"
        " or answers nothing"
    )


def loops(trace: Trace) -> Iterator[Finding]:
    """Return whether packets come back to a router that they have passed."""
    for flow in trace.flows:
        seen: dict[str, int] = {}
        for ttl, address in enumerate(flow.path, 1):
            if address is None or ttl == flow.end:
                continue
            before = seen.setdefault(address, ttl)
            if any(each not in (None, address) for each in flow.path[before : ttl - 1]):
                sentence = f"a loop: packets come back at hop {ttl} to {address}, which was hop {before}"
                yield Finding("loop", "warning", sentence, before)
                return


def changes(trace: Trace) -> Iterator[Finding]:
    """Return how the path of a flow became another, and stayed so."""
    turns = {(flow.flow, step.ttl) for flow in trace.flows for step in flow.steps if step.returns >= TURNS}
    real = [change for change in trace.changes if (change.flow, change.ttl) not in turns]
    for change in real[:MOST_CHANGES]:
        whose = f" of flow {change.flow}" if len(trace.flows) > 1 else ""
        sentence = (
            f"the path{whose} changed at hop {change.ttl}: {change.after} answers in the place of {change.before}"
        )
        yield Finding("path-changed", "warning", sentence, change.ttl, change.at)
    if len(real) > MOST_CHANGES:
        yield Finding("path-changed", "warning", f"the path changed {len(real) - MOST_CHANGES} times more")


def _marks(trace: Trace) -> Iterator[Finding]:
    """Return where DSCP or ECN first arrive as something else than they were sent."""
    sent = trace.tos
    for shift, mask, code, what in ((2, 0x3F, "dscp-changed", "DSCP"), (0, 3, "ecn-changed", "ECN")):
        for hop in trace.hops:
            if hop.tos is None or hop.tos >> shift & mask == sent >> shift & mask:
                continue
            was, now = (str(tos >> shift & mask) if shift else ECN_NAMES[tos & 3] for tos in (sent, hop.tos))
            yield Finding(
                code, "warning", f"{what} is changed on the way to {named(hop)}: {was} arrives as {now}", hop.ttl
            )
            break


def _translation(trace: Trace) -> Iterator[Finding]:
    """Return where packets first have another source, or another checksum, than they were sent with."""
    hop = next((hop for hop in trace.hops if hop.translated), None)
    if hop is not None:
        yield Finding("translated", "info", f"a NAT rewrites packets on the way to {named(hop)}", hop.ttl)


def _sizes(trace: Trace) -> Iterator[Finding]:
    for hop in trace.hops:
        if hop.mtu is not None:
            yield Finding("mtu", "info", f"{named(hop)} passes on at most {hop.mtu} bytes", hop.ttl)


def _untrusted(trace: Trace) -> Iterator[Finding]:
    """Return how many errors are not believed."""
    if trace.foreign:
        sentence = f"{trace.foreign:,} ICMP errors or replies do not match what was sent: forged or damaged"
        yield Finding("forged", "warning", sentence)
    if trace.short:
        sentence = f"{trace.short:,} ICMP errors quote too little of a packet to tell which one it was"
        yield Finding("short-quotes", "info", sentence)
