"""Path MTU in each direction; black holes; a clamped MSS.

Sizes are bytes of whole IP packets. A packet that is too large and must not be fragmented is to be answered with an
ICMP message that says so (RFC 1191, RFC 8201). Where that does not come, connections hang as soon as they have much to
say.
"""

from __future__ import annotations

from dataclasses import dataclass
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
class Observed:
    """Each direction by itself, or both together; None where that could not be tried."""

    forward: PathMtu | None = None
    backward: PathMtu | None = None
    together: PathMtu | None = None
    """Of packets that come back as long as they left: what both directions take."""
    why_not: str = "nothing was tried"
    stream: Streamed | None = None
    fragments: bool | None = None
    """Whether a packet that is too large comes through where it may be fragmented."""
    target: str = ""
    headers: int = 28
    """Of IP and UDP, bytes."""


def judge(observed: Observed) -> Outcome:
    """Say how large packets may be, and whether whoever sends larger ones is told."""
    forward, backward = observed.forward, observed.backward
    if observed.together is not None:
        return (*_way(None, observed.together, observed), NotTested("size", f"in which direction: {observed.why_not}"))
    if forward is None and backward is None:
        return (NotTested("size", observed.why_not),)
    ways: tuple[tuple[Direction, PathMtu | None], ...] = (("forward", forward), ("backward", backward))
    return (
        *(outcome for way, found in ways for outcome in _way(way, found, observed)),
        *_clamped(observed),
    )


def _way(direction: Direction | None, found: PathMtu | None, observed: Observed) -> Outcome:
    where = WHERE[direction]
    if found is None:
        return (NotTested("size", f"{where}: {observed.why_not}"),)
    passes = found.passes
    if passes is None:
        return (NotTested("size", f"{where}: not even small packets that ask for that came through"),)
    if found.fails is None or found.fate == "local":
        sentence = f"{where} packets of {passes:,} bytes pass: all that the interface takes"
        return (Fine("size", sentence, evidence=_evidence(found, observed)),)
    hole = False
    if found.fate == "refused":
        sentence = _told(passes, where, f"{found.detail}, as it should be")
    elif direction == "backward" and observed.stream is not None and observed.stream.came_through:
        sentence = _told(passes, where, "the far end must have been told, as its TCP gets through")
    else:
        hole, sentence = True, _vanish(passes, where, observed.stream)
    return (
        Finding(
            check="size",
            code="mtu-black-hole" if hole else "path-mtu",
            severity="critical" if hole else "info",
            direction=direction,
            confidence="certain",
            sentence=sentence,
            evidence=_evidence(found, observed),
            otherwise="A firewall that drops long packets, or the ICMP messages about them."
            if hole
            else "A tunnel (VPN, PPPoE) takes a part of each packet for itself: that is no fault.",
            command=_again(passes, observed),
        ),
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


def _clamped(observed: Observed) -> Outcome:
    stream, forward, backward = observed.stream, observed.forward, observed.backward
    if stream is None or stream.mss is None or forward is None or forward.passes is None:
        return ()
    # The far end announces what its own interface takes, which what comes from there shows.
    room = min(forward.passes, backward.passes if backward and backward.passes else forward.passes)
    largest = stream.mss + observed.headers - UDP_HEADER + TCP_HEADER
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
            evidence=(Figure("mss", stream.mss, "bytes"), Figure("passes", room, "bytes")),
            otherwise="The far end may ask for smaller segments itself. It keeps connections out of black holes.",
        ),
    )
