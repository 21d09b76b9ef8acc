"""The target's name and its families: a dead AAAA or A, one that is slower or lossier, a slow resolver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from netecho.diagnose.finding import Figure, Finding, Fine, NotTested
from netecho.diagnose.statistics import differ
from netecho.diagnose.words import percent, time
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.diagnose.finding import Outcome
    from netecho.diagnose.run import Run

SLOW = SECOND
"""A time to resolve, from which on every new connection is felt to be slow."""
LEAST_SLOWER = 5 * MILLISECOND
SHARE_SLOWER = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The name's addresses of one family, and how the first of them answers."""

    version: Literal[4, 6]
    addresses: Sequence[str]
    run: Run | None = None
    """None: nobody answers there, or nothing was asked."""
    trouble: str = ""
    """Why nobody answers."""
    route: bool = True
    """Whether this machine has a way to such addresses."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A name; None where the target is an address."""

    name: str | None
    took: int | None
    """To resolve it, nanoseconds."""
    families: Sequence[Family]


def judge(observed: Observed) -> Outcome:
    """Say what is wrong with the name."""
    if observed.name is None:
        return (NotTested("names", "the target is an address, not a name"),)
    if not any(each.addresses for each in observed.families):
        return (NotTested("names", "the name was not resolved"),)
    found = (*_resolver(observed), *_dead(observed), *_worse(observed))
    return found or (_fine(observed),)


def _fine(observed: Observed) -> Fine:
    there = " and ".join(f"IPv{each.version} {each.addresses[0]}" for each in observed.families if each.addresses)
    took = "" if observed.took is None else f" in {time(observed.took)}"
    return Fine("names", f"{observed.name} resolves{took}: {there}")


def _resolver(observed: Observed) -> Outcome:
    if observed.took is None or observed.took < SLOW:
        return ()
    return (
        Finding(
            check="names",
            code="slow-resolver",
            severity="warning",
            confidence="certain",
            sentence=f"It took {time(observed.took)} to resolve {observed.name}.",
            evidence=(Figure("resolve", observed.took, "time"),),
            otherwise="A first server that does not answer, before a second one does; or a cold cache.",
            command=f"getent ahosts {observed.name}",
        ),
    )


def _dead(observed: Observed) -> Outcome:
    alive = [each for each in observed.families if each.run is not None]
    dead = [each for each in observed.families if each.addresses and each.run is None and each.route]
    if not alive:
        return ()
    return tuple(
        Finding(
            check="names",
            code="dead-family",
            severity="warning",
            confidence="certain",
            sentence=f"{observed.name} has the IPv{each.version} address {each.addresses[0]}, where nobody answers"
            f" ({each.trouble}); IPv{alive[0].version} works. Programs that try it first wait.",
            evidence=(Figure("address", each.addresses[0], "text"), Figure("trouble", each.trouble, "text")),
            otherwise=f"The service may not listen on IPv{each.version}.",
            command=f"netecho probe {observed.name} -{each.version}",
        )
        for each in dead
    )


def _worse(observed: Observed) -> Outcome:
    both = [each.run for each in observed.families if each.run is not None]
    if len(both) < 2:
        return ()
    versions = [each.version for each in observed.families if each.run is not None]
    losses = [(run.lost, run.sent) for run in both]
    found: list[Finding] = []
    if differ(losses):
        worse = max((0, 1), key=lambda n: losses[n][0] / losses[n][1])
        found.append(
            Finding(
                check="names",
                code="lossier-family",
                severity="warning",
                confidence="certain",
                sentence=f"IPv{versions[worse]} loses {percent(losses[worse][0] / losses[worse][1])},"
                f" IPv{versions[1 - worse]} {percent(losses[1 - worse][0] / losses[1 - worse][1])}.",
                evidence=tuple(
                    Figure(f"lost_ipv{v}", 100 * lost / sent, "percent")
                    for v, (lost, sent) in zip(versions, losses, strict=True)
                ),
                command=f"netecho probe {observed.name} -{versions[worse]} -c 200 -i 20ms",
            )
        )
    middle = [run.result.summary.rtt.p50 for run in both]
    if middle[0] is not None and middle[1] is not None:
        slower = int(middle[1] > middle[0])
        apart = abs(middle[1] - middle[0])
        if apart > max(LEAST_SLOWER, SHARE_SLOWER * min(middle[0], middle[1])):
            found.append(
                Finding(
                    check="names",
                    code="slower-family",
                    severity="info",
                    confidence="certain",
                    sentence=f"IPv{versions[slower]} takes {time(apart)} longer than IPv{versions[1 - slower]}.",
                    evidence=tuple(
                        Figure(f"rtt_p50_ipv{v}", value, "time") for v, value in zip(versions, middle, strict=True)
                    ),
                    command=f"netecho probe {observed.name} -{versions[slower]}",
                )
            )
    return tuple(found)
