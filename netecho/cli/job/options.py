"""The options of `netecho probe` as they were given: values that know by what name each was called.

One `Options` for each target, with what applies to it. What they mean together is said in `conflicts` (what is wrong)
and `build` (what is to be done).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from netecho.cli.job.applies import ONE_TRANSPORT, PAYLOADS, Misfit, family_of, metric_misfit, option_misfit
from netecho.errors import UsageError
from netecho.measure.plan import Plan
from netecho.net.client.job import StampOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from netecho.measure.criteria import Criterion
    from netecho.measure.facts.ecn import Codepoint
    from netecho.measure.plan import Pattern, Schedule, Stamps
    from netecho.report.formats import Format
    from netecho.target import Target

_PLAN, _STAMP = Plan(), StampOptions()
"""Where the defaults stand."""


class Options(NamedTuple):
    """The options for one target under their own names, each read and checked by itself; None: not given."""

    target: Target
    count: int | None = None  # type: ignore[assignment]  # a tuple has a method of this name
    duration: int | None = None
    interval: int | None = None
    rate: Fraction | None = None
    schedule: Schedule = _PLAN.schedule
    window: int | None = _PLAN.window
    warmup: int = _PLAN.warmup
    spin: bool = _PLAN.spin
    size: tuple[int, ...] = _PLAN.sizes
    payload: str | None = None
    payload_hex: bytes | None = None
    payload_file: str | None = None
    pattern: Pattern = _PLAN.pattern
    timeout: int = _PLAN.timeout
    stamps: Stamps = _PLAN.stamps
    connections: int = _PLAN.connections
    reconnect: bool = _PLAN.reconnect
    connect_only: bool = _PLAN.connect_only
    ipv4: bool = False
    ipv6: bool = False
    source: tuple[str, int] | None = None
    dscp: int | None = None
    ecn: Codepoint | None = None
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
    clock: Literal["auto", "synced", "estimated"] = _STAMP.clock
    ssid: int | None = _STAMP.ssid
    timestamp_format: Literal["ntp", "ptp"] = _STAMP.timestamp_format
    reply_size: int | None = _STAMP.reply_size
    format: Format | None = None
    json: bool = False
    quiet: int = 0
    live: bool | None = None
    report_every: int | None = None
    histogram: bool = False
    hdr: str | None = None
    save: str | None = None
    label: str | None = None
    fail_if: tuple[tuple[Criterion, ...], ...] = ()
    no_color: bool = False
    given: Mapping[str, str] = MappingProxyType({})
    """How each option that was given was called: `--count`, or `NETECHO_PROBE_COUNT`."""

    def called(self, name: str) -> str:
        """Return what to call an option in a sentence."""
        return self.given.get(name, "--" + name.replace("_", "-"))

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """The criteria of every `--fail-if`."""
        return tuple(criterion for each in self.fail_if for criterion in each)


# Of each of these groups one is meant: what the command line says is not contradicted by a variable.
_GROUPS = (
    ("interval", "rate"),
    ("size", *PAYLOADS),
    (*PAYLOADS, "pattern"),
    *(("connect_only", name) for name in ("size", *PAYLOADS, "pattern")),
    ("connect_only", "reconnect"),
    ("ipv4", "ipv6"),
    ("format", "json"),
    ("histogram", "json"),
    ("live", "quiet"),
    ("insecure", "ca"),
    ("insecure", "pin"),
)

_DEFAULTS = {name: False if Options._field_defaults.get(name) is False else None for name in Options._fields}


def options_from(values: Mapping[str, Any], given: Mapping[str, str], targets: Sequence[Target]) -> tuple[Options, ...]:
    """Return the options for each target, of `values` that were `given`.

    A variable of the environment that the command line contradicts, or that means nothing for a target, is left out.
    Raises UsageError for an option that was typed and means nothing for the targets.
    """
    # A variable that says no to a flag says nothing.
    given = {name: called for name, called in given.items() if values[name] is not _DEFAULTS[name]}
    typed = {name for name, called in given.items() if called.startswith("-")}
    meant = {name: called for name, called in given.items() if name in typed or not _contradicted(name, typed)}
    return tuple(_options(values, meant, typed, target, targets) for target in targets)


def _contradicted(name: str, typed: set[str]) -> bool:
    return any(name in group and typed.intersection(group) for group in _GROUPS)


def _options(
    values: Mapping[str, Any], meant: Mapping[str, str], typed: set[str], target: Target, targets: Sequence[Target]
) -> Options:
    given = {}
    for name, called in meant.items():
        misfit = option_misfit(name, target)
        if misfit is None and (name in typed or not _other_family(name, values[name], target)):
            given[name] = called
        elif misfit is not None and name in typed and not (name in ONE_TRANSPORT and _fits_any(name, targets)):
            raise UsageError(f"{called} {misfit.why}", misfit.hint)
    chosen = {name: values[name] for name in given}
    if "fail_if" in given:
        chosen["fail_if"] = tuple(_judgeable(each, typed, target, targets) for each in values["fail_if"])
    return Options(target=target, given=given, **chosen)


def _fits_any(name: str, targets: Sequence[Target]) -> bool:
    return any(option_misfit(name, each) is None for each in targets)


def _other_family(name: str, value: Any, target: Target) -> bool:
    """Tell whether an option is for addresses of the family that the target has not."""
    host, wanted = family_of(target.host), {"ipv4": 4, "ipv6": 6}.get(name)
    if name == "source":
        wanted = family_of(value[0])
    return host is not None and wanted is not None and host != wanted


def _judgeable(
    criteria: tuple[Criterion, ...], typed: set[str], target: Target, targets: Sequence[Target]
) -> tuple[Criterion, ...]:
    """Return the criteria whose metrics the target can have."""
    kept = []
    for criterion in criteria:
        misfit: Misfit | None = metric_misfit(criterion.metric, target)
        if misfit is None:
            kept.append(criterion)
        elif "fail_if" in typed and all(metric_misfit(criterion.metric, each) for each in targets):
            raise UsageError(f"--fail-if: {criterion.metric} in '{criterion}' {misfit.why}", misfit.hint)
    return tuple(kept)
