"""netecho from Python: the same measurements, options and figures as the commands'. Re-exported by `netecho`.

probing    `await probe(target, **options)`, `probe_sync(...)`, `async for event in events(...)`
serving    `async with serve(":0") as server`
result     what `probe` returns: frozen, typed, with the names of the JSON document
options    keyword arguments by the commands' own tables
world      the event loop that is found: asyncio's, or Twisted's reactor
"""

from netecho.api.options import ProbeOptions, ServeOptions
from netecho.api.probing import events, probe, probe_sync
from netecho.api.result import Endpoint, Event, Losses, ProbeResult, Probes, Setup, Time, Times, Variation
from netecho.api.serving import RunningServer, serve
from netecho.errors import NetechoError, UnreachableError, UsageError

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
    "events",
    "probe",
    "probe_sync",
    "serve",
]
