"""The keys that defaults, groups and targets have: how the value of each is read, and what they make together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from netecho.errors import UsageError
from netecho.measure.criteria import parse as parse_criteria
from netecho.measure.dscp import parse_dscp
from netecho.monitor.settings import FOR, ProbeSettings, Rule, TlsSettings
from netecho.target import check_host
from netecho.units import MILLISECOND, SECOND, parse_size, parse_time, spell_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ProbeKeys = dict[str, Any]
"""Values that were read, by their keys."""

SHORTEST_INTERVAL = 10 * MILLISECOND
LONGEST_TIMEOUT = 60 * SECOND
LARGEST = 65507
"""The largest payload of a UDP datagram over IPv4 (RFC 768)."""
MOST_LABELS = 32
LONGEST_LABEL = 200
MOST_CRITERIA = 16
RESERVED = frozenset(
    {"node", "target", "direction", "phase", "state", "le", "url", "address", "group", "instance", "job"}
)
"""Labels that the metrics, or Prometheus, have already."""
_MOST = 10**12
"""Numbers above are nothing that a key has."""
_A_TIME = 'with a unit, or in seconds: "1s"'
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MEASURED = ("rtt", "response", "forward", "backward")
_FIGURES = ("min", "mean", "p50", "p90", "p95", "p99", "p99_9", "max")
METRICS = (
    *("loss", "loss_forward", "loss_backward", "late", "duplicate", "reordered", "corrupt"),
    *(f"{time}.{figure}" for time in _MEASURED for figure in _FIGURES),
)
"""What a criterion may name: the figures of the last minute."""


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise UsageError(f"{value!r} is not a text", 'in quotation marks: "..."')
    return value


def _number(value: Any, parse: Callable[[str], int], right: str, hint: str) -> int:
    """Read a text with a unit, or a bare number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise UsageError(f"{value!r} is not {right}", hint)
    if not isinstance(value, str) and not abs(value) < _MOST:  # nan among them
        raise UsageError(f"{value:.3g} is not {right}", hint)
    return parse(value if isinstance(value, str) else format(value, ".9f").rstrip("0").rstrip("."))


def parse_interval(text: str) -> int:
    """Read the time between two probes. Raises UsageError."""
    value = parse_time(text)
    if value < SHORTEST_INTERVAL:
        raise UsageError(f"an interval of {text} is below {spell_time(SHORTEST_INTERVAL)}", "netecho probe is for that")
    return value


def parse_timeout(text: str) -> int:
    """Read how long a reply is waited for. Raises UsageError."""
    value = parse_time(text)
    if not 0 < value <= LONGEST_TIMEOUT:
        raise UsageError(f"a timeout of {text} is not above 0 and up to {spell_time(LONGEST_TIMEOUT)}", "2s")
    return value


def parse_payload_size(text: str) -> int:
    """Read the size of a payload. Raises UsageError."""
    value = parse_size(text)
    if not 1 <= value <= LARGEST:
        raise UsageError(f"a size of {text} is not from 1 to {LARGEST} bytes", "64")
    return value


def parse_rule(text: str, duration: int = FOR) -> Rule:
    """Read a criterion over the last minute. Raises UsageError."""
    criteria = parse_criteria(text)
    if len(criteria) != 1:
        raise UsageError(f"{text!r} is {len(criteria)} criteria", "one a table: criteria = [{ when = ... }, ...]")
    (criterion,) = criteria
    if criterion.metric not in METRICS:
        raise UsageError(f"{criterion.metric} in {text!r} is not measured here", "loss, or rtt.p99 and its like")
    return Rule(criterion, duration)


def _interval(value: Any) -> int:
    return _number(value, parse_interval, "a time", _A_TIME)


def _timeout(value: Any) -> int:
    return _number(value, parse_timeout, "a time", _A_TIME)


def _size(value: Any) -> int:
    return _number(value, parse_payload_size, "a size", "a number of bytes: 64")


def _dscp(value: Any) -> int:
    return _number(value, parse_dscp, "a DSCP", '0 to 63, or a name: "EF"')


def _family(value: Any) -> int:
    if isinstance(value, bool) or value not in (4, 6):
        raise UsageError(f"ip = {value!r} is no version of IP", "4 or 6")
    return int(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{value!r} is not true or false", "without quotation marks: true")
    return value


def _in_a_row(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise UsageError(f"{value!r} is not a number of probes", "a whole number from 1 to 1000: 3")
    return value


def _labels(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise UsageError(f"{value!r} is not a table of labels", 'labels = { site = "ams" }')
    if len(value) > MOST_LABELS:
        raise UsageError(f"there are {len(value)} labels, more than {MOST_LABELS}", "each is on every line of /metrics")
    for name, text in value.items():
        if not _LABEL.fullmatch(name) or name.startswith("__") or name in RESERVED or len(name) > LONGEST_LABEL:
            raise _inside(name, f"{name!r} cannot be a label", "letters, digits and _, and none that netecho has: site")
        if not isinstance(text, str) or len(text) > LONGEST_LABEL:
            raise _inside(name, f"label {name} is not a text of up to {LONGEST_LABEL} characters", f'{name} = "..."')
    return value


def _criteria(value: Any) -> tuple[Rule, ...]:
    if not isinstance(value, list) or len(value) > MOST_CRITERIA:
        raise UsageError(f"criteria is not an array of up to {MOST_CRITERIA}", 'criteria = [{ when = "loss>1%" }]')
    rules = []
    for n, each in enumerate(value):
        try:
            rules.append(_rule(each))
        except UsageError as error:
            raise _inside(n, error.sentence, error.hint) from None
    return tuple(rules)


def _rule(value: Any) -> Rule:
    right = '{ when = "loss>1%", for = "30s" }'
    if isinstance(value, str):
        return parse_rule(value)
    if not isinstance(value, dict) or "when" not in value:
        raise UsageError(f"{value!r} is no criterion", right)
    others = sorted(value.keys() - {"when", "for"})
    if others:
        raise UsageError(f"a criterion has no {others[0]!r}", right)
    return parse_rule(_text(value["when"]), _number(value.get("for", "30s"), parse_time, "a time", _A_TIME))


class InsideError(UsageError):
    """A mistake in a part of a value."""

    inside: tuple[str | int, ...] = ()


def _inside(part: str | int, sentence: str, hint: str | None) -> InsideError:
    error = InsideError(sentence, hint)
    error.inside = (part,)
    return error


def _host(value: Any) -> str:
    return check_host(_text(value))


LABELS = "labels"
KEYS: Mapping[str, Callable[[Any], Any]] = {
    "interval": _interval,
    "size": _size,
    "timeout": _timeout,
    "dscp": _dscp,
    "ip": _family,
    "connect_only": _flag,
    "fall": _in_a_row,
    "rise": _in_a_row,
    LABELS: _labels,
    "criteria": _criteria,
    "ca": _text,
    "insecure": _flag,
    "server_name": _host,
    "auth_key_file": _text,
}


def inherited(base: ProbeKeys, own: ProbeKeys) -> ProbeKeys:
    """Return what holds where `own` stands above `base`: labels by their names, all else as a whole."""
    keys = base | own
    if LABELS in base and LABELS in own:
        keys[LABELS] = {**base[LABELS], **own[LABELS]}
    return keys


def settings_of(keys: ProbeKeys) -> ProbeSettings:
    """Return what keys ask for; what none of them says is the default."""
    same = ("interval", "size", "timeout", "dscp", "connect_only", "fall", "rise", "auth_key_file")
    given = {key: keys[key] for key in same if key in keys}
    tls = {key: keys[key] for key in ("ca", "insecure", "server_name") if key in keys}
    return ProbeSettings(
        **given,
        family=keys.get("ip"),
        rules=keys.get("criteria", ()),
        labels=tuple(sorted(keys.get(LABELS, {}).items())),
        tls_settings=TlsSettings(**tls),
    )
