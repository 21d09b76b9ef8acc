"""What is said of a path: a sentence for people, a code for scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the path."""

    code: str
    """A word that stays: `netecho help trace` explains each."""
    severity: Severity
    sentence: str
    ttl: int | None = None
    """The hop that it is about."""
    at: int | None = None
    """When it happened; nanoseconds since 1970."""
    backward: bool = False
    """Whether it is about the way back, of which the hop is then one."""
