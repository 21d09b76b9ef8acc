"""What a check is given to judge: runs made of the fate of each probe, counted by a real recorder."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from netecho.diagnose.run import Fate, Run
from netecho.measure.facts import NO_FACTS, TransportFacts
from netecho.measure.facts.stamp import ClassOfServiceFacts, LocationFacts, StampFacts, TtlFacts
from netecho.measure.loss_reason import DROPPED_HERE, Loss, LossReason
from netecho.measure.oneway.delays import Direction, OneWaySummary
from netecho.measure.oneway.loss import LossByDirection
from netecho.measure.plan import Plan
from netecho.measure.recorder import Recorder
from netecho.measure.result import Result
from netecho.measure.stats.distribution import NO_VALUES
from netecho.report.document.settings import settings_section
from tests.report.runs import START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Literal

    from netecho.measure.facts.stamp import Endpoint
    from netecho.measure.oneway.clock_offset import Line

MS = 1_000_000
FLOWS, SIZES = 32, (160, 640, 1200)
BETWEEN = 5 * MS
"""From one probe to the next, of whichever flow."""
FIRST_PORT = 40_000
USUAL = 20 * MS
"""A round trip on the way these runs take."""


def schedule(flows: int = FLOWS, count: int = 50, sizes: Sequence[int] = SIZES) -> list[Fate]:
    """All probes of a run over many flows, as the battery sends them, each answered after the usual time."""
    return [
        Fate((n * flows + flow) * BETWEEN, flow, sizes[n % len(sizes)], USUAL)
        for n in range(count)
        for flow in range(flows)
    ]


def losing(fates: Iterable[Fate], which: Callable[[Fate], bool]) -> list[Fate]:
    """The same probes, of which some were lost."""
    return [each._replace(rtt=None, reason=LossReason.TIMEOUT) if which(each) else each for each in fates]


def delaying(fates: Iterable[Fate], by: Callable[[Fate], float]) -> list[Fate]:
    """The same probes, answered later by so much."""
    return [each if each.rtt is None else each._replace(rtt=each.rtt + round(by(each))) for each in fates]


def at_random(share: float, seed: int = 1) -> Callable[[Fate], bool]:
    """Choose each probe with the same probability, independently."""
    random = Random(seed)
    return lambda _: random.random() < share


def in_bursts(share: float, length: float, seed: int = 1) -> Callable[[Fate], bool]:
    """Choose probes in bursts of a mean length (Gilbert 1960), a share of all."""
    random, bad = Random(seed), False

    def chosen(_: Fate) -> bool:
        nonlocal bad
        bad = random.random() >= 1 / length if bad else random.random() < share / length / (1 - share)
        return bad

    return chosen


def between(start: int, end: int) -> Callable[[Fate], bool]:
    """Choose the probes that were due in these nanoseconds."""
    return lambda fate: start <= fate.scheduled < end


def run(
    fates: Iterable[Fate],
    *,
    facts: TransportFacts = NO_FACTS,
    duplicate: int = 0,
    reordered: int = 0,
    dropped_here: int = 0,
    pending: int = 0,
    lag: int = 50_000,
) -> Run:
    """A run to which this happened."""
    fates = sorted(fates, key=lambda fate: (fate.scheduled, fate.connection))
    connections = sorted({fate.connection for fate in fates})
    recorder = Recorder(by_size=len({fate.size for fate in fates}) > 1, connections=len(connections))
    flows = {n: recorder.flow(n) for n in connections}
    for n, flow in flows.items():
        flow.local = ("192.0.2.1", FIRST_PORT + n)
    for seq, fate in enumerate(fates):
        recorder.sent(lag)
        if fate.rtt is None:
            recorder.lost(fate.size, Loss(fate.reason or LossReason.TIMEOUT, fate.detail), flows[fate.connection])
        else:
            recorder.replied(flows[fate.connection], seq, fate.rtt, True, lag + fate.rtt, fate.size)
        if fate.corrupt_at is not None:
            recorder.corrupted()
    for _ in range(duplicate):
        recorder.duplicated()
    for _ in range(reordered):
        recorder.reordered()
    for _ in range(dropped_here):
        recorder.sent(lag)
        recorder.lost(64, DROPPED_HERE)
    for _ in range(pending):
        recorder.sent(lag)
    recorder.pending(pending)
    start = START._replace(settings=settings_section(Plan(count=len(fates))))
    result = Result(start=start, duration=8_000 * MS, interrupted=False, summary=recorder.summary(), facts=facts)
    return Run(result, tuple(fates))


def train(
    count: int = 500, *, lost: int = 0, reordered: int = 0, duplicate: int = 0, facts: TransportFacts = NO_FACTS
) -> Run:
    """Packets in close order on one flow."""
    fates = [Fate(n * MS, 0, 160, USUAL) for n in range(count)]
    fates = losing(fates, lambda fate: fate.scheduled < lost * MS)
    return run(fates, reordered=reordered, duplicate=duplicate, facts=facts)


def stamp(
    loss: LossByDirection | None = None,
    *,
    line: Line | None = None,
    clock: Literal["synced", "estimated"] | None = "estimated",
    location: LocationFacts | None = None,
    overtaken: tuple[int | None, int | None] = (0, 0),
) -> TransportFacts:
    """What a STAMP reflector told of a run."""
    return TransportFacts(
        stamp=StampFacts(
            authenticated=False,
            oneway=oneway(loss, line=line, clock=clock, overtaken=overtaken),
            class_of_service=ClassOfServiceFacts(sent=0),
            ttl=TtlFacts(sent=255, arrived=255, arrived_min=255, arrived_max=255),
            location=location,
        )
    )


def oneway(
    loss: LossByDirection | None = None,
    *,
    line: Line | None = None,
    clock: Literal["synced", "estimated"] | None = "estimated",
    overtaken: tuple[int | None, int | None] = (0, 0),
) -> OneWaySummary:
    """What its timestamps and numbers told."""
    return OneWaySummary(
        clock=clock,
        forward=Direction(delay=NO_VALUES),
        backward=Direction(delay=NO_VALUES),
        processing=NO_VALUES,
        here=None,
        there=None,
        line=line,
        stateful=True,
        loss=loss or LossByDirection(),
        overtaken_forward=overtaken[0],
        overtaken_backward=overtaken[1],
    )


def location(
    here: Endpoint = ("192.0.2.1", FIRST_PORT),
    there: Endpoint | None = None,
    *,
    destination: Endpoint = ("198.51.100.7", 7862),
    destination_there: Endpoint | None = None,
    changes: int = 0,
) -> LocationFacts:
    """A session's ends, which arrive as they left where nothing else is said."""
    return LocationFacts(
        source=here,
        destination=destination,
        source_there=there or here,
        destination_there=destination_there or destination,
        changes=changes,
    )
