"""What a command that is run at a change of state finds in its environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.monitor.monitored import MonitoredTarget
    from netecho.monitor.state import Change


def environment(target: MonitoredTarget, change: Change, time: str) -> dict[str, str]:
    """Return the variables; `time` is that of the change as it is to be read. None has a NUL in it."""
    settings = target.settings
    minute = target.last_minute()
    facts = {
        "NETECHO_TARGET": settings.name,
        "NETECHO_URL": settings.target.url,
        "NETECHO_ADDRESS": target.address or "",
        "NETECHO_GROUP": settings.group or "",
        "NETECHO_STATE": str(change.after),
        "NETECHO_BEFORE": str(change.before),
        "NETECHO_REASON": change.reason,
        "NETECHO_LASTED": str(change.lasted // SECOND),
        "NETECHO_TIME": time,
        "NETECHO_LOSS_PERCENT": "" if minute.loss_percent is None else f"{minute.loss_percent:.3f}",
        "NETECHO_RTT_P50_MS": _ms(minute.rtt.p50),
        "NETECHO_RTT_P99_MS": _ms(minute.rtt.p99),
    }
    facts |= {f"NETECHO_LABEL_{name.upper()}": value for name, value in settings.probing.labels}
    return {name: value.replace("\0", "") for name, value in facts.items()}


def _ms(nanoseconds: int | None) -> str:
    return "" if nanoseconds is None else f"{nanoseconds / 1e6:.6f}"
