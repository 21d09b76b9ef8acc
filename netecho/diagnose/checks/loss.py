"""Loss: its rate with an interval, in which direction, at which sizes, in bursts or spread; and duplicates.

Looks at one run over several flows and sizes. Where flows fare differently, that is for `balancing` to say; where
sizes do, one size is named and not the rate of all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from netecho.diagnose.finding import Figure, Finding, Fine, NotTested
from netecho.diagnose.statistics import bursts, design_effect, differ, interval, is_in_a_row, two_groups
from netecho.diagnose.words import ON_THE_WAY, between, many, percent, time

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.diagnose.finding import Direction, Outcome, Severity, Unit
    from netecho.diagnose.run import Fate, Run
    from netecho.diagnose.statistics import Bursts, Interval
    from netecho.measure.oneway.loss import LossByDirection

WORTH_A_WARNING = 0.002
"""A share lost from which on applications suffer: TCP's throughput falls with its square root."""
CRITICAL = 0.05
FEWEST = 3
"""Losses below which nothing is said but that they happened."""
LOST_OF = "lost_of_"
"""What the names of the shares begin with that were lost of each size."""
_SILENT = 20
"""Probes at the end of a run without an answer, from which on the far end is said to have gone silent."""
_ONE_WAY = 0.8
"""A share of the losses whose direction is known, from which on that is the direction."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A run over several flows, whose sizes take turns."""

    run: Run
    target: str
    """What `netecho probe` is given to show it again."""
    by_flow: bool = True
    """Whether `balancing` is judged as well, which then says what concerns some flows alone."""
    queue: int = 0
    """How long packets waited in a queue that was full, nanoseconds: who is lost there depends on who comes when."""


def judge(observed: Observed) -> Outcome:
    """Say whether probes were lost, and if so all that is known of it."""
    run = observed.run
    if not run.sent:
        return (NotTested("loss", "no probe was sent"),)
    return _loss(observed)


def direction(run: Run) -> Direction | None:
    """Return in which direction a run's probes were lost; None where nobody can say."""
    stamp = run.result.facts.stamp
    return None if stamp is None else of(stamp.oneway.loss)


def of(loss: LossByDirection) -> Direction | None:
    """Return the direction of most of the losses whose direction is known; None where too few are."""
    known = loss.forward + loss.backward
    if known < FEWEST or known < loss.unknown:
        return None
    return mostly(loss.forward, loss.backward)


def mostly(forward: float, backward: float) -> Direction | None:
    """Return the direction that has most of something; None where neither has anything."""
    if not forward + backward:
        return None
    if forward >= _ONE_WAY * (forward + backward):
        return "forward"
    return "backward" if backward >= _ONE_WAY * (forward + backward) else "both"


def _loss(observed: Observed) -> Outcome:
    run = observed.run
    if not run.lost:
        most = interval(0, run.sent).high
        return (Fine("loss", f"{many(run.sent, 'probe')}, none lost: less than {percent(most)} with 95% confidence"),)
    if observed.queue:
        return (_of_all(observed),)
    if observed.by_flow and by_flow(run):
        return ()  # `balancing` says so
    effect = max(design_effect(_rounds(run.of_the_network)), _effect(run))
    by_size = differ(_by(run.of_the_network, lambda fate: fate.size), effect)
    return (_of_sizes(observed) if by_size else _of_all(observed),)


def by_flow(run: Run) -> bool:
    """Tell whether some flows lose more than others; bursts of all flows, each of them one event, do not count.

    Nor do flows that send one after the other: a queue that each round fills hits those that come last in it.
    """
    parts = _by(run.of_the_network, lambda fate: fate.connection)
    return differ(parts, _effect(run)) and not is_in_a_row(two_groups(parts).high, len(parts))


def _effect(run: Run) -> float:
    found = _bursts(run)
    return 1.0 if found is None else found.around


def _bursts(run: Run) -> Bursts | None:
    # In the order in which they left: on a busy machine that is not always that of the schedule.
    left = sorted(run.of_the_network, key=lambda fate: fate.scheduled + fate.lag)
    return bursts([fate.rtt is None for fate in left])


def _silent_since(run: Run) -> int | None:
    """Return when the last answer was due, if most losses come after all answers; None where they do not."""
    last = max((fate.scheduled for fate in run.of_the_network if fate.rtt is not None), default=None)
    if last is None:
        return None
    after = sum(fate.scheduled > last for fate in run.of_the_network)
    return last if after > run.lost / 2 and after >= _SILENT else None


def _rounds(fates: tuple[Fate, ...]) -> list[list[tuple[int, int]]]:
    """Return the losses of each size by the rounds in which flows send it, one flow after the other.

    An outage of a tenth of a second takes most of a round, of one size by chance.
    """
    rounds: dict[int, list[tuple[int, int]]] = {}
    for size, each in groupby(fates, key=lambda fate: fate.size):
        lost = [fate.rtt is None for fate in each]
        rounds.setdefault(size, []).append((sum(lost), len(lost)))
    return list(rounds.values())


def _by(fates: tuple[Fate, ...], key: Callable[[Fate], int]) -> list[tuple[int, int]]:
    sent: Counter[int] = Counter()
    lost: Counter[int] = Counter()
    for fate in fates:
        part = key(fate)
        sent[part] += 1
        lost[part] += fate.rtt is None
    return [(lost[part], sent[part]) for part in sorted(sent)]


def _of_all(observed: Observed) -> Finding:
    run = observed.run
    where, share = direction(run), run.lost / run.sent
    found = _bursts(run)
    length = None if found is None else found.length
    bounds = _bounds(run, length)
    manner = "spread evenly" if length is None else f"in bursts of {length:.1f} on average"
    if run.lost < FEWEST:
        manner = "too few to say how"
    elif observed.queue:
        manner = f"in a queue that was full, in which packets waited up to {time(observed.queue)}"
    elif (since := _silent_since(run)) is not None:
        manner = f"most of them since {time(since)} after the start, from when on nothing was answered"
    return Finding(
        check="loss",
        code="loss" if length is None else "loss-bursts",
        severity=_severity(run.lost, share),
        direction=where,
        confidence="certain" if run.lost >= FEWEST else "possible",
        sentence=f"{percent(share)} of {many(run.sent, 'probe')} were lost {ON_THE_WAY[where]}, {manner}:"
        f" {between(bounds)} with 95% confidence.",
        evidence=(*_evidence(run, bounds), Figure("burst_length", length)),
        otherwise="A server or a limit at the far end that drops what it does not answer in time looks the same.",
        command=f"netecho probe {observed.target} -r 200 -t 10s --connections 8",
    )


def _of_sizes(observed: Observed) -> Finding:
    run = observed.run
    sizes = sorted({fate.size for fate in run.of_the_network})
    parts = dict(zip(sizes, _by(run.of_the_network, lambda fate: fate.size), strict=True))
    worst = max(parts, key=lambda size: parts[size][0] / parts[size][1])
    lost, sent = parts[worst]
    where, share = direction(run), lost / sent
    return Finding(
        check="loss",
        code="loss-by-size",
        severity=_severity(lost, share),
        direction=where,
        confidence="certain",
        sentence=f"{percent(share)} of the probes of {worst:,} bytes were lost {ON_THE_WAY[where]}, of the others"
        f" {percent((run.lost - lost) / max(run.sent - sent, 1))}: what is lost depends on the size.",
        evidence=(
            *_evidence(run, _bounds(run)),
            *(Figure(f"{LOST_OF}{size}_bytes", *_share(parts[size])) for size in sizes),
        ),
        otherwise="A path MTU below that size, with nobody who says so (a black hole)."
        if all(lost in (0, sent) for lost, sent in parts.values())
        else "A link with bit errors loses long packets more often than short ones; a limit by bytes does, too.",
        command=f"netecho probe {observed.target} -s {sizes[0]}..{sizes[-1]}:{max(1, (sizes[-1] - sizes[0]) // 4)}"
        " -c 200 -i 5ms",
    )


def _share(part: tuple[int, int]) -> tuple[float, Unit]:
    return 100 * part[0] / part[1], "percent"


def _severity(lost: int, share: float) -> Severity:
    if lost < FEWEST or share < WORTH_A_WARNING:
        return "info"
    return "critical" if share >= CRITICAL else "warning"


def _bounds(run: Run, length: float | None = None) -> Interval:
    """Return where the share lost lies; of losses in bursts, each burst is one event."""
    return interval(round(run.lost / (length or 1)), round(run.sent / (length or 1)))


def _evidence(run: Run, bounds: Interval) -> tuple[Figure, ...]:
    stamp = run.result.facts.stamp
    ways = None if stamp is None else stamp.oneway.loss
    if ways is not None and not ways.forward + ways.backward:
        ways = None  # of none it is known
    return (
        Figure("sent", run.sent),
        Figure("lost", run.lost),
        Figure("loss", 100 * run.lost / run.sent, "percent"),
        Figure("loss_low", 100 * bounds.low, "percent"),
        Figure("loss_high", 100 * bounds.high, "percent"),
        Figure("lost_forward", None if ways is None else ways.forward),
        Figure("lost_backward", None if ways is None else ways.backward),
    )


def duplicates(run: Run) -> Outcome:
    """Say whether replies came more than once, in a run of its own."""
    duplicate = run.result.summary.duplicate
    if duplicate < FEWEST or duplicate < WORTH_A_WARNING * run.sent:
        return ()
    return (
        Finding(
            check="loss",
            code="duplicates",
            severity="warning",
            direction=_of_duplicates(run),
            confidence="certain",
            sentence=f"{duplicate:,} replies came more than once,"
            f" of {many(run.sent, 'probe')}: packets are duplicated on the way.",
            evidence=(Figure("sent", run.sent), Figure("duplicate", duplicate)),
            otherwise="A far end that answers twice looks the same.",
            command=f"netecho probe {run.result.start.route.url} -c {run.sent} -i 1ms",
        ),
    )


def _of_duplicates(run: Run) -> Direction | None:
    """Return where packets were doubled: a request that was has two replies with numbers of their own."""
    stamp = run.result.facts.stamp
    if stamp is None or stamp.oneway.repeated_forward is None or stamp.oneway.repeated_backward is None:
        return None
    return mostly(stamp.oneway.repeated_forward, stamp.oneway.repeated_backward)
