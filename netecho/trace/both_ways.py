"""The sentences about the way back, and about whether it is the way there in the other order.

A router answers by the address of the side that a packet came in by, so that on the same way the addresses are others
from either end: of the link between two routers the way there shows one end, the way back the other. Both are in one
prefix of a length that links between routers have (RFC 3021, RFC 6164). So ways of different lengths differ, and ways
whose links all show both their ends are the same.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING

from netecho.trace import balancing, loss
from netecho.trace.finding import Finding
from netecho.trace.findings import changes, loops

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.trace.result import FlowResult, Trace
    from netecho.trace.reverse import WayBack

LINK_BITS = 2
"""Bits in which the two ends of a link between routers differ at most: a /30, or a /126."""


def findings(there: Trace, back: WayBack) -> Iterator[Finding]:
    """Return what there is to say of the way back."""
    for each in _findings(there, back):
        yield replace(each, backward=True)


def _findings(there: Trace, back: WayBack) -> Iterator[Finding]:
    if back.state == "silent":
        sentence = "the far end answers no STAMP request: of the way back nothing can be told"
        yield Finding("no-reverse", "warning", sentence)
    elif back.state == "unknown":
        sentence = "the far end does not trace the way back: no netecho, an older one, or one with --symmetrical"
        yield Finding("no-reverse", "warning", sentence)
    if back.refused:
        sentence = f"the far end did not obey {back.refused:,} requests to trace the way back: it limits them"
        yield Finding("reverse-limited", "info", sentence)
    if back.trace is not None:
        yield from _paths(there, back.trace)
        for each in _of_the_way(back.trace):
            yield replace(each, sentence=f"on the way back: {each.sentence}")


def _of_the_way(trace: Trace) -> Iterator[Finding]:
    """Return what is to be said of it as of a way there."""
    for part in (loss.hop_findings, loss.localised, balancing.findings, loops, changes):
        yield from part(trace)


def _paths(there: Trace, back: Trace) -> Iterator[Finding]:
    """Return whether both ways are the same."""
    pairs = [
        (one, other)
        for one, other in zip(there.flows, back.flows, strict=False)
        if one.end is not None and other.end is not None
    ]
    if not pairs:
        return
    longer = [(one, other) for one, other in pairs if one.end != other.end]
    if longer:
        one, other = longer[0]
        share = f"all {len(pairs)}" if len(longer) == len(pairs) else f"{len(longer)} of {len(pairs)}"
        whose = f" of {share} flows" if len(pairs) > 1 else ""
        sentence = f"the ways{whose} differ: {one.end} hops there, {other.end} back"
        yield Finding("asymmetric", "info", sentence)
        return
    seen = [link for one, other in pairs for link in _links(one, other)]
    if not seen:
        return
    fit = sum(seen)
    if fit == len(seen):
        yield Finding(
            "symmetric", "info", "the way back is the way there: each link between routers shows both its ends"
        )
    else:
        sentence = (
            f"as many hops there as back; {fit} of {len(seen)} links between routers show both their ends, so that"
            " the ways may differ between the others"
        )
        yield Finding("same-length", "info", sentence)


def _links(there: FlowResult, back: FlowResult) -> Iterator[bool]:
    """Return of each link between two routers whether both ways show an end of it, where both show something."""
    length = len(there.path)
    for hop in range(2, length):
        one, other = there.path[hop - 1], back.path[length - hop]
        if one is not None and other is not None:
            yield _are_ends(one, other)


def _are_ends(one: str, other: str) -> bool:
    here, there = (ipaddress.ip_address(each.partition("%")[0]) for each in (one, other))
    return here.version == there.version and (int(here) ^ int(there)) >> LINK_BITS == 0
