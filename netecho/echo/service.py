"""What a server was asked to be, as one frozen value: how it answers, whom it lets in, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from netecho.echo.limits import Limits

Mode = Literal["raw", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The settings of a server, except where it listens. Times are nanoseconds."""

    mode: Mode = "raw"
    limits: Limits = field(default_factory=Limits)
    duration: int | None = None
    """Stop after this long; None: when told to."""
    watch: bool = False
    """Whether every arrival of bytes is told."""
