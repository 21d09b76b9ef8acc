"""A trace with what it was asked for, as it is reported. Times are nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netecho.target import Target
    from netecho.trace.as_numbers import AsTable
    from netecho.trace.result import Trace
    from netecho.trace.reverse import WayBack


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is known as a trace begins."""

    id: str
    target: Target
    address: str
    local: str
    ports: tuple[int, ...]
    """Of the flows."""
    started: int
    """Wall clock, since 1970."""
    raw: bool
    """Whether ICMP errors are seen whole."""
    settings: Mapping[str, object]
    """What the document says was asked; keys as printed."""
    label: str | None = None
    as_table: AsTable | None = None
    """Whose addresses are, where it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A trace that is over, or as it is by now."""

    head: Head
    trace: Trace
    names: Mapping[str, str]
    """Of addresses that have one."""
    duration: int
    interrupted: bool = False
    reverse: WayBack | None = None
    """The way back; None: it was not asked for."""
    retransmits: int | None = None
    """Of TCP: segments of our own connections that were sent again."""
