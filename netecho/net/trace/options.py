"""What was asked of a trace, as frozen values. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netecho.net.client.job import IpOptions, StampOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netecho.target import Target
    from netecho.trace.as_numbers import AsTable
    from netecho.trace.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceOptions:
    """All that was asked of a trace."""

    target: Target
    plan: Plan
    ip_options: IpOptions = field(default_factory=IpOptions)
    stamp_options: StampOptions = field(default_factory=StampOptions)
    names: bool = True
    """Whether addresses are looked up."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """What the document says was asked; keys as printed."""
    label: str | None = None
    as_table: AsTable | None = None
    size: int | None = None
    """Bytes of payload, in packets that no router may fragment; None: few, and none does."""
    reverse: bool = False
    """Whether the way back is traced too: over STAMP."""
