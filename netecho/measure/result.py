"""A run as a value: who was probed, how the connection came about, what was measured and what it is worth.

Whatever is shown, live or from a saved file, is printed from here; `report` turns it into the document
`netecho/probe/1`. Times are integer nanoseconds; None where there is no value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.measure.facts import NO_FACTS, TransportFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netecho.errors import NetechoError
    from netecho.measure.summary import Summary


class Route(NamedTuple):
    """Both ends of what was measured, as they turned out."""

    url: str
    transport: str
    host: str
    address: str | None
    port: int | None
    local_address: str | None = None
    local_port: int | None = None


class Setup(NamedTuple):
    """What the first connection took, phase by phase."""

    resolve: int | None = None
    connect: int | None = None
    tls: int | None = None


class Start(NamedTuple):
    """What is known when the first probe is about to leave."""

    id: str
    label: str | None
    started: int
    """Wall clock, nanoseconds since 1970."""
    route: Route
    setup: Setup
    settings: Mapping[str, object]


class Result(NamedTuple):
    """A whole run."""

    start: Start
    duration: int
    interrupted: bool
    summary: Summary
    facts: TransportFacts = NO_FACTS
    """What the transport knows beside the round trips."""
    error: NetechoError | None = None
    """Why the target could not be reached; then there is no round trip."""
