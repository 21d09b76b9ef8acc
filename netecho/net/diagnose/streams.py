"""Small and large echoes over TCP, one after the other, and what the stack says of their connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.diagnose.checks.tcp import Observed, judge
from netecho.errors import NetechoError
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from netecho.diagnose.finding import Outcome
    from netecho.diagnose.run import Run
    from netecho.net.diagnose.battery import Battery
    from netecho.target import Target

SMALL, LARGE = 20, 16
LARGE_SIZE = 32 * 1024
BYTES = 2 * LARGE * LARGE_SIZE + 20_000


async def measure(battery: Battery) -> Outcome:
    """Measure, and have judged what TCP met."""
    target = battery.tcp
    if target is None:
        return judge(Observed(None, None, None))
    small, why = await _run(battery, target, count=SMALL, interval=25 * MILLISECOND, sizes=(64,))
    large, why_large = await _run(battery, target, count=LARGE, interval=50 * MILLISECOND, sizes=(LARGE_SIZE,))
    return judge(Observed(small, large, battery.usual, why or why_large))


async def _run(
    battery: Battery, target: Target, *, count: int, interval: int, sizes: tuple[int, ...]
) -> tuple[Run | None, str]:
    try:
        return await battery.measure(target, count=count, interval=interval, sizes=sizes), ""
    except NetechoError as error:
        return None, error.sentence
