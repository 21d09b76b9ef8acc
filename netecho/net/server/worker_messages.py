"""What a supervisor and its workers write to each other: lines of JSON, settings down, events and snapshots up.

Only the values are here; `supervisor` and `worker` write and read them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from netecho.echo import events
from netecho.echo.limits import Limits
from netecho.echo.snapshot import ClientCounts, ServerSnapshot, TransportCounts
from netecho.echo.text import TextMode
from netecho.echo.totals import Totals
from netecho.net.server.settings import Credentials, ReflectorSettings, ServerSettings

if TYPE_CHECKING:
    from netecho.echo.events import ServerEvent
    from netecho.target import Scheme

RELOAD = b"reload"
"""Read the certificate's files again."""

STOP = b"stop"
"""Accept nothing more, drain, and end. The end of the pipe without it means that the supervisor is gone."""


class Failed(NamedTuple):
    """A worker's last line when it cannot serve."""

    reason: str


_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (events.Connected, events.Received, events.Disconnected, events.Refused, events.Noticed, Failed)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedMemory:
    """Where the counters of `shared_limits` are."""

    descriptor: int
    workers: int
    salt: str
    """In hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStart:
    """What a worker needs to begin."""

    settings: ServerSettings
    sockets: tuple[tuple[Scheme, int], ...]
    """Scheme and descriptor of each."""
    identity: str | None = None
    """The key and certificate that were made for the run, PEM."""
    worker: int = 0
    """Its place among the workers, from 0."""
    memory: SharedMemory

    def to_line(self) -> bytes:
        """Write the message as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> WorkerStart:
        """Read it back."""
        body = json.loads(line)
        settings = body["settings"]
        text_mode, credentials, limits = settings.pop("text_mode"), settings.pop("credentials"), settings.pop("limits")
        reflector_settings = settings.pop("reflector_settings")
        credentials["alpn"] = tuple(credentials["alpn"])
        return cls(
            settings=ServerSettings(
                text_mode=None if text_mode is None else TextMode(**text_mode),
                credentials=Credentials(**credentials),
                limits=Limits(**limits),
                reflector_settings=ReflectorSettings(**reflector_settings),
                **settings,
            ),
            sockets=tuple((scheme, fd) for scheme, fd in body["sockets"]),
            identity=body["identity"],
            worker=body["worker"],
            memory=SharedMemory(**body["memory"]),
        )


def event_line(event: ServerEvent | Failed) -> bytes:
    """Write an event as one line."""
    return json.dumps([type(event).__name__, *event]).encode() + b"\n"


def snapshot_line(snapshot: ServerSnapshot) -> bytes:
    """Write what a worker does, and did so far, as one line."""
    return json.dumps(["ServerSnapshot", asdict(snapshot)]).encode() + b"\n"


def parse_line(line: bytes) -> ServerEvent | Failed | ServerSnapshot:
    """Read what a worker wrote."""
    kind, *fields = json.loads(line)
    if kind == "ServerSnapshot":
        return _snapshot(fields[0])
    message: ServerEvent | Failed = _KINDS[kind](*fields)
    return message


def _snapshot(body: dict[str, Any]) -> ServerSnapshot:
    return ServerSnapshot(
        at=body["at"],
        transports={name: TransportCounts(**counts) for name, counts in body["transports"].items()},
        clients=tuple(ClientCounts(**counts) for counts in body["clients"]),
        refusals=body["refusals"],
        totals=Totals(**body["totals"]),
    )
