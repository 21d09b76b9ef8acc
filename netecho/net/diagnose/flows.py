"""Many source ports side by side with sizes in turn, and a train of packets in close order on one of them.

The first run is what loss, balancing, clocks and NAT are judged by; the train shows reordering and duplicates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.diagnose.checks import balancing, clocks, loss, rate, translation
from netecho.diagnose.finding import NotTested
from netecho.net.diagnose.runs import HEADERS
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from netecho.diagnose.finding import Outcome
    from netecho.net.diagnose.battery import Battery

FLOWS = 32
"""Misses one bad path of 8 in 1.4% of runs."""
RATE = 200
"""Probes a second, of all flows: 1 Mbit/s."""
SHORTEST, LONGEST = 2 * SECOND, 8 * SECOND
SHARE_OF_TIME = 4
"""The run takes a quarter of the time that the whole may take, within these bounds..."""
SHARE_OF_BYTES = 2
"""...and at most half of the bytes that are left."""
SIZES = (160, 640, 1200)
"""Bytes of UDP payload: what every path takes, as IPv6 demands 1,280."""
LOST_AFTER = 3 * SECOND
"""How long a reply is waited for: where the far end stands still for a second, the path has lost nothing."""
TRAIN = 500
SPACING = MILLISECOND
CLOSING = 50 * MILLISECOND
"""After a run, until its port can be bound again."""

_BYTES_PER_SECOND = 2 * RATE * (sum(SIZES) // len(SIZES) + HEADERS)
_BYTES_OF_TRAIN = 2 * TRAIN * (SIZES[0] + HEADERS)
SECONDS = SHORTEST / SECOND + 3
BYTES = SHORTEST // SECOND * _BYTES_PER_SECOND + _BYTES_OF_TRAIN


async def measure(battery: Battery) -> Outcome:
    """Measure, and have loss, balancing, clocks and NAT judged."""
    target = battery.datagrams
    if target is None:
        why = "only TCP answers, which sends again what is lost"
        return tuple(NotTested(check, why) for check in ("loss", "balancing", "clocks", "translation"))
    interval = FLOWS * SECOND // RATE
    count = _duration(battery) // interval
    run = await battery.measure(
        target, count=count, interval=interval, sizes=SIZES, connections=FLOWS, timeout=LOST_AFTER
    )
    train = None
    if not battery.stopped:
        train = await battery.measure(target, count=TRAIN, interval=SPACING, sizes=SIZES[:1])
    stamp, name = run.result.facts.stamp, str(target)
    seen = await mappings(battery)
    narrow = rate.narrow(run)
    queue = 0 if narrow is None else narrow.queue
    return (
        *(() if battery.options.deep else rate.of_flows(run)),  # else rates are tried one by one
        *loss.judge(loss.Observed(run, name, by_flow="balancing" in battery.options.checks, queue=queue)),
        *(() if train is None else loss.duplicates(train)),
        *balancing.judge(balancing.Observed(run, train, name, queue)),
        *clocks.judge(clocks.Observed(None if stamp is None else stamp.oneway, queue)),
        *translation.judge(seen or translation.Observed(None if stamp is None else stamp.location)),
    )


async def mappings(battery: Battery) -> translation.Observed | None:
    """Return how one socket's address arrives at two ports of the far end; None where only one answers STAMP."""
    ports = [each.target for each in battery.reached if each.answer == "echo" and each.target.traits.is_stamp]
    if len(ports) < 2 or "translation" not in battery.options.checks or battery.stopped:
        return None
    ip_options, locations = battery.options.ip_options, []
    for target in ports[:2]:
        run = await battery.measure(target, count=3, interval=20 * MILLISECOND, sizes=SIZES[:1], ip_options=ip_options)
        stamp, route = run.result.facts.stamp, run.result.start.route
        locations.append(None if stamp is None else stamp.location)
        await battery.pause(CLOSING)
        ip_options = ip_options._replace(source=(route.local_address or "", route.local_port or 0))
    return translation.Observed(*locations)


def _duration(battery: Battery) -> int:
    """Return how long flows are watched, nanoseconds."""
    by_time = battery.options.time // SHARE_OF_TIME
    by_bytes = battery.bytes_left // SHARE_OF_BYTES * SECOND // _BYTES_PER_SECOND
    return min(max(min(by_time, by_bytes), SHORTEST), LONGEST)
