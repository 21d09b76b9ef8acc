"""What a supervisor, its fork server and its workers write to each other: lines of JSON.

Settings and requests go down, events and snapshots come up, and the fork server reports on processes. Only the values
are here. A worker is what strangers talk to: what it writes is checked field by field, and so is the rest.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_type_hints

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


class MalformedError(ValueError):
    """A line that is none of the messages."""


class Failed(NamedTuple):
    """A worker's last line when it cannot serve."""

    reason: str


_KINDS: dict[str, type[ServerEvent | Failed]] = {
    kind.__name__: kind
    for kind in (events.Connected, events.Received, events.Disconnected, events.Refused, events.Noticed, Failed)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStart:
    """What a worker needs to begin, beside its descriptors.

    Those are, in this order: its socket to the supervisor, the memory of `shared_limits`, its listening sockets.
    """

    settings: ServerSettings
    schemes: tuple[Scheme, ...]
    """Of the listening sockets."""
    identity: str | None = None
    """The key and certificate that were made for the run, PEM."""
    worker: int = 0
    """Its place among the workers, from 0."""
    workers: int
    """How many share the memory."""
    salt: str
    """Of the memory's hashes, in hexadecimal digits."""

    def to_body(self) -> dict[str, object]:
        """Return the message as what JSON can express."""
        return asdict(self)

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> WorkerStart:
        """Read it back."""
        settings = dict(body["settings"])
        text_mode, credentials, limits = settings.pop("text_mode"), settings.pop("credentials"), settings.pop("limits")
        reflector_settings = settings.pop("reflector_settings")
        return cls(
            settings=ServerSettings(
                text_mode=None if text_mode is None else TextMode(**text_mode),
                credentials=Credentials(**{**credentials, "alpn": tuple(credentials["alpn"])}),
                limits=Limits(**limits),
                reflector_settings=ReflectorSettings(**reflector_settings),
                **settings,
            ),
            schemes=tuple(body["schemes"]),
            identity=body["identity"],
            worker=body["worker"],
            workers=body["workers"],
            salt=body["salt"],
        )


class StartRequest(NamedTuple):
    """Asks the fork server for a worker."""

    start: WorkerStart
    descriptors: int
    """How many come beside the line."""


class KillRequest(NamedTuple):
    """Asks it to end one."""

    pid: int


Request = StartRequest | KillRequest


class Started(NamedTuple):
    """The fork server has forked a worker."""

    worker: int
    """Its place among the workers, from 0."""
    pid: int


class NotStarted(NamedTuple):
    """It cannot."""

    worker: int
    reason: str


class Ended(NamedTuple):
    """A worker has ended."""

    pid: int
    code: int
    """The exit code, or a signal's number, negative."""


Report = Started | NotStarted | Ended

_REPORTS: dict[str, type[Report]] = {kind.__name__: kind for kind in (Started, NotStarted, Ended)}

_HINTS: dict[type, dict[str, Any]] = {
    kind: get_type_hints(kind)
    for kind in (KillRequest, *_REPORTS.values(), *_KINDS.values(), TransportCounts, ClientCounts, Totals)
}
"""Of those that have nothing but numbers and strings."""

_Made = TypeVar("_Made")
_NOT_WHAT_IT_SHOULD_BE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


def _made(kind: type[_Made], *fields: Any, **named: Any) -> _Made:
    """Make a value of what was read. Raises TypeError where a field is missing, too much, or of another type."""
    made = kind(*fields, **named)
    for name, hint in _HINTS[kind].items():
        if not isinstance(getattr(made, name), hint):
            raise TypeError(name)
    return made


def _fields(line: bytes) -> list[Any]:
    """Return a message's kind and what it says: an array of JSON. Raises ValueError and RecursionError."""
    fields = json.loads(line, parse_constant=_not_json)
    if not isinstance(fields, list):
        raise MalformedError("no array")
    return fields


def _not_json(constant: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON has not."""
    raise MalformedError(constant)


def request_line(request: Request) -> bytes:
    """Write a request as one line."""
    if isinstance(request, KillRequest):
        return json.dumps(["KillRequest", request.pid]).encode() + b"\n"
    return json.dumps(["StartRequest", request.start.to_body(), request.descriptors]).encode() + b"\n"


def parse_request(line: bytes) -> Request:
    """Read what the supervisor wrote to the fork server. Raises MalformedError."""
    try:
        kind, *fields = _fields(line)
        if kind == "KillRequest":
            return _made(KillRequest, *fields)
        body, descriptors = fields
        if kind != "StartRequest" or not isinstance(descriptors, int) or descriptors < 1:
            raise MalformedError(kind)
        return StartRequest(WorkerStart.from_body(body), descriptors)
    except _NOT_WHAT_IT_SHOULD_BE as error:
        raise MalformedError(str(error)) from error


def report_line(report: Report) -> bytes:
    """Write a report as one line."""
    return json.dumps([type(report).__name__, *report]).encode() + b"\n"


def parse_report(line: bytes) -> Report:
    """Read what the fork server wrote. Raises MalformedError."""
    try:
        kind, *fields = _fields(line)
        return _made(_REPORTS[kind], *fields)
    except _NOT_WHAT_IT_SHOULD_BE as error:
        raise MalformedError(str(error)) from error


def event_line(event: ServerEvent | Failed) -> bytes:
    """Write an event as one line."""
    return json.dumps([type(event).__name__, *event]).encode() + b"\n"


def snapshot_line(snapshot: ServerSnapshot) -> bytes:
    """Write what a worker does, and did so far, as one line."""
    return json.dumps(["ServerSnapshot", asdict(snapshot)]).encode() + b"\n"


def parse_line(line: bytes) -> ServerEvent | Failed | ServerSnapshot:
    """Read what a worker wrote. Raises MalformedError."""
    try:
        kind, *fields = _fields(line)
        if kind != "ServerSnapshot":
            return _made(_KINDS[kind], *fields)
        (body,) = fields
        return _snapshot(body)
    except _NOT_WHAT_IT_SHOULD_BE as error:
        raise MalformedError(str(error)) from error


def _snapshot(body: dict[str, Any]) -> ServerSnapshot:
    refusals = body["refusals"]
    if not all(isinstance(each, int) for each in (body["at"], *refusals.values())):
        raise TypeError("a count")
    return ServerSnapshot(
        at=body["at"],
        transports={name: _made(TransportCounts, **counts) for name, counts in body["transports"].items()},
        clients=tuple(_made(ClientCounts, **counts) for counts in body["clients"]),
        refusals=refusals,
        totals=_made(Totals, **body["totals"]),
    )
