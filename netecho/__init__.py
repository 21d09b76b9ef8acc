"""netecho: an echo server and a round-trip probe; from Python too (`netecho help python`).

    pytest_plugin    a marker and fixtures for tests of services
    api              measuring and serving from Python: what is re-exported below
    cli              the command line: options -> a frozen job; the exit code at the end
    net              Twisted and the system's calls: bytes and time to the judgement, its answers back
    report           documents, formats, the terminal
    history          what a monitor keeps on disk
    monitor          many targets, all the time: states, windows, counts
    load             what a load does to delays: phases, queues, a grade
    diagnose         what is wrong with a path: findings from measurements
    trace            which routers a flow passes, and where it loses packets
    measure          the judgement: when to send, what is a reply, what is lost, what the figures are
    echo             what a server does with bytes
    stamp            RFC 8762 and RFC 8972
    help             the longer texts for users
    target           the address grammar, and each scheme's traits
    units            times and sizes
    errors           the tree of errors, with exit codes
    version          the version

Imports go down this list, and import-linter holds them to it. The names below are imported when they are asked for:
`import netecho` alone costs nothing.
"""

from __future__ import annotations

from netecho.version import __version__

TYPE_CHECKING = False  # as type checkers know it; importing typing would take longer than everything else here
if TYPE_CHECKING:
    from typing import Any

    from netecho.api import (
        Endpoint,
        Event,
        Losses,
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
    "Losses",
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
