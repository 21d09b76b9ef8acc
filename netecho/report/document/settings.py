"""The section `settings` of the document: what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netecho.report.document.values import milliseconds
from netecho.target import format_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netecho.measure.criteria import Criterion
    from netecho.measure.facts.ecn import Codepoint
    from netecho.measure.plan import Plan


def settings_section(
    plan: Plan,
    *,
    family: int | None = None,
    source: tuple[str, int] | None = None,
    dscp: int | None = None,
    ecn: Codepoint | None = None,
    ttl: int | None = None,
    dont_fragment: bool = False,
    fail_if: Iterable[Criterion] = (),
) -> dict[str, Any]:
    """Return the section; `source` is an address (may be empty) and a port (0: any)."""
    first, last = plan.sizes[0], plan.sizes[-1]
    swept = len(plan.sizes) > 1
    return {
        "count": plan.count,
        "duration_ms": milliseconds(plan.duration),
        "interval_ms": milliseconds(float(plan.interval)),
        "schedule": plan.schedule,
        "size": None if plan.connect_only else f"{first}..{last}:{plan.sizes[1] - first}" if swept else first,
        "payload": "given" if plan.payload is not None else plan.pattern,
        "timeout_ms": milliseconds(plan.timeout),
        "window": plan.window,
        "warmup": plan.warmup,
        "connections": plan.connections,
        "reconnect": plan.reconnect,
        "connect_only": plan.connect_only,
        "stamps": plan.stamps,
        "spin": plan.spin,
        "family": family,
        "source": source and (format_endpoint(*source) if source[1] else source[0]),
        "dscp": dscp,
        "ecn": ecn,
        "ttl": ttl,
        "dont_fragment": dont_fragment,
        "fail_if": [str(criterion) for criterion in fail_if],
    }


def is_several(connections: object) -> bool:
    """Return whether a run's settings speak of more than one connection, so that events must say which."""
    return isinstance(connections, int) and connections > 1
