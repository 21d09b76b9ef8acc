"""Which transports answer: a few probes to each service, side by side; then whether a proxy answers TCP."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from netecho.diagnose.checks.transports import MUTE, Observed, Proxy, Reach, judge
from netecho.diagnose.services import Service
from netecho.errors import NetechoError, UnreachableError
from netecho.measure.loss_reason import Loss, LossReason
from netecho.net.client.loss import LinkError
from netecho.net.client.resolve import resolve
from netecho.net.diagnose.runs import PATIENCE
from netecho.stamp.packet import TTL
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.diagnose.checks.transports import Answer
    from netecho.diagnose.finding import Outcome
    from netecho.diagnose.run import Run
    from netecho.net.diagnose.battery import Battery
    from netecho.target import Target

PROBES = 6
INTERVAL = 20 * MILLISECOND
LOST_SYN = 4 * SECOND
"""A timeout within which a SYN is sent three times: again after 1 s, and 2 s later (RFC 6298)."""

_ANSWERS: dict[LossReason, Answer] = {
    LossReason.REFUSED: "refused",
    LossReason.RESET: "refused",
    LossReason.TIMEOUT: "silent",
    LossReason.NOT_CONNECTED: "silent",
    LossReason.ICMP_UNREACHABLE: "prohibited",
    LossReason.NO_ROUTE: "prohibited",
    LossReason.TLS_ALERT: "untrusted",
}


async def measure(battery: Battery) -> Outcome:
    """Try each service, and say which transports get through."""
    every = battery.options.services.every
    hosts = await first_hosts(battery, every[0].target)
    reached: dict[Target, Reach] = {}

    async def look(service: Service) -> None:
        reached[service.target] = await _reach(battery, service)

    tried = [[each._replace(target=each.target._replace(host=host)) for each in every] for host in hosts]
    await battery.side_by_side([look(service) for services in tried for service in services])
    # Of several addresses the one where most services answer is what all else is measured at: `names` tells of others.
    each_way = [[reached[service.target] for service in services] for services in tried]
    best = max(each_way, key=lambda reaches: sum(each.answer == "echo" for each in reaches))
    battery.reached = await _again(battery, best)
    proxy, why_not = await _proxy(battery)
    return judge(Observed(battery.reached, proxy, why_not))


async def first_hosts(battery: Battery, target: Target) -> list[str]:
    """Return the target's first address of each family, as the resolver prefers them; a literal as it is."""
    try:
        addresses, _ = await resolve(battery.reactor, target, socket.SOCK_DGRAM, battery.options.ip_options, PATIENCE)
    except UnreachableError:
        return [target.host]  # whoever connects says why
    first = {address.family: address.host for address in reversed(addresses)}
    return [first[family] for family in dict.fromkeys(address.family for address in addresses)]


async def _again(battery: Battery, reached: Sequence[Reach]) -> Sequence[Reach]:
    """Try once more, and for longer, what was silent and should not be: a SYN may have been lost.

    Also where all were: nothing else would be tried there.
    """
    second = {each.target: each for each in reached}

    async def look(target: Target) -> None:
        again = await _reach(battery, Service(target, expected=True), LOST_SYN)
        if again.answer == "echo" or not battery.stopped:
            second[target] = again

    if not battery.stopped:
        silent = [each.target for each in reached if each.answer in ("silent", "mute") and each.expected]
        await battery.side_by_side([look(target) for target in silent])
    return [second[each.target] for each in reached]


async def _reach(battery: Battery, service: Service, timeout: int = PATIENCE) -> Reach:
    target, expected = service
    try:
        run = await battery.measure(target, count=PROBES, interval=INTERVAL, timeout=timeout)
    except LinkError as error:
        return Reach(target=target, answer=_answer(error.why), expected=expected, detail=error.why.detail)
    except NetechoError as error:
        return Reach(target=target, answer="failed", expected=expected, detail=error.sentence)
    if battery.stopped and not run.sent:
        return Reach(target=target, answer="failed", expected=expected, detail=battery.why_stopped)
    return _read(run, service)


def _read(run: Run, service: Service) -> Reach:
    target, expected = service
    summary = run.result.summary
    if (summary.corrupt and summary.corrupt == summary.received) or (summary.stray and not summary.received):
        what = (
            f"{summary.corrupt:,} of {summary.received:,} answers are no echo"
            if summary.corrupt
            else "what it sends answers no probe"
        )
        return Reach(target=target, answer="other", expected=expected, detail=what)
    if summary.received:
        return Reach(target=target, answer="echo", expected=expected, rtt=summary.rtt.min)
    lost = next((Loss(fate.reason, fate.detail) for fate in run.fates if fate.reason), Loss(LossReason.TIMEOUT))
    if target.is_stream and lost.reason is LossReason.TIMEOUT:  # or there would be no connection, and no run
        return Reach(target=target, answer="mute", expected=expected, detail=MUTE)
    return Reach(target=target, answer=_answer(lost), expected=expected, detail=lost.detail)


def _answer(why: Loss) -> Answer:
    return _ANSWERS.get(why.reason, "failed")


async def _proxy(battery: Battery) -> tuple[Proxy | None, str]:
    """Connect over TCP with a time to live that a packet has used up before the far end; or say why not.

    A STAMP reflector says with which time to live requests arrive there, so how many routers there are.
    """
    if battery.tcp is None:
        return None, ""
    if battery.stamp is None or battery.stopped:
        return None, "without a STAMP reflector nobody says how far the far end is"
    hops = _hops(battery)
    if not hops:
        return None, "" if hops == 0 else "the far end does not say with which time to live packets arrive"
    ip_options = battery.options.ip_options._replace(ttl=hops)
    try:
        run = await battery.measure(
            battery.tcp, count=2, interval=INTERVAL, connect_only=True, ip_options=ip_options, timeout=500 * MILLISECOND
        )
    except NetechoError:
        return Proxy(hops, connected=False), ""
    return Proxy(hops, connected=run.result.summary.received > 0), ""


def _hops(battery: Battery) -> int | None:
    """Return the number of routers on the way to the reflector; None where it does not say."""
    for run in battery.runs:
        stamp = run.result.facts.stamp
        if stamp is not None and stamp.ttl.arrived_max and stamp.ttl.sent == TTL:
            return TTL - stamp.ttl.arrived_max
    return None
