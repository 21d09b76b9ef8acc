"""netecho: an echo server and a round-trip probe; from Python too (`netecho.api`, `netecho help python`).

The names below are imported when they are asked for: `import netecho` alone costs nothing.
"""

from typing import TYPE_CHECKING, Any

from netecho.version import __version__

if TYPE_CHECKING:
    from netecho.api import (
        Endpoint,
        Event,
        NetechoError,
        ProbeOptions,
        ProbeResult,
        Probes,
        RunningServer,
        ServeOptions,
        Setup,
        Time,
        Times,
        UnreachableError,
        UsageError,
        Variation,
        events,
        probe,
        probe_sync,
        serve,
    )

__all__ = [
    "Endpoint",
    "Event",
    "NetechoError",
    "ProbeOptions",
    "ProbeResult",
    "Probes",
    "RunningServer",
    "ServeOptions",
    "Setup",
    "Time",
    "Times",
    "UnreachableError",
    "UsageError",
    "Variation",
    "__version__",
    "events",
    "probe",
    "probe_sync",
    "serve",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'netecho' has no attribute {name!r}")
    from netecho import api

    return getattr(api, name)
