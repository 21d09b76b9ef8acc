"""DSCP and ECN: a few packets with each codepoint, and as many without any, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.diagnose.checks.marking import ECN_NAMES, Marked, Observed, judge
from netecho.diagnose.finding import NotTested
from netecho.errors import NetechoError
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from typing import Any

    from netecho.diagnose.finding import Outcome
    from netecho.net.diagnose.battery import Battery
    from netecho.target import Target

DSCPS = (8, 10, 18, 26, 34, 40, 46, 48)
"""CS1, AF11, AF21, AF31, AF41, CS5, EF, CS6: one of each class that networks tell apart."""
ECNS = (1, 2, 3)
PROBES = 6
INTERVAL = 50 * MILLISECOND


async def measure(battery: Battery) -> Outcome:
    """Send with each mark, and have judged what became of it."""
    target = battery.datagrams
    if target is None:
        return (NotTested("marking", "nothing answers datagrams, and the marks of a stream are not ours to choose"),)
    plain: list[Marked] = []
    marked: list[Marked] = []
    sent = [(0, 0, plain), *((dscp, 0, marked) for dscp in DSCPS), *((0, ecn, marked) for ecn in ECNS)]
    await battery.side_by_side([_mark(battery, target, dscp, ecn, into) for dscp, ecn, into in sent])
    marked.sort()
    return judge(Observed(plain[0], marked, str(target)))


async def _mark(battery: Battery, target: Target, dscp: int, ecn: int, into: list[Marked]) -> None:
    chosen: Any = ECN_NAMES[ecn] if ecn else None
    ip_options = battery.options.ip_options._replace(dscp=dscp or None, ecn=chosen)
    try:
        run = await battery.measure(target, count=PROBES, interval=INTERVAL, ip_options=ip_options)
    except NetechoError:
        into.append(Marked(dscp, ecn, PROBES, 0))
        return
    summary, facts = run.result.summary, run.result.facts
    cos = None if facts.stamp is None else facts.stamp.class_of_service
    granted = cos is not None and cos.arrived is not None and not cos.refused
    into.append(
        Marked(
            dscp,
            ecn,
            run.sent,
            summary.received,
            dscp_there=None if cos is None else cos.arrived,
            ecn_there=None if cos is None else cos.ecn_arrived,
            dscp_back=facts.udp.reply_dscp if facts.udp is not None and granted else None,
        )
    )
