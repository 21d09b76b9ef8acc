"""Faster and faster, until a limit shows; then once more at twice what passed, for its rate and its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.diagnose.checks.rate import HEADERS, Observed, is_late, is_steady, judge, limit
from netecho.net.diagnose.runs import HEADERS as COUNTED
from netecho.units import SECOND

if TYPE_CHECKING:
    from netecho.diagnose.finding import Outcome
    from netecho.diagnose.run import Run
    from netecho.net.diagnose.battery import Battery
    from netecho.target import Target

RATES = (1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000, 32_000_000)
"""bit/s, in each direction."""
SIZE = 1200
LENGTH = 2 * SECOND
AGAIN = 4 * SECOND
"""The run by which the rate is told."""
ATTEMPTS = 3
PATIENCE = 2 * SECOND


async def measure(battery: Battery) -> Outcome:
    """Measure at rising rates, within the bytes that are left, and have judged what they met."""
    runs: list[tuple[int, Run]] = []
    target = battery.stamp
    if target is None:
        return judge(Observed(runs, "needs a STAMP reflector, whose timestamps tell a queue from a loss"))
    for rate in RATES:
        if battery.stopped or not _affordable(battery, rate, LENGTH):
            break
        run = await _run(battery, target, rate, LENGTH)
        if battery.stopped:  # what was cut short may not have come to the limit
            break
        runs.append((rate, run))
        if is_late(run):
            break
        found = limit(run)
        if found is not None:
            runs += await _again(battery, target, int(min(max(2 * found.rate, rate), RATES[-1])))
            break
    return judge(Observed(runs, "the bytes that were allowed did not suffice: a larger --max-bytes"))


async def _again(battery: Battery, target: Target, rate: int) -> list[tuple[int, Run]]:
    """Run once more at this rate, and again where a moment in which this machine stood still made it unsteady."""
    runs: list[tuple[int, Run]] = []
    while len(runs) < ATTEMPTS and not battery.stopped and _affordable(battery, rate, AGAIN):
        run = await _run(battery, target, rate, AGAIN)
        if battery.stopped:
            break
        runs.append((rate, run))
        if is_steady(run) and not is_late(run):
            break
    return runs


async def _run(battery: Battery, target: Target, rate: int, length: int) -> Run:
    interval = 8 * (SIZE + HEADERS) * SECOND // rate
    return await battery.measure(
        target,
        within=length + PATIENCE,
        count=length // interval,
        interval=interval,
        sizes=(SIZE,),
        timeout=PATIENCE,
    )


def _affordable(battery: Battery, rate: int, length: int) -> bool:
    packets = rate * length // SECOND // (8 * (SIZE + HEADERS))
    needed = 2 * packets * (SIZE + COUNTED)
    return battery.bytes_used + needed <= battery.options.bytes and battery.left > length + PATIENCE
