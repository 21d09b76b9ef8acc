"""The addresses of the target's name, a family at a time, and how the first of each answers."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Literal

from netecho.diagnose.checks.names import Family, Observed, judge
from netecho.errors import NetechoError
from netecho.measure.loss_reason import LossReason
from netecho.net.client.job import IpOptions
from netecho.net.client.loss import LinkError
from netecho.net.client.resolve import resolve
from netecho.net.diagnose.runs import PATIENCE
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from netecho.diagnose.finding import Outcome
    from netecho.net.diagnose.battery import Battery
    from netecho.target import Target

PROBES = 20
INTERVAL = 20 * MILLISECOND
_VERSIONS: tuple[Literal[4, 6], ...] = (4, 6)


async def measure(battery: Battery) -> Outcome:
    """Resolve the name for each family, probe each, and have judged how they compare."""
    host = battery.options.services.host
    target = battery.datagrams or battery.tcp
    if _is_literal(host) or target is None:
        return judge(Observed(None, None, ()))
    target = target._replace(host=host)  # of which one address was chosen
    families: list[Family] = []
    took: list[int] = []
    wanted = battery.options.ip_options.family
    versions = [version for version in _VERSIONS if wanted in (None, version)]
    await battery.side_by_side([_family(battery, target, version, families, took) for version in versions])
    families.sort(key=lambda each: each.version)
    return judge(Observed(host, max(took, default=None), families))


async def _family(
    battery: Battery, target: Target, version: Literal[4, 6], into: list[Family], took: list[int]
) -> None:
    try:
        addresses, duration = await resolve(
            battery.reactor, target, socket.SOCK_DGRAM, IpOptions(family=version), PATIENCE
        )
    except NetechoError:
        into.append(Family(version=version, addresses=()))
        return
    took.append(duration or 0)
    hosts = [address.host for address in addresses]
    first = target._replace(host=hosts[0])
    try:
        run = await battery.measure(first, count=PROBES, interval=INTERVAL, timeout=PATIENCE)
    except NetechoError as error:
        no_route = isinstance(error, LinkError) and error.why.reason is LossReason.NO_ROUTE
        into.append(Family(version=version, addresses=hosts, trouble=error.sentence, route=not no_route))
        return
    if not run.sent:
        return  # interrupted before anybody could answer
    if run.result.summary.received:
        into.append(Family(version=version, addresses=hosts, run=run))
    else:
        into.append(Family(version=version, addresses=hosts, trouble="no answer"))


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
