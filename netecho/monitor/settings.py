"""What is asked of a monitor, frozen: its targets, and what each is held to. Times are nanoseconds, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.measure.criteria import Criterion
    from netecho.target import Target

FOR = 30 * SECOND
"""How long a criterion is true until it degrades a target, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A criterion over the last minute, and how long it has to be true, or false, to count."""

    criterion: Criterion
    duration: int = FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """Whom a TLS target is trusted by."""

    ca: str | None = None
    insecure: bool = False
    server_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """How a target is probed, and what it is held to."""

    interval: int = SECOND
    size: int = 64
    timeout: int = 2 * SECOND
    dscp: int | None = None
    family: Literal[4, 6] | None = None
    connect_only: bool = False
    fall: int = 3
    """Probes in a row without an answer that make a target down."""
    rise: int = 3
    """Answers in a row that bring it back."""
    rules: tuple[Rule, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    """In the order of their names."""
    tls_settings: TlsSettings = field(default_factory=TlsSettings)
    auth_key_file: str | None = None


def _stamp_size(probing: ProbeSettings) -> int:
    from netecho.stamp.session_sender import smallest_from

    return smallest_from(probing.size, None if probing.auth_key_file is None else b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """One target. Two that are equal are the same one, before a reload and after."""

    name: str
    """What it is called everywhere: different for each."""
    target: Target
    group: str | None = None
    probing: ProbeSettings = field(default_factory=ProbeSettings)

    def __post_init__(self) -> None:
        """Have the size that is sent: STAMP's packets have fields of their own, and a size is of many targets."""
        if self.target.traits.is_stamp:
            size = _stamp_size(self.probing)
            object.__setattr__(self, "probing", replace(self.probing, size=size))


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """All targets, and the groups, by which `/probe` probes as well."""

    targets: tuple[TargetSettings, ...]
    groups: tuple[tuple[str, ProbeSettings], ...] = ()
    listen: tuple[Target, ...] = ()
    """Where it answers as well, if that is asked for; none: where `netecho serve` alone does."""
