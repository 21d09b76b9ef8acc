"""Path MTU in each direction; black holes; a clamped MSS.

Sizes are bytes of whole IP packets. A packet that is too large and must not be fragmented is to be answered with an
ICMP message that says so (RFC 1191, RFC 8201). Where that does not come, connections hang as soon as they have much to
say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from netecho.diagnose.finding import Figure, Finding, Fine, NotTested
from netecho.diagnose.words import ON_THE_WAY

if TYPE_CHECKING:
    from netecho.diagnose.finding import Direction, Evidence, Outcome
    from netecho.diagnose.mtu_search import Fate

TCP_HEADER = 32
"""With the timestamps option, which the MSS counts in (RFC 6691) and the kernel's figure does not."""
UDP_HEADER = 8
WHERE: dict[Direction | None, str] = {**ON_THE_WAY, None: "there and back"}
CLAMPED = 8
"""Bytes by which an MSS may be smaller than it could be: other options."""
FRAGMENTED = 1472
"""Bytes of payload of a datagram that may be fragmented: with IPv4's headers all that Ethernet takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathMtu:
    """What was found in one direction."""

    passes: int | None
    """The largest that came through."""
    fails: int | None = None
    """The smallest above it that did not; None: nothing larger was tried."""
    fate: Fate = "local"
    """Of that one."""
    detail: str = ""
    """Who said that it is too large."""
    within: int = 1
    """How exact `passes` is: the next larger size that was tried is so much larger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """A TCP connection that carried segments as large as they can be."""

    mss: int | None
    """As the kernel has it at the end, options not counted in."""
    came_through: bool
    """Whether echoes of several segments came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """What was found by segments of TCP in each direction; None where one hides the other."""

    forward: PathMtu
    backward: PathMtu | None
    target: str
    headers: int
    """Of IP and TCP, and of a record of TLS, bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Each direction by itself, or both together; None where that could not be tried."""

    forward: PathMtu | None = None
    backward: PathMtu | None = None
    together: PathMtu | None = None
    """Of packets that come back as long as they left: what both directions take."""
    why_not: str = "nothing was tried"
    stream: Streamed | None = None
    segments: Segments | None = None
    """Where datagrams were not to be had, or connections hang though they pass."""
    fragments: bool | None = None
    """Whether the echo of a datagram comes back that may be fragmented, `FRAGMENTED` bytes long."""
    target: str = ""
    headers: int = 28
    """Of IP and UDP, bytes."""


def judge(observed: Observed) -> Outcome:
    """Say how large packets may be, and whether whoever sends larger ones is told."""
    forward, backward = observed.forward, observed.backward
    by_tcp = _of_segments(observed)
    if observed.together is not None:
        why = f"in which direction: {observed.why_not}"
        return (*_way(None, observed.together, observed), NotTested("size", why), *by_tcp, *_hangs(observed))
    if forward is None and backward is None:
        return (*by_tcp, *_hangs(observed)) or (NotTested("size", observed.why_not),)
    ways: tuple[tuple[Direction, PathMtu | None], ...] = (("forward", forward), ("backward", backward))
    return (
        *(outcome for way, found in ways for outcome in _way(way, found, observed)),
        *_clamped(observed),
        *by_tcp,
        *_hangs(observed),
    )


def _hangs(observed: Observed) -> Outcome:
    """Say that TCP hangs, where it was not found out why."""
    stream, segments = observed.stream, observed.segments
    by_tcp = () if segments is None else (segments.forward, segments.backward)
    ways = (observed.forward, observed.backward, observed.together, *by_tcp)
    if stream is None or stream.came_through or any(is_hole(each) for each in ways):
        return ()
    passes = by_tcp and all(each is not None and each.passes is not None for each in by_tcp)
    why = "the size of a segment is not why" if passes else "at which size was not found out"
    return (NotTested("size", f"echoes of many segments over TCP do not come back: {why}"),)


def _of_segments(observed: Observed) -> Outcome:
    """Return what TCP's segments say; nothing where datagrams say the same."""
    segments = observed.segments
    if segments is None:
        return ()
    alone = observed.forward is None and observed.backward is None and observed.together is None
    ways: tuple[tuple[Direction, PathMtu | None], ...] = (
        ("forward", segments.forward),
        ("backward", segments.backward),
    )
    every = tuple(outcome for way, found in ways for outcome in _segment(way, found, observed))
    if alone:
        return every
    told = any(is_hole(found) for found in (observed.forward, observed.backward, observed.together))
    return () if told else tuple(each for each in every if isinstance(each, Finding))


def is_hole(found: PathMtu | None) -> bool:
    """Tell whether what is larger than what passes vanished without a word."""
    return found is not None and found.passes is not None and found.fails is not None and found.fate == "vanished"


def _segment(direction: Direction, found: PathMtu | None, observed: Observed) -> Outcome:
    where = WHERE[direction]
    if found is None:
        return (NotTested("size", f"{where}: what does not get there has no echo"),)
    if found.passes is None:
        return (NotTested("size", f"{where}: not even small segments came through"),)
    if is_hole(found):
        which = "" if observed.forward is None and observed.together is None else ", though datagrams of that size pass"
        sentence = (
            f"TCP segments vanish {where} that make packets of more than {found.passes:,} bytes{which}, and nobody"
            " says so: connections hang as soon as they send that much."
        )
        return (_hole(direction, found, observed, sentence, _with_segments(found.passes, observed)),)
    if found.fate == "refused":
        sentence = _told(found.passes, where, f"{found.detail}, as it should be")
        return (_told_of(direction, found, observed, sentence, _with_segments(found.passes, observed)),)
    sentence = f"{where} TCP's segments make packets of up to {found.passes:,} bytes, and those pass"
    return (Fine("size", sentence, evidence=_evidence(found, observed)),)


def _way(direction: Direction | None, found: PathMtu | None, observed: Observed) -> Outcome:
    where = WHERE[direction]
    if found is None:
        return (NotTested("size", f"{where}: {observed.why_not}"),)
    passes = found.passes
    if passes is None:
        return (NotTested("size", f"{where}: not even small packets that ask for that came through"),)
    if found.fails is None or found.fate == "local":
        limit = "larger ones were not tried" if found.fails is None else "all that the interface takes"
        sentence = f"{where} packets of {passes:,} bytes pass: {limit}"
        return (Fine("size", sentence, evidence=_evidence(found, observed)),)
    again = _again(passes, observed)
    if found.fate == "refused":
        sentence = _told(passes, where, f"{found.detail}, as it should be")
        return (_told_of(direction, found, observed, sentence, again),)
    hole = _hole(direction, found, observed, _vanish(passes, where, observed.stream), again)
    return (_back(passes, found, observed, hole),) if direction == "backward" else (hole,)


def _back(passes: int, found: PathMtu, observed: Observed, hole: Finding) -> Finding:
    """Return what is to be said of the way back: of what the far end is told it only shows what it does.

    Its TCP gets through untold as well where an MSS keeps its segments short: what this machine announces by an
    interface or a path MTU of its own, or what a router writes. Segments of this end that are longer rule that out.
    """
    stream, where, largest = observed.stream, WHERE["backward"], _largest_segment(observed)
    if stream is not None and not stream.came_through:
        return hole
    if largest is not None and largest > passes:
        sentence = _told(passes, where, "the far end must have been told, as its TCP gets through")
        return _told_of("backward", found, observed, sentence, hole.command)
    fragments = observed.fragments or None if is_hole(observed.forward) else observed.fragments  # lost on the way there
    if fragments is None or FRAGMENTED + observed.headers <= passes:
        why = "no TCP is there to show it" if stream is None else "its TCP's segments are no longer in any case"
        sentence = f"Packets of up to {passes:,} bytes pass {where}; whether the far end is told is not known: {why}."
        return replace(_told_of("backward", found, observed, sentence, hole.command), confidence="possible")
    if fragments:
        sentence = _told(passes, where, "the far end must have been told, as longer datagrams come in fragments")
        return replace(_told_of("backward", found, observed, sentence, hole.command), confidence="likely")
    otherwise = f"{hole.otherwise} One that drops fragments, though the far end is told."
    return replace(hole, confidence="likely", otherwise=otherwise)


def _hole(direction: Direction | None, found: PathMtu, observed: Observed, sentence: str, again: str | None) -> Finding:
    return Finding(
        check="size",
        code="mtu-black-hole",
        severity="critical",
        direction=direction,
        confidence="certain",
        sentence=sentence,
        evidence=_evidence(found, observed),
        otherwise="A firewall that drops long packets, or the ICMP messages about them.",
        command=again,
    )


def _told_of(
    direction: Direction | None, found: PathMtu, observed: Observed, sentence: str, again: str | None
) -> Finding:
    return Finding(
        check="size",
        code="path-mtu",
        severity="info",
        direction=direction,
        confidence="certain",
        sentence=sentence,
        evidence=_evidence(found, observed),
        otherwise="A tunnel (VPN, PPPoE) takes a part of each packet for itself: that is no fault.",
        command=again,
    )


def _told(passes: int, where: str, how: str) -> str:
    return f"Packets of up to {passes:,} bytes pass {where}; path MTU discovery works: {how}."


def _vanish(passes: int, where: str, stream: Streamed | None) -> str:
    hang = ""
    if stream is not None:
        hang = (
            " TCP gets through, by smaller segments."
            if stream.came_through
            else " TCP connections hang as soon as they send that much."
        )
    return f"Packets of more than {passes:,} bytes vanish {where}, and nobody says so: a path MTU black hole.{hang}"


def _evidence(found: PathMtu, observed: Observed) -> Evidence:
    return (
        Figure("passes", found.passes, "bytes"),
        Figure("fails", found.fails, "bytes"),
        Figure("within", found.within, "bytes"),
        Figure("fragments_pass", None if observed.fragments is None else "yes" if observed.fragments else "no", "text"),
    )


def _again(passes: int, observed: Observed) -> str | None:
    if not observed.target:
        return None
    payload = passes - observed.headers
    return f"netecho probe {observed.target} --dont-fragment -s {max(64, payload - 8)}..{payload + 8}:1"


def _with_segments(passes: int, observed: Observed) -> str | None:
    segments = observed.segments
    if segments is None:
        return None
    payload = passes - segments.headers
    return f"netecho probe {segments.target} --reconnect -c 17 -s {max(64, payload - 8)}..{payload + 8}:1"


def _largest_segment(observed: Observed) -> int | None:
    """Return the bytes of the packets that this end's longest segments make; None where nobody says."""
    stream = observed.stream
    return None if stream is None or stream.mss is None else stream.mss + observed.headers - UDP_HEADER + TCP_HEADER


def _clamped(observed: Observed) -> Outcome:
    stream, forward, backward = observed.stream, observed.forward, observed.backward
    largest = _largest_segment(observed)
    if stream is None or largest is None or forward is None or forward.passes is None:
        return ()
    # The far end announces what its own interface takes, which what comes from there shows.
    room = min(forward.passes, backward.passes if backward and backward.passes else forward.passes)
    if largest >= room - CLAMPED:
        return ()
    return (
        Finding(
            check="size",
            code="mss-clamped",
            severity="info",
            direction="forward",
            confidence="likely",
            sentence=f"TCP's segments make packets of {largest:,} bytes at most, though {room:,} pass: something on"
            " the way rewrites the MSS.",
            evidence=(
                Figure("mss", stream.mss, "bytes"),
                Figure("passes", room, "bytes"),
            ),
            otherwise="The far end may ask for smaller segments itself. It keeps connections out of black holes.",
        ),
    )
