"""NAT: whether addresses and ports arrive as they left, and whether a mapping depends on the destination.

A STAMP reflector says from where a request arrived (RFC 8972 section 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.diagnose.finding import Figure, Finding, Fine, NotTested
from netecho.diagnose.words import many
from netecho.target import format_endpoint

if TYPE_CHECKING:
    from netecho.diagnose.finding import Outcome
    from netecho.measure.facts.stamp import Endpoint, LocationFacts


@dataclass(frozen=True, slots=True)
class Observed:
    """One session as both ends see it, and the same socket as another port of the far end saw it."""

    location: LocationFacts | None
    other: LocationFacts | None = None
    """None: the far end has no second port to ask."""


def judge(observed: Observed) -> Outcome:
    """Say whether there is NAT, and of which kind."""
    location = observed.location
    if location is None:
        return (NotTested("translation", "the far end does not say from where packets arrive (RFC 8972 section 4.2)"),)
    found = (*_source(location), *_destination(location), *_changing(location), *_mapping(observed))
    if not found:
        return (Fine("translation", "addresses and ports arrive as they left: no NAT"),)
    if observed.other is None:
        why = "whether a mapping depends on the destination: the far end answers STAMP on one port alone"
        return (*found, NotTested("translation", why))
    return found


def _source(location: LocationFacts) -> Outcome:
    here, there = location.source, location.source_there
    if _host(here) == _host(there) and here[1] == there[1]:
        return ()
    if _host(here) == _host(there):
        return (_ports(here, there),)
    kept = "the port is kept" if here[1] == there[1] else f"the port becomes {there[1]}"
    return (
        Finding(
            check="translation",
            code="nat",
            severity="info",
            direction="forward",
            confidence="certain",
            sentence=f"There is NAT on the way: {_spelt(here)} arrives as {_spelt(there)}; {kept}.",
            evidence=(Figure("source", _spelt(here), "text"), Figure("source_there", _spelt(there), "text")),
        ),
    )


def _ports(here: Endpoint, there: Endpoint) -> Finding:
    return Finding(
        check="translation",
        code="port-rewritten",
        severity="info",
        direction="forward",
        confidence="certain",
        sentence=f"The source port {here[1]} arrives as {there[1]}, from the same address: something on the way"
        " rewrites ports.",
        evidence=(Figure("source", _spelt(here), "text"), Figure("source_there", _spelt(there), "text")),
    )


def _destination(location: LocationFacts) -> Outcome:
    asked, there = location.destination, location.destination_there
    if _host(asked) == _host(there) and asked[1] == there[1]:
        return ()
    return (
        Finding(
            check="translation",
            code="destination-nat",
            severity="info",
            direction="forward",
            confidence="certain",
            sentence=f"What is sent to {_spelt(asked)} arrives at {_spelt(there)}: a port is forwarded, or a load"
            " balancer answers.",
            evidence=(Figure("destination", _spelt(asked), "text"), Figure("destination_there", _spelt(there), "text")),
        ),
    )


def _changing(location: LocationFacts) -> Outcome:
    if not location.changes:
        return ()
    return (
        Finding(
            check="translation",
            code="mapping-changes",
            severity="warning",
            direction="forward",
            confidence="certain",
            sentence=f"The NAT's mapping was made anew {many(location.changes, 'time')} within one run: whoever answers"
            " to the old one is not heard.",
            evidence=(Figure("changes", location.changes),),
        ),
    )


def _mapping(observed: Observed) -> Outcome:
    location, other = observed.location, observed.other
    if location is None or other is None or location.source != other.source:
        return ()
    if location.source_there == other.source_there:
        return ()
    return (
        Finding(
            check="translation",
            code="symmetric-nat",
            severity="warning",
            direction="forward",
            confidence="certain",
            sentence=f"One socket arrives as {_spelt(location.source_there)} at one port of the far end, as"
            f" {_spelt(other.source_there)} at another: the mapping depends on the destination (RFC 4787), which keeps"
            " peers from reaching each other.",
            evidence=(
                Figure("source_there", _spelt(location.source_there), "text"),
                Figure("source_there_too", _spelt(other.source_there), "text"),
            ),
        ),
    )


def _host(endpoint: Endpoint) -> str:
    return (endpoint[0] or "").partition("%")[0].removeprefix("::ffff:")


def _spelt(endpoint: Endpoint) -> str:
    return format_endpoint(_host(endpoint) or "?", endpoint[1])
