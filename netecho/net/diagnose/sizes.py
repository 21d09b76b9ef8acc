"""How large packets may be, a direction at a time: long requests with short replies, and the other way about.

Where the far end sends no replies of another length (STAMP's TLV 12), echoes as long as their requests say what both
directions take. Where no datagrams pass, or connections hang though they do, segments of TCP say it.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, gatherResults

from netecho.diagnose.checks.size import FRAGMENTED, Observed, Streamed, is_hole, judge
from netecho.diagnose.finding import NotTested
from netecho.diagnose.mtu_search import MtuSearch, Tried
from netecho.errors import NetechoError
from netecho.measure.loss_reason import TIMED_OUT, LossReason
from netecho.net.client.loss import LinkError
from netecho.net.client.reflected_control import ReflectedControl
from netecho.net.client.resolve import resolve
from netecho.net.diagnose import segments
from netecho.net.diagnose.counters import interface_of
from netecho.net.diagnose.runs import PATIENCE
from netecho.net.diagnose.search import Way, searched
from netecho.net.linux.interfaces import mtu_of
from netecho.stamp.control import Obedience
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from netecho.diagnose.checks.size import PathMtu, Segments
    from netecho.diagnose.finding import Direction, Outcome
    from netecho.net.client.control_socket import NetworkError
    from netecho.net.client.job import IpOptions
    from netecho.net.client.reflected_control import Asked
    from netecho.net.client.resolve import Address
    from netecho.net.diagnose.battery import Battery
    from netecho.target import Target

HEADERS = {socket.AF_INET: 28, socket.AF_INET6: 48}
"""Of IP and UDP, in bytes."""
TRIES = 3
"""Packets of a size, before it is said not to pass..."""
MOST_TRIES = 8
"""...and those of which it is not known whether anything could come through, as well."""
WAIT = 200 * MILLISECOND
"""For a reply, beside twice the round trip."""
STEP_BACK = 4
"""Replies of a reflector other than netecho's have a multiple of so many bytes (RFC 10052 section 3)."""
STREAMED = 16 * 1024


async def measure(battery: Battery) -> Outcome:
    """Search in each direction, and have judged what was found."""
    target = battery.stamp or battery.udp
    if target is None:
        return await _by_segments(battery)
    addresses, _ = await resolve(battery.reactor, target, socket.SOCK_DGRAM, battery.options.ip_options, PATIENCE)
    found, why_not = await _each_way(battery, addresses[0]), ""
    together = None
    if not found:
        why_not = "the far end sends no replies of another length than the request's (STAMP's TLV 12)"
        together = await _together(battery, target, HEADERS[addresses[0].family])
    if battery.stopped:  # what was being tried may look as if it had vanished
        return (NotTested("size", battery.why_stopped),)
    stream = await _stream(battery)  # what follows is left out where it is cut short
    # A hole that datagrams fell into is why connections hang.
    hangs = stream is not None and not stream.came_through
    hangs = hangs and not any(is_hole(each) for each in (*found.values(), together))
    return judge(
        Observed(
            forward=found.get("forward"),
            backward=found.get("backward"),
            together=together,
            why_not=why_not,
            stream=stream,
            segments=await _segments(battery) if hangs else None,
            fragments=await _fragments(battery),
            target=str(target),
            headers=HEADERS[addresses[0].family],
        )
    )


async def _segments(battery: Battery) -> Segments | None:
    """Return what segments of TCP say, where there is TCP, and time for all of them."""
    if battery.stream is None:
        return None
    found = await segments.measure(battery, battery.stream)
    return None if battery.stopped else found


async def _by_segments(battery: Battery) -> Outcome:
    """Judge by TCP alone."""
    target = battery.stream
    if target is None:
        return judge(Observed(why_not="no echo answers"))
    found = await segments.measure(battery, target)
    if battery.stopped:
        return (NotTested("size", battery.why_stopped),)
    why_not = "only TCP answers, of which this system does not say enough"
    return judge(Observed(why_not=why_not, stream=await _stream(battery), segments=found))


async def _each_way(battery: Battery, address: Address) -> dict[Direction, PathMtu]:
    """Return what was found in each direction; nothing where the far end does not know TLV 12."""
    if battery.stamp is None:
        return {}
    options = battery.options
    found: dict[Direction, PathMtu] = {}
    control = ReflectedControl(battery.reactor, address, options.ip_options, options.stamp_options.key)
    leave = battery.on_stop(control.close)
    try:
        wait = WAIT + 2 * (battery.usual or 0)
        learnt = await control.learn(wait)
        if learnt.obedience in (None, Obedience.UNKNOWN):
            return {}
        headers = HEADERS[address.family]
        there = _There(battery, control, headers, wait)
        back = _Back(battery, control, headers, wait, 1 if control.has_cookie else STEP_BACK)
        ways = await gatherResults(
            [Deferred.fromCoroutine(searched(each, battery, MtuSearch(step=each.step))) for each in (there, back)],
            consumeErrors=True,
        )
        found = {"forward": ways[0], "backward": ways[1]}
    finally:
        leave()
        control.close()
    return found


class Datagrams(Way):
    """One direction: how a size is tried."""

    def __init__(self, battery: Battery, control: ReflectedControl, headers: int, wait: int, step: int = 1) -> None:
        self._battery = battery
        self.step = step
        self._control = control
        self._headers = headers
        self._wait = wait

    async def fates(self, sizes: Iterable[int]) -> dict[int, Tried]:
        """Try each size, all side by side, up to `TRIES` times.

        A time does not count in which the smallest packet did not come through either: this machine, or the far one,
        may have stood still.
        """
        fates: dict[int, Tried] = {}
        left = list(sizes)
        errors: list[NetworkError] = []
        counted = 0
        for _ in range(MOST_TRIES):
            left = [size for size in left if fates.get(size, _VANISHED).fate == "vanished"]
            if not left or self._battery.stopped or counted == TRIES:
                break
            tried = [*(size - self._headers for size in left), self._control.least]
            *asked, smallest = await gatherResults([Deferred.fromCoroutine(self.ask(size)) for size in tried])
            counted += bool(smallest.replies)
            self._battery.bytes_used += sum(left) + self._control.least * len(left)
            errors += [error for each in asked for error in each.errors]
            fates |= {size: _fate(size, each, errors) for size, each in zip(left, asked, strict=True)}
        return fates

    async def ask(self, size: int) -> Asked:
        """Ask for one reply, with `size` bytes in this direction."""
        raise NotImplementedError


class _There(Datagrams):
    async def ask(self, size: int) -> Asked:
        return await self._control.ask(size, 0, timeout=self._wait)


class _Back(Datagrams):
    async def ask(self, size: int) -> Asked:
        return await self._control.ask(self._control.least, size, timeout=self._wait)


_VANISHED = Tried("vanished")


def _fate(size: int, asked: Asked, errors: Sequence[NetworkError]) -> Tried:
    if asked.as_asked and asked.replies:
        return Tried("passed")
    if asked.replies:
        return Tried("local", detail="the far end's own interface takes no more")
    for error in errors:  # of any of those that were on the way: an ICMP message says how much passes, not of which
        if error.loss.reason is LossReason.TOO_LARGE and error.mtu is not None and size > error.mtu:
            return Tried("local" if error.local else "refused", error.mtu, error.loss.detail)
    return _VANISHED


class _Together(Way):
    """Both directions: echoes as long as what was sent."""

    def __init__(self, battery: Battery, target: Target, headers: int) -> None:
        self._battery = battery
        self._target = target
        self._headers = headers
        interface = interface_of(battery)
        self._mtu = None if interface is None else mtu_of(interface)

    async def fates(self, sizes: Iterable[int]) -> dict[int, Tried]:
        """Echo each size, up to `TRIES` times each."""
        ip_options = self._battery.options.ip_options._replace(dont_fragment=True)
        fates: dict[int, Tried] = {}

        async def echo(size: int) -> None:
            fates[size] = await self._echoed(size, ip_options)

        await self._battery.side_by_side([echo(size) for size in sizes])
        return fates

    async def _echoed(self, size: int, ip_options: IpOptions) -> Tried:
        try:
            run = await self._battery.measure(
                self._target, count=TRIES, interval=WAIT, sizes=(size - self._headers,), ip_options=ip_options
            )
        except NetechoError as error:
            lost = error.why if isinstance(error, LinkError) else TIMED_OUT
            return fate_of_echo(size, lost.reason, lost.detail, self._mtu)
        if run.result.summary.received:
            return Tried("passed")
        worst = next((fate for fate in run.fates if fate.reason is LossReason.TOO_LARGE), run.fates[0])
        return fate_of_echo(size, worst.reason, worst.detail, self._mtu)


def fate_of_echo(size: int, reason: LossReason | None, detail: str, interface_mtu: int | None) -> Tried:
    """Return what became of a packet of `size` bytes that was lost for this reason.

    After an ICMP message the system itself refuses what is larger for ten minutes: the interface would take it.
    """
    if reason is not LossReason.TOO_LARGE:
        return _VANISHED
    if "ICMP" in detail:
        return Tried("refused", detail=detail)
    if interface_mtu is not None and size <= interface_mtu:
        return Tried("refused", detail=segments.TOLD)
    return Tried("local", detail=detail)


async def _together(battery: Battery, target: Target, headers: int) -> PathMtu:
    """Search with echoes as long as their requests."""
    return await searched(_Together(battery, target, headers), battery, MtuSearch())


async def _stream(battery: Battery) -> Streamed | None:
    """Return how a TCP connection fares that has much to say; None where there is none."""
    if battery.stream is None:
        return None
    try:
        run = await battery.measure(battery.stream, count=4, interval=100 * MILLISECOND, sizes=(STREAMED,))
    except NetechoError:
        return Streamed(mss=None, came_through=False)
    if battery.stopped:
        return None
    tcp = run.result.facts.tcp
    return Streamed(mss=None if tcp is None else tcp.mss, came_through=run.result.summary.received > 0)


async def _fragments(battery: Battery) -> bool | None:
    """Return whether packets that may be fragmented come through at the full size of Ethernet's."""
    if battery.udp is None:
        return None
    try:
        run = await battery.measure(
            battery.udp, count=TRIES, interval=20 * MILLISECOND, sizes=(FRAGMENTED,), timeout=PATIENCE // 2
        )
    except NetechoError:
        return None
    return None if battery.stopped else run.result.summary.received > 0
