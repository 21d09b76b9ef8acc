"""Idle time after which a mapping or a connection is forgotten, by NAT and stateful firewalls.

Over UDP the far end is asked to answer once more after a silence: what comes back then finds the mapping, or does not.
Over TCP this end speaks again. Flows with different silences wait side by side, so all of it takes as long as the
longest of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from netecho.diagnose.finding import Figure, Finding, Fine, NotTested
from netecho.diagnose.words import time
from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.diagnose.finding import Outcome

UDP_LEAST = 120 * SECOND
"""RFC 4787 section 4.3: a UDP mapping must not expire in less than two minutes."""
TCP_LEAST = 7440 * SECOND
"""RFC 5382 section 5: an established connection not in less than 2 h 4 min."""
FEWEST = 3
"""Flows that must have been forgotten."""
MOST_MISFITS = 0.1
"""The share of flows that may contradict a timeout: losses."""


class Silence(NamedTuple):
    """One flow: how long it was silent, nanoseconds, and whether it was known after that."""

    length: int
    remembered: bool


@dataclass(frozen=True, slots=True)
class Observed:
    """The flows of each transport that worked before their silence."""

    udp: Sequence[Silence] = ()
    tcp: Sequence[Silence] = ()
    kept_alive: bool | None = None
    """Whether the longest silence of the far end was survived where this end went on sending; None: not tried."""
    why_no_udp: str = ""
    why_no_tcp: str = ""


class Timeout(NamedTuple):
    """Between which two silences a flow is forgotten."""

    remembered: int
    forgotten: int


def judge(observed: Observed) -> Outcome:
    """Say after which time flows are forgotten."""
    return (
        *_one(observed.udp, "UDP", UDP_LEAST, observed, observed.why_no_udp),
        *_one(observed.tcp, "TCP", TCP_LEAST, observed, observed.why_no_tcp),
    )


def timeout(flows: Sequence[Silence]) -> Timeout | None:
    """Return the timeout that fits the flows best; None where they were all remembered, or none fits.

    A flow that was lost for another reason contradicts it, and few may.
    """
    ordered = sorted(flows)
    if not ordered:
        return None
    kept = [flow.remembered for flow in ordered]
    # Forgotten from place n on: those before that were not remembered contradict it, and those after that were.
    misfits = [kept[:n].count(False) + kept[n:].count(True) for n in range(len(kept) + 1)]
    best = min(range(len(misfits)), key=lambda n: (misfits[n], -n))
    if len(kept) - best < FEWEST or misfits[best] > MOST_MISFITS * len(kept):
        return None
    return Timeout(ordered[best - 1].length if best else 0, ordered[best].length)


def _one(flows: Sequence[Silence], name: str, least: int, observed: Observed, why_not: str) -> Outcome:
    if not flows:
        return (NotTested("timeouts", f"{name}: {why_not}"),) if why_not else ()
    found = timeout(flows)
    if found is None:
        longest = max(flow.length for flow in flows)
        if not any(flow.remembered for flow in flows if flow.length == longest):
            return (NotTested("timeouts", f"{name}: too few flows came back to tell"),)
        return (Fine("timeouts", f"{name} flows are remembered for {time(longest)} of silence at least"),)
    helps = observed.kept_alive if name == "UDP" else None
    words = {True: " Sending something more often keeps them.", False: " Sending more often does not help.", None: ""}
    return (
        Finding(
            check="timeouts",
            code="udp-timeout" if name == "UDP" else "tcp-timeout",
            severity="warning" if found.forgotten < least else "info",
            direction="backward" if name == "UDP" else "forward",
            confidence="certain",
            sentence=f"{name} flows are forgotten after {time(found.remembered)} to {time(found.forgotten)} of silence:"
            f" what comes {'back' if name == 'UDP' else ''} later is dropped.{words[helps]}".replace("  ", " "),
            evidence=(
                Figure("remembered", found.remembered, "time"),
                Figure("forgotten", found.forgotten, "time"),
                Figure("flows", len(flows)),
                Figure("keepalives_help", None if helps is None else "yes" if helps else "no", "text"),
            ),
            otherwise="A far end that closes silent connections itself says so, by a FIN or a reset; this did not.",
        ),
    )
