"""From keyword arguments to what is to be done: the commands' options, by their own tables, with the same sentences.

A value may be text, as on the command line, or Python's own: seconds as a number or a timedelta, bytes as a payload, a
list where an option may be repeated. The environment (NETECHO_PROBE_...) is the command's alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from netecho.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import click

    from netecho.cli.job.build import PlannedRun
    from netecho.net.server.settings import ServerSettings
    from netecho.target import Target

Duration = str | float | timedelta
Text = str | Iterable[str]


class ProbeOptions(TypedDict, total=False):
    """The options of `netecho probe`, under their long names."""

    count: int | str
    duration: Duration
    interval: Duration
    rate: float | str
    schedule: Literal["even", "poisson"]
    window: int
    warmup: int
    spin: bool
    size: int | str
    payload: str | bytes
    pattern: Literal["random", "zeros", "counter"]
    timeout: Duration
    connections: int
    reconnect: bool
    connect_only: bool
    stamps: Literal["auto", "kernel", "user"]
    ipv4: bool
    ipv6: bool
    source: str
    dscp: int | str
    ecn: Literal["not-ect", "ect0", "ect1", "ce"]
    ttl: int
    dont_fragment: bool
    ca: str
    insecure: bool
    server_name: str
    alpn: Text
    cert: str
    key: str
    pin: Text
    auth_key_file: str
    clock: Literal["auto", "synced", "estimated"]
    ssid: int
    timestamp_format: Literal["ntp", "ptp"]
    reply_size: int
    label: str
    fail_if: Text


class ServeOptions(TypedDict, total=False):
    """The options of `netecho serve`, under their long names, as far as they are not about the process."""

    mode: Literal["raw", "text"]
    banner: str
    reply: str
    reply_error: str
    logoff: str
    max_connections: int
    max_per_client: int
    idle_timeout: Duration
    max_rate: int
    cert: str
    key: str
    client_ca: str
    alpn: Text
    stateful: bool
    auth_key_file: str
    symmetrical: bool
    whole_base: bool
    socket_mode: str


def planned(target: str | Target, options: ProbeOptions) -> PlannedRun:
    """Return what is to be measured. Raises UsageError as the command does, TypeError for an unknown option."""
    from netecho.cli.job.build import build
    from netecho.cli.job.options import options_from
    from netecho.target import parse_target

    where = parse_target(target) if isinstance(target, str) else target
    if where.is_self:
        raise UsageError(
            "'self' is the command's: it starts a process of its own",
            "async with netecho.serve('127.0.0.1:0') as server: await netecho.probe(server.urls[0])",
        )
    from netecho.cli.commands.probe import probe as command

    values = _parsed(command, ProbeOptions, options)
    given = {name: "--" + name.replace("_", "-") for name in values}
    (planned_run,) = build(options_from(values, given, [where]), int.from_bytes(os.urandom(8))).runs
    return planned_run


def server_settings(addresses: Sequence[str], options: ServeOptions) -> tuple[list[Target], ServerSettings, int]:
    """Return where to listen, how to serve, and the mode of Unix sockets. Raises as `planned` does."""
    from netecho.cli.commands.serve import serve as command
    from netecho.cli.job.service import service_of
    from netecho.target import default_listen, parse_listen

    targets = [target for address in addresses for target in parse_listen(address)] or [*default_listen()]
    values = command.make_context("serve", []).params  # the defaults; without a prefix no variable is read
    values |= _parsed(command, ServeOptions, options)
    return targets, service_of(values, targets), values["socket_mode"]


def _parsed(command: click.Command, known: type, options: Mapping[str, object]) -> dict[str, Any]:
    """Return the options that have a value, as the command's own table reads them."""
    values: dict[str, Any] = {}
    for name, value in options.items():
        if name not in known.__annotations__:
            raise TypeError(f"{command.name}() got an unexpected keyword argument {name!r}")
        if value is None:
            continue
        key = "payload_hex" if isinstance(value, bytes) else name
        param = next(each for each in command.params if each.name == key)
        if getattr(param, "is_flag", False):
            values[key] = bool(value)
        elif param.multiple:
            several = [value] if isinstance(value, str) else list(cast("Iterable[object]", value))
            values[key] = tuple(_read(param, each) for each in several)
        else:
            values[key] = _read(param, value)
    return values


def _read(param: Any, value: object) -> Any:
    try:
        return param.type.convert(_written(value), None, None)
    except UsageError as error:
        raise UsageError(f"--{param.name.replace('_', '-')}: {error.sentence}", error.hint) from None


def _written(value: object) -> str:
    """Write a value as one would type it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, timedelta):
        return f"{value // timedelta(microseconds=1)}us"
    if isinstance(value, float):
        return format(Decimal(float.__repr__(value)), "f")  # NumPy's are floats, and have a repr of their own
    return str(value)
