"""The options of `netecho probe` as they were given: values that know by what name each was called.

What they mean together is said in `combinations` (what is wrong) and `asked` (what is to be done).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from netecho.units import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from netecho.measure.criteria import Criterion
    from netecho.measure.plan import Pattern, Schedule, Stamps
    from netecho.target import Target

Format = Literal["text", "json", "ndjson", "csv"]

PAYLOADS = ("payload", "payload_hex", "payload_file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of `netecho probe` under their own names, each read and checked by itself; None: not given."""

    target: Target
    count: int | None = None
    duration: int | None = None
    interval: int | None = None
    rate: Fraction | None = None
    schedule: Schedule = "even"
    window: int | None = None
    warmup: int = 0
    spin: bool = False
    size: tuple[int, ...] = (64,)
    payload: str | None = None
    payload_hex: bytes | None = None
    payload_file: str | None = None
    pattern: Pattern = "random"
    timeout: int = 2 * SECOND
    stamps: Stamps = "auto"
    connections: int = 1
    reconnect: bool = False
    connect_only: bool = False
    ipv4: bool = False
    ipv6: bool = False
    source: tuple[str, int] | None = None
    dscp: int | None = None
    ttl: int | None = None
    dont_fragment: bool = False
    ca: str | None = None
    insecure: bool = False
    server_name: str | None = None
    alpn: tuple[str, ...] = ()
    cert: str | None = None
    key: str | None = None
    pin: tuple[str, ...] = ()
    auth_key_file: str | None = None
    clock: Literal["auto", "synced", "estimated"] = "auto"
    ssid: int | None = None
    format: Format | None = None
    json: bool = False
    quiet: int = 0
    live: bool | None = None
    histogram: bool = False
    hdr: str | None = None
    save: str | None = None
    label: str | None = None
    fail_if: tuple[tuple[Criterion, ...], ...] = ()
    no_color: bool = False
    given: Mapping[str, str] = field(default_factory=dict)
    """How each option that was given was called: `--count`, or `NETECHO_PROBE_COUNT`."""

    def called(self, name: str) -> str:
        """Return what to call an option in a sentence."""
        return self.given.get(name, "--" + name.replace("_", "-"))


# Of each of these groups one is meant: what the command line says is not contradicted by a variable.
_GROUPS = (
    ("interval", "rate"),
    ("size", *PAYLOADS),
    (*PAYLOADS, "pattern"),
    ("ipv4", "ipv6"),
    ("format", "json"),
    ("insecure", "ca"),
    ("insecure", "pin"),
)


_DEFAULTS = {each.name: each.default if each.type == "bool" else None for each in fields(Options)}


def options_from(values: Mapping[str, Any], given: Mapping[str, str]) -> Options:
    """Make the options of `values` that were `given`; where the environment contradicts the command line, leave it."""
    # A variable that says no to a flag says nothing.
    given = {name: called for name, called in given.items() if values[name] is not _DEFAULTS[name]}
    typed = {name for name, called in given.items() if called.startswith("-")}
    meant = {name: called for name, called in given.items() if name in typed or not _contradicted(name, typed)}
    return Options(target=values["target"], given=meant, **{name: values[name] for name in meant})


def _contradicted(name: str, typed: set[str]) -> bool:
    return any(name in group and typed.intersection(group) for group in _GROUPS)
