"""Which services of a host a diagnosis is about: what was asked for, and what is looked for beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from netecho.errors import UsageError
from netecho.target import DEFAULT_PORTS, UNPRIVILEGED_STAMP_PORT, Target, parse_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.target import Scheme


class Service(NamedTuple):
    """One address to try."""

    target: Target
    expected: bool
    """Whether it was asked for, or is served by `netecho serve` alone, which was asked for."""


@dataclass(frozen=True, slots=True)
class Services:
    """A host, and what to try there."""

    name: str
    """As it was asked for, in its canonical form."""
    host: str
    every: Sequence[Service]

    def at(self, targets: Sequence[Target]) -> Services:
        """Return the same services where they really are."""
        moved = [service._replace(target=target) for service, target in zip(self.every, targets, strict=True)]
        return replace(self, host=targets[0].host, every=moved)


def parse_services(text: str) -> Services:
    """Read what `netecho diagnose` is to look at. Raises UsageError that names the wrong part.

    A bare host stands for all that `netecho serve` has there: TCP and UDP on port 7007, STAMP on 7862. With a port it
    is TCP and UDP on that one; with a scheme, that alone. The others are looked for on their usual ports as well: they
    can tell more.
    """
    target = parse_target(text)
    if not target.traits.is_ip:
        raise UsageError(f"{text!r} is not on a network", "name a host: netecho diagnose host")
    if "://" in text:
        return _services(target.url, target.host, [target])
    echoes = [target, Target("udp", target.host, target.port)]
    if target.is_self or target.port == DEFAULT_PORTS["tcp"]:
        port = None if target.is_self else UNPRIVILEGED_STAMP_PORT
        return _services(target.host, target.host, [*echoes, Target("stamp", target.host, port)])
    return _services(text, target.host, echoes)


def _services(name: str, host: str, expected: Sequence[Target]) -> Services:
    there = {target.scheme for target in expected}
    usual: tuple[tuple[Scheme, int], ...] = (
        ("tcp", DEFAULT_PORTS["tcp"]),
        ("udp", DEFAULT_PORTS["udp"]),
        ("stamp", UNPRIVILEGED_STAMP_PORT),
        ("stamp", DEFAULT_PORTS["stamp"]),
    )
    others = [Target(scheme, host, port) for scheme, port in usual if scheme not in there or scheme == "stamp"]
    if expected[0].is_self:
        others = []
    others = [target for target in others if target not in expected]
    return Services(
        name, host, [*(Service(each, True) for each in expected), *(Service(each, False) for each in others)]
    )
