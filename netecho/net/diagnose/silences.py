"""Flows that are silent for a time, all side by side, and what is left of them afterwards."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, DeferredList

from netecho.diagnose.checks.timeouts import Observed, Silence, judge
from netecho.errors import NetechoError
from netecho.measure.loss_reason import LossReason
from netecho.net.client.reflected_control import ReflectedControl
from netecho.net.client.resolve import resolve
from netecho.net.diagnose.runs import PATIENCE
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from typing import Any

    from netecho.diagnose.finding import Outcome
    from netecho.net.client.resolve import Address
    from netecho.net.diagnose.battery import Battery
    from netecho.net.reactor.interfaces import DelayedCall
    from netecho.target import Target

LONGEST = 180 * SECOND
"""Above what RFC 4787 asks of a NAT."""
SHARE = 0.8
"""Of the time that is left, what the longest silence may take."""
STEP = SECOND
"""From one silence to the next, over UDP."""
STREAM_STEP = 5 * SECOND
KEEPALIVE = 3 * SECOND
SPREAD = 5 * MILLISECOND
"""From the beginning of one flow to the next."""


async def measure(battery: Battery) -> Outcome:
    """Let flows be silent for each of many lengths, and have judged which were remembered."""
    longest = min(LONGEST, int(SHARE * battery.left)) // SECOND * SECOND
    udp: list[Silence] = []
    tcp: list[Silence] = []
    kept: list[bool] = []
    tasks: list[Any] = []
    if battery.stamp is not None:
        addresses, _ = await resolve(
            battery.reactor, battery.stamp, socket.SOCK_DGRAM, battery.options.ip_options, PATIENCE
        )
        lengths = range(STEP, longest + 1, STEP)
        tasks += [_datagrams(battery, addresses[0], length, n, udp) for n, length in enumerate(lengths)]
        tasks.append(_kept_alive(battery, addresses[0], longest, kept))
    if (target := battery.tcp) is not None:
        tasks += [_stream(battery, target, length, tcp) for length in range(STREAM_STEP, longest + 1, STREAM_STEP)]
    await DeferredList([Deferred.fromCoroutine(task) for task in tasks], consumeErrors=True)
    return judge(
        Observed(
            udp,
            tcp,
            kept[0] if kept else None,
            why_no_udp=battery.why_stopped
            or "no flow came to its silence: the far end must answer STAMP's TLV 12 (netecho serve)",
            why_no_tcp=battery.why_stopped or "no connection came to its silence",
        )
    )


def _control(battery: Battery, address: Address) -> ReflectedControl:
    options = battery.options
    return ReflectedControl(battery.reactor, address, options.ip_options, options.stamp_options.key)


async def _datagrams(battery: Battery, address: Address, length: int, number: int, into: list[Silence]) -> None:
    """Have the far end answer at once, and again after a silence."""
    await battery.pause(number * SPREAD)
    control = _control(battery, address)
    leave = battery.on_stop(control.close)
    try:
        asked = await control.ask(control.least, 0, 2, length, timeout=PATIENCE)
    finally:
        leave()
        control.close()
    if asked.as_asked and asked.arrived(0) and not battery.stopped:
        into.append(Silence(length, asked.arrived(1)))


async def _kept_alive(battery: Battery, address: Address, length: int, into: list[bool]) -> None:
    """Have the far end answer again after the longest silence of its own, while this end sends now and then."""
    control = _control(battery, address)
    leave = battery.on_stop(control.close)
    call: list[DelayedCall] = []

    def keep() -> None:
        Deferred.fromCoroutine(control.ask(control.least, 0, timeout=PATIENCE)).addErrback(lambda _: None)
        call[:] = [battery.reactor.callLater(KEEPALIVE / SECOND, keep)]

    try:
        keep()
        asked = await control.ask(control.least, 0, 2, length, timeout=PATIENCE)
    finally:
        for each in call:
            each.cancel()
        leave()
        control.close()
    if asked.as_asked and asked.arrived(0) and not battery.stopped:
        into.append(asked.arrived(1))


async def _stream(battery: Battery, target: Target, length: int, into: list[Silence]) -> None:
    """Echo something over a connection, and again after a silence."""
    try:
        run = await battery.measure(target, count=2, interval=length, timeout=2 * SECOND)
    except NetechoError:
        return
    if len(run.fates) < 2 or run.fates[0].rtt is None or run.fates[1].reason in (LossReason.CLOSED, LossReason.RESET):
        return
    into.append(Silence(length, run.fates[1].rtt is not None))
