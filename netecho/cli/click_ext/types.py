"""What options are worth: Click's types for times, sizes, rates, targets and the rest.

Each is a parser, that is a function from text to a value that raises UsageError, and a name for the help. The error
that comes out names the option as the person gave it. Nothing heavy is imported here: completion reads this module.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import stat
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import click
from click.shell_completion import CompletionItem

from netecho.cli.click_ext.command import named
from netecho.errors import UsageError
from netecho.target import (
    ECHOES,
    SCHEMES,
    SELF,
    check_host,
    parse_listen,
    parse_load_target,
    parse_target,
)
from netecho.units import (
    MILLISECOND,
    SIZE_UNITS,
    TIME_UNITS,
    parse_rate,
    parse_size,
    parse_sizes,
    parse_time,
    spell_time,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from netecho.measure.criteria import Criterion
    from netecho.target import Scheme, Target

T = TypeVar("T")

_HOSTS = (SELF, "localhost")
_SOURCE_HINT = "an address of this machine, and a port where it matters: 192.0.2.1:4000 or [2001:db8::1]:4000"
_PIN_HINT = "sha256: and the 64 hexadecimal digits that netecho serve prints"
_LARGEST_PORT = 65535
SHORTEST_PERIOD = 10 * MILLISECOND


class Parsed(click.ParamType[T], Generic[T]):
    """A value that one function reads from the text."""

    def __init__(
        self,
        name: str,
        parse: Callable[[str], T],
        suggest: Callable[[str], Iterable[str]] | None = None,
        units: Iterable[str] = (),
    ) -> None:
        self.name = name
        self._parse = parse
        self._suggest = suggest
        self.units = frozenset(units)
        """What may follow a number without a space."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the name as it is: choices are typed in lower case."""
        del param, ctx
        return self.name

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Read the text; raises UsageError that names the option or the variable it was given in."""
        if not isinstance(value, str):
            return value  # type: ignore[return-value] # a default, which is a value already
        try:
            return self._parse(value)
        except UsageError as error:
            if param is None or isinstance(param, click.Argument):
                raise
            raise UsageError(f"{named(ctx, param)}: {error.sentence}", error.hint) from error

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """Take a variable as one value: what can be given several times may have spaces in it."""
        return [rv]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """Suggest what there is to choose from."""
        del ctx, param
        if self._suggest is None:
            return []
        return [CompletionItem(word) for word in self._suggest(incomplete) if word.startswith(incomplete)]


class File(Parsed[str]):
    """A path; whether it can be read or written is found out by whoever opens it."""

    def __init__(self) -> None:
        super().__init__("FILE", parse_path)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """Leave it to the shell, which knows files best."""
        del ctx, param
        return [CompletionItem(incomplete, type="file")]


class Address(Parsed[T]):
    """A target, or an address to listen on; it is completed as far as one can know."""

    def __init__(self, name: str, parse: Callable[[str], T], schemes: Sequence[Scheme] = ECHOES) -> None:
        super().__init__(name, parse)
        self._schemes = schemes

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """Suggest schemes, the host after one, and the paths of Unix sockets."""
        del ctx, param
        if incomplete.startswith("unix:"):
            return _socket_paths(incomplete)
        scheme, slashes, host = incomplete.partition("://")
        if slashes:
            hosts = [f"{scheme}://{name}" for name in _HOSTS if name.startswith(host)]
            return [CompletionItem(name) for name in hosts]
        words = [f"{name}:/" if name == "unix" else f"{name}://" for name in self._schemes]
        return [
            CompletionItem(word, type="prefix" if word.endswith("/") else "plain")
            for word in [*_HOSTS, *words]
            if word.startswith(incomplete)
        ]


class Criteria(Parsed[T]):
    """Criteria, joined by commas; completed up to the name of the figure."""

    def __init__(self, name: str, parse: Callable[[str], T], figures: Callable[[], Iterable[str]]) -> None:
        super().__init__(name, parse)
        self._figures = figures

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """Suggest the figures there are."""
        del ctx, param
        before, comma, begun = incomplete.rpartition(",")
        found = [name for name in self._figures() if name.startswith(begun)]
        return [CompletionItem(f"{before}{comma}{name}", type="prefix") for name in found]


def _socket_paths(incomplete: str) -> list[CompletionItem[str]]:
    """List directories and sockets whose path begins as typed."""
    import os

    written = "unix://" if incomplete.startswith("unix://") else "unix:"
    directory, slash, begun = incomplete.removeprefix(written).rpartition("/")
    found = []
    with contextlib.suppress(OSError), os.scandir(directory + slash or ".") as entries:
        for entry in entries:
            path = f"{written}{directory}{slash}{entry.name}"
            if not entry.name.startswith(begun) or (entry.name.startswith(".") and not begun):
                continue
            if entry.is_dir():
                found.append(CompletionItem(f"{path}/", type="prefix"))
            elif stat.S_ISSOCK(entry.stat().st_mode):
                found.append(CompletionItem(path))
    return sorted(found, key=lambda item: item.value)


def parse_criteria(text: str) -> tuple[Criterion, ...]:
    """Read the criteria of one `--fail-if`. Raises UsageError."""
    from netecho.measure.criteria import parse

    return parse(text)


def parse_trace_criteria(text: str) -> tuple[Criterion, ...]:
    """Read the criteria of one `--fail-if` of a trace. Raises UsageError."""
    from netecho.trace.verdict import criteria

    return criteria(text)


def parse_load_criteria(text: str) -> tuple[Criterion, ...]:
    """Read the criteria of one `--fail-if` of a load. Raises UsageError."""
    from netecho.load.criteria import parse

    return parse(text)


def parse_traced(text: str) -> Target:
    """Read what `netecho trace` is to reach; no scheme means UDP. Raises UsageError."""
    target = parse_target(text if "://" in text or text[:5].lower() == "unix:" else f"udp://{text}")
    if target.path is not None:
        raise UsageError(f"a Unix socket has no path through a network: {text!r}", "a host: udp://host")
    return target


def parse_changes(text: str) -> tuple[Criterion, ...]:
    """Read the criteria of one `--fail-if` between two runs, of probes or of load. Raises UsageError."""
    from netecho.load.criteria import is_of_load, parse as parse_loads
    from netecho.measure.criteria import parse

    return (parse_loads if is_of_load(text) else parse)(text, comparing=True)


def _figures() -> Iterable[str]:
    from netecho.measure.metrics import METRICS

    return METRICS


def _load_figures() -> Iterable[str]:
    from netecho.load.criteria import METRICS

    return METRICS


def _trace_figures() -> Iterable[str]:
    from netecho.trace.verdict import METRICS

    return METRICS


def form_of(values: Mapping[str, Any]) -> str:
    """Return the format that `--format` or `--json` asks for. Raises UsageError where they differ."""
    form: str | None = values["format"]
    if values["json"] and form not in (None, "json"):
        raise UsageError(
            f"--json and --format exclude each other: --json is short for --format json, not {form}",
            "leave out --json",
        )
    return "json" if values["json"] else form or "text"


def integer(least: int, most: int | None = None) -> Parsed[int]:
    """Make the type of whole numbers from `least` to `most`."""
    right = f"a whole number from {least}" + ("" if most is None else f" to {most}")

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise UsageError(f"{text!r} is not a whole number", right)
        value = int(text)
        if value < least:
            raise UsageError(f"{text!r} is below {least}", right)
        if most is not None and value > most:
            raise UsageError(f"{text!r} is above {most}", right)
        return value

    return Parsed("N", parse)


def choice(*words: str) -> Parsed[str]:
    """Make the type of one of several words."""

    def parse(text: str) -> str:
        if text not in words:
            raise UsageError(f"{text!r} is not one of {', '.join(words)}", closest(text, words))
        return text

    return Parsed("|".join(words), parse, lambda _: words)


def closest(text: str, words: Sequence[str]) -> str:
    """Return what may have been meant, as a hint; where nothing is near, an example."""
    from difflib import get_close_matches

    close = get_close_matches(text.lower(), words, n=1)
    return f"did you mean {close[0]}?" if close else f"for example {words[0]}"


def parse_path(text: str) -> str:
    """Check that a path is one. Raises UsageError."""
    if not text or "\0" in text:
        raise UsageError(f"{text!r} is not the name of a file", "a path: ./file")
    return text


def parse_hex(text: str) -> bytes:
    """Read bytes from pairs of hexadecimal digits, with spaces or colons between where wanted. Raises UsageError."""
    digits = re.sub(r"[\s:]", "", text)
    right = "two hexadecimal digits a byte: 00ff10"
    wrong = re.search(r"[^0-9a-fA-F]", digits)
    if wrong:
        raise UsageError(f"{wrong[0]!r} in {text!r} is not a hexadecimal digit", right)
    if len(digits) % 2:
        raise UsageError(f"{text!r} has half a byte", right)
    return bytes.fromhex(digits)


def parse_pin(text: str) -> str:
    """Read the pin of a public key, to lower case and without colons. Raises UsageError."""
    scheme, colon, rest = text.partition(":")
    digits = rest.replace(":", "").lower()
    if not colon or scheme.lower() != "sha256":
        raise UsageError(f"{text!r} is not a pin", _PIN_HINT)
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise UsageError(f"{rest!r} in {text!r} is not 64 hexadecimal digits", _PIN_HINT)
    return f"sha256:{digits}"


def parse_period(text: str) -> int:
    """Read the nanoseconds from one report to the next. Raises UsageError for what would take all time there is."""
    period = parse_time(text)
    if period < SHORTEST_PERIOD:
        raise UsageError(f"{text!r} is less than {spell_time(SHORTEST_PERIOD)}, more often than is of use", "10s")
    return period


def parse_source(text: str) -> tuple[str, int]:
    """Read `ADDR[:PORT]`, IPv6 in brackets where a port follows; port 0 is any. Raises UsageError."""
    if text.startswith("["):
        address, bracket, tail = text[1:].partition("]")
        if not bracket:
            raise UsageError(f"no closing bracket in {text!r}", _SOURCE_HINT)
        port = tail[1:] if tail.startswith(":") else tail or "0"
    elif text.count(":") > 1:
        address, port = text, "0"
    else:
        address, colon, port = text.partition(":")
        port = port if colon else "0"
    if not re.fullmatch(r"[0-9]{1,9}", port) or int(port) > _LARGEST_PORT:
        raise UsageError(f"port {port!r} in {text!r} is not a number up to {_LARGEST_PORT}", _SOURCE_HINT)
    if not address and port == "0":
        raise UsageError(f"{text!r} names neither an address nor a port", _SOURCE_HINT)
    try:
        return str(ipaddress.ip_address(address)) if address else "", int(port)
    except ValueError:
        where = "" if address == text else f" in {text!r}"
        raise UsageError(f"{address!r}{where} is not an address", _SOURCE_HINT) from None


def parse_alpn(text: str) -> str:
    """Check the name of an application protocol: 1 to 255 octets (RFC 7301). Raises UsageError."""
    if not text.isascii() or not text.isprintable() or not 1 <= len(text) <= 255:
        raise UsageError(f"{text!r} is not the name of a protocol", "one of IANA's ALPN IDs: h2")
    return text


TIME = Parsed("TIME", parse_time, units=TIME_UNITS)
PERIOD = Parsed("TIME", parse_period, units=TIME_UNITS)
SIZE = Parsed("BYTES", parse_size, units=filter(None, SIZE_UNITS))
SIZES = Parsed("BYTES", parse_sizes, units=filter(None, SIZE_UNITS))
RATE = Parsed("N", parse_rate)
TEXT = Parsed("TEXT", str)
FILE = File()
HOST = Parsed("NAME", check_host)
TARGET = Address("TARGET", parse_target)
LISTEN = Address("ADDRESS", parse_listen, SCHEMES)
LOADED = Address("TARGET", parse_load_target, ("nq", "nqs"))
CRITERIA = Criteria("EXPR", parse_criteria, _figures)
CHANGES = Criteria("EXPR", parse_changes, lambda: (*_figures(), *_load_figures()))
TRACED = Address("TARGET", parse_traced, ("udp", "stamp", "tcp", "tls"))
LOAD_CRITERIA = Criteria("EXPR", parse_load_criteria, _load_figures)
TRACE_CRITERIA = Criteria("EXPR", parse_trace_criteria, _trace_figures)
