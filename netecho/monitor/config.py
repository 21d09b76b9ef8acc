"""The configuration file of a monitor: TOML to frozen settings, every mistake with its line and column.

    [serve]                     where it answers as well: `listen`
    [defaults]                  what holds for every target
    [groups.NAME]               what holds for the targets that name it, beside the defaults
    [[targets]]                 one target: `target`, and what differs for it

What a target does not say its group says, then the defaults. Labels are merged by name; criteria are replaced as a
whole, so that `criteria = []` has none. No file is opened here.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from netecho.errors import UsageError
from netecho.monitor.keys import KEYS, LABELS, MOST_LABELS, InsideError, inherited, settings_of
from netecho.monitor.positions import Positions
from netecho.monitor.settings import MonitorSettings, TargetSettings
from netecho.target import parse_listen, parse_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netecho.monitor.keys import ProbeKeys
    from netecho.monitor.positions import Path, Place
    from netecho.target import Target

MOST_TARGETS = 10_000
_TOP = ("serve", "defaults", "groups", "targets")
_OF_TARGET = ("target", "name", "group")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_AT = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


class Mistake(NamedTuple):
    """What is wrong, and where."""

    line: int
    column: int
    sentence: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.sentence}"


class Parsed(NamedTuple):
    """What a file says, as far as it is right, and all that is wrong with it, in the order of its lines."""

    settings: MonitorSettings
    mistakes: tuple[Mistake, ...]


def parse(text: str) -> Parsed:
    """Read a configuration."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Parsed(MonitorSettings(targets=()), (_syntax(text, error),))
    except RecursionError:
        return Parsed(MonitorSettings(targets=()), (Mistake(1, 1, "it is nested too deeply"),))
    return _Reader(document, Positions(text)).read()


def _syntax(text: str, error: tomllib.TOMLDecodeError) -> Mistake:
    """Return what tomllib says, with the place apart from the sentence."""
    match = _AT.fullmatch(str(error))
    words = match[1] if match else str(error)
    if match is None or match[2] is None:
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    else:
        line, column = int(match[2]), int(match[3])
    return Mistake(line, column, f"this is not TOML: {words[:1].lower()}{words[1:]}", "toml.io has the grammar")


class _Reader:
    """Reads one document, and collects what is wrong with it."""

    def __init__(self, document: Mapping[str, Any], positions: Positions) -> None:
        self._document = document
        self._positions = positions
        self._mistakes: list[Mistake] = []
        self._names: dict[str, Place] = {}

    def read(self) -> Parsed:
        document = self._document
        self._refuse_unknown(document, (), _TOP, "a configuration has")
        defaults = self._keys(self._table(document, ("defaults",)), ("defaults",), ())
        groups = {
            name: inherited(defaults, self._group(table, ("groups", name)))
            for name, table in self._table(document, ("groups",)).items()
        }
        targets = tuple(self._targets(document.get("targets", []), defaults, groups))
        if not targets and not self._mistakes:
            self._mistakes.append(Mistake(1, 1, "there is no target in it", '[[targets]] and target = "udp://host"'))
        settings = MonitorSettings(
            targets=targets,
            groups=tuple((name, settings_of(keys)) for name, keys in groups.items()),
            listen=tuple(self._listen()),
        )
        return Parsed(settings, tuple(sorted(self._mistakes)))

    def _listen(self) -> Iterable[Target]:
        """Yield where it is to answer."""
        table = self._table(self._document, ("serve",))
        self._refuse_unknown(table, ("serve",), ("listen",), "it takes")
        written = table.get("listen", [])
        several = isinstance(written, list)
        for n, each in enumerate(written if several else [written]):
            try:
                yield from _listened(each)
            except UsageError as error:
                self._wrong(("serve", "listen", *((n,) if several else ())), error.sentence, error.hint)

    def _group(self, table: Any, path: Path) -> ProbeKeys:
        return self._keys(self._table(table, path, value=True), path, ())

    def _targets(self, tables: Any, defaults: ProbeKeys, groups: Mapping[str, ProbeKeys]) -> Iterable[TargetSettings]:
        if not isinstance(tables, list):
            self._wrong(("targets",), "targets is not an array of tables", "[[targets]] begins each")
            return
        if len(tables) > MOST_TARGETS:
            self._wrong(("targets",), f"there are {len(tables)} targets, more than {MOST_TARGETS}", "split the file")
            return
        for n, table in enumerate(tables):
            found = self._target(self._table(table, ("targets", n), value=True), ("targets", n), defaults, groups)
            if found is not None:
                yield found

    def _target(
        self, table: Mapping[str, Any], path: Path, defaults: ProbeKeys, groups: Mapping[str, ProbeKeys]
    ) -> TargetSettings | None:
        own = self._keys(table, path, _OF_TARGET)
        written, group = table.get("target"), table.get("group")
        if "target" not in table:
            self._wrong(path, "this target has no address", 'target = "udp://host:7007"')
            return None
        if group is not None and not (isinstance(group, str) and group in groups):
            near = get_close_matches(str(group), list(groups), n=1)
            hint = f"did you mean {near[0]}?" if near else f"[groups.{group}] would begin it"
            self._wrong((*path, "group"), f"there is no group {group!r}", hint)
            group = None
        try:
            target = _address(written)
        except UsageError as error:
            self._wrong((*path, "target"), error.sentence, error.hint)
            return None
        name = self._name(table.get("name", target.url), path)
        keys = inherited(groups[group] if group else defaults, own)
        labels = keys.get(LABELS, {})
        if len(labels) > MOST_LABELS:
            sentence = f"with those of its group and the defaults it has {len(labels)} labels, more than {MOST_LABELS}"
            self._wrong((*path, LABELS), sentence, "each is on every line of /metrics")
        self._check(keys, target, path, table)
        return TargetSettings(name=name, target=target, group=group, probing=settings_of(keys))

    def _name(self, name: Any, path: Path) -> str:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            self._wrong((*path, "name"), f"{name!r} is not a name", "up to 200 characters that can be printed")
            return ""
        where = self._positions.key((*path, "name"))
        if name in self._names:
            hint = "a name of its own for each: name = ..."
            line = self._names[name].line
            self._wrong((*path, "name"), f"the name {name!r} is that of the target in line {line}", hint, key=True)
        self._names.setdefault(name, where)
        return name

    def _check(self, keys: ProbeKeys, target: Target, path: Path, table: Mapping[str, Any]) -> None:
        """Say what a target's own keys cannot mean for it; what is inherited is left out where it means nothing."""
        traits = target.traits
        for key, fits, why in (
            ("connect_only", traits.is_stream, "has no connections"),
            ("auth_key_file", traits.is_stamp, "is not STAMP"),
            ("ca", traits.is_secure, "has no TLS"),
            ("insecure", traits.is_secure, "has no TLS"),
            ("server_name", traits.is_secure, "has no TLS"),
            ("dscp", traits.is_ip, "travels in no packets"),
            ("ip", traits.is_ip, "travels in no packets"),
        ):
            if not fits and keys.get(key) is not None:
                if key in table:
                    self._wrong((*path, key), f"{key} means nothing for {target.url}, which {why}", "leave it out")
                keys.pop(key)
        if keys.get("insecure") and keys.get("ca"):
            self._wrong((*path, "insecure"), "insecure trusts any certificate: ca means nothing", "leave one out")

    def _keys(self, table: Mapping[str, Any], path: Path, more: tuple[str, ...]) -> ProbeKeys:
        """Return the values of a table's keys, each read and checked by itself."""
        self._refuse_unknown(table, path, (*more, *KEYS), "it takes")
        read: ProbeKeys = {}
        for key, value in table.items():
            parse_value = KEYS.get(key)
            if parse_value is None:
                continue
            try:
                read[key] = parse_value(value)
            except UsageError as error:
                inside = error.inside if isinstance(error, InsideError) else ()
                self._wrong((*path, key, *inside), error.sentence, error.hint)
        return read

    def _table(self, holder: Any, path: Path, *, value: bool = False) -> Mapping[str, Any]:
        """Return a table: `holder` itself, or what it has under the last key."""
        found = holder if value else holder.get(path[-1], {})
        if isinstance(found, dict):
            return found
        name = ".".join(str(part) for part in path)
        self._wrong(path, f"{name} is not a table", f"[{name}] begins one")
        return {}

    def _refuse_unknown(self, table: Mapping[str, Any], path: Path, known: tuple[str, ...], there_are: str) -> None:
        for key in table:
            if key not in known:
                near = get_close_matches(key.replace("-", "_"), known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"{there_are} {', '.join(known)}"
                self._wrong((*path, key), f"there is no key {key!r} here", hint, key=True)

    def _wrong(self, path: Path, sentence: str, hint: str | None = None, *, key: bool = False) -> None:
        place = self._positions.key(path) if key else self._positions.value(path)
        self._mistakes.append(Mistake(place.line, place.column, sentence, hint))


def _listened(written: Any) -> tuple[Target, ...]:
    if not isinstance(written, str):
        raise UsageError(f"{written!r} is not an address to listen on", 'a text: "stamp://:7862"')
    targets = parse_listen(written)
    for target in targets:
        if not target.traits.is_ip or target.scheme == "nq":
            raise UsageError(f"{written!r} is for netecho serve: other nodes probe none there", '"stamp://:7862"')
    return targets


def _address(written: Any) -> Target:
    if not isinstance(written, str):
        raise UsageError(f"{written!r} is not a target", 'a text: "udp://host:7007"')
    target = parse_target(written)
    if target.is_self:
        raise UsageError("self has a server only for a target of the command line", "name one: udp://localhost:7007")
    return target


def named_apart(targets: Iterable[TargetSettings]) -> tuple[TargetSettings, ...]:
    """Return targets of which those with a name that another has are numbered: as the command line may have them."""
    seen: dict[str, int] = {}
    apart = []
    for each in targets:
        count = seen[each.name] = seen.get(each.name, 0) + 1
        apart.append(each if count == 1 else replace(each, name=f"{each.name} ({count})"))
    return tuple(apart)
