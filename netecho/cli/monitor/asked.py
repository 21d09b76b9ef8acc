"""What a monitor is asked for, as the command line has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from netecho.monitor.allow import Allowed
    from netecho.monitor.settings import TargetSettings
    from netecho.net.server.settings import Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """What is served over HTTP, and to whom."""

    host: str
    port: int
    token: str | None
    credentials: Credentials | None
    """None: HTTP without TLS."""
    allowed: tuple[Allowed, ...]
    """Targets that `/probe` may reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """All that was asked for."""

    targets: tuple[TargetSettings, ...]
    """Those of the command line."""
    config: str | None
    duration: int | None
    """Nanoseconds."""
    on_change: tuple[str, ...] | None
    node: str | None
    """Which of the configuration's targets is this machine."""
    serve: bool
    """Answer as well."""
    web: WebOptions | None
    history: str | None
    keep: int
    """Nanoseconds for which the history is kept."""
    keep_size: int | None
    """Bytes that its file may have."""
    form: Literal["text", "ndjson"]
    live: bool | None
    quiet: int
    color: bool
