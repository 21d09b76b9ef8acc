"""Policers and shapers: what becomes of packets that are sent faster and faster.

A policer drops what is above its rate, and delays nothing; a shaper lets it wait in a queue, and drops what finds no
room there. Requests and replies are as long as each other, so both directions carry the same; the far end's timestamps
and counts say in which of them it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from netecho.diagnose.checks.loss import direction as direction_of_losses
from netecho.diagnose.finding import Figure, Finding, Fine, NotTested
from netecho.diagnose.words import ON_THE_WAY, percent, rate as speed, time
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.diagnose.finding import Direction, Outcome
    from netecho.diagnose.run import Run

HEADERS = 28
"""Of IPv4 and UDP: what limits count as well."""
LOSSY = 0.05
"""A share of a run's probes that was lost, from which on it met a limit."""
QUEUED = 20 * MILLISECOND
"""A wait in a queue, from which on that is what the limit makes."""
LATE = 200 * MILLISECOND
"""A lateness of most sends that makes the rate untrue which was asked for; less is counted in, probe by probe."""
_HELD_BACK = 0.03
"""The share of a rate that must be missing behind a queue, so that it is full."""
_STRETCHES = 5
_FEW = 4
_UNSTEADY = 0.15
"""The share by which the rate of one of these stretches of a run may differ from that of all."""
_WHOLE_BUCKET = 0.5
"""The share of a run after which the bucket of a policer is taken to be empty, or the queue to be there."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Runs at rising rates, the last of which met a limit, if one did. Rates are bit/s, headers counted in."""

    runs: Sequence[tuple[int, Run]]
    why_not: str = ""


class Limit(NamedTuple):
    """What a run met."""

    kind: Literal["policer", "shaper"]
    direction: Direction | None
    rate: float
    """bit/s, headers counted in."""
    queue: int
    """The longest wait, nanoseconds."""
    burst: float
    """Bytes that passed at once before anything was lost."""


def judge(observed: Observed) -> Outcome:
    """Say whether there is a limit, of which kind and at which rate."""
    if not observed.runs:
        return (NotTested("rate", observed.why_not),)
    offered, run = observed.runs[-1]
    if is_late(run):
        before = [rate for rate, earlier in observed.runs if not is_late(earlier) and limit(earlier) is None]
        passed = (Fine("rate", _pass(before[-1])),) if before else ()
        return (*passed, NotTested("rate", f"this machine did not keep up with {speed(offered)}"))
    found = limit(run)
    if found is None:
        return (Fine("rate", _pass(offered)),)
    if not is_steady(run):
        return (NotTested("rate", f"of {speed(offered)} packets were lost, but not as a limit loses them"),)
    return (_finding(found, offered, run),)


def _pass(rate: int) -> str:
    return f"{speed(rate)} in each direction pass without loss or queue"


def is_steady(run: Run) -> bool:
    """Tell whether what got through came at one rate: losses of a busy machine, at either end, come in clumps."""
    passed = _passed(run, None)
    if len(passed) < _STRETCHES * _FEW or passed[0][0] == passed[-1][0]:
        return False
    first, last = passed[0][0], passed[-1][0]
    since = first + _WHOLE_BUCKET * (last - first)
    length = (last - since) / _STRETCHES
    counts = [0] * _STRETCHES
    for at, _ in passed:
        if at >= since:
            counts[min(int((at - since) / length), _STRETCHES - 1)] += 1
    usual = sum(counts) / _STRETCHES
    return all(abs(count - usual) <= max(_UNSTEADY * usual, 3 * usual**0.5) for count in counts)


def is_late(run: Run) -> bool:
    """Tell whether a run's probes left so late that its rate is not what was asked for."""
    lag = run.result.summary.lag.p50
    return lag is not None and lag > LATE


def limit(run: Run) -> Limit | None:
    """Return the limit that a run met; None where there was none."""
    forward, backward = _queues(run)
    lossy = run.sent > 0 and run.lost / run.sent > LOSSY
    if max(forward, backward) >= QUEUED:
        way: Direction | None = "forward" if forward >= backward else "backward"
        return Limit("shaper", way, _rate(run, way), max(forward, backward), 0.0)
    if not lossy:
        return None
    way = direction_of_losses(run)
    rate = _rate(run, way)
    return Limit("policer", way, rate, max(forward, backward), _burst(run, rate))


def narrow(run: Run) -> Limit | None:
    """Return the queue that a run met which was not sent to find one: a link that is slower, or busier, than it.

    None where what was sent got through as fast as it came, however long it waited, or waits came and went (radio).
    """
    forward, backward = _queues(run)
    if max(forward, backward) < QUEUED or is_late(run) or not is_steady(run):
        return None
    found = limit(run)
    if found is None or not _stands(run, found) or found.rate >= (1 - _HELD_BACK) * sent_rate(run):
        return None
    return found


def _stands(run: Run, found: Limit) -> bool:
    """Tell whether most packets of the second half waited half as long as the longest did, or longer."""
    delays = _delays(run, found.direction)
    later = sorted(delays[int(_WHOLE_BUCKET * len(delays)) :])
    return later[len(later) // 4] - min(delays) >= found.queue / 2


def sent_rate(run: Run) -> float:
    """Return at which rate a run's probes left in its second half, bit/s."""
    left = sorted((fate.scheduled + fate.lag, fate.size + HEADERS) for fate in run.of_the_network)
    return _rate_of(left)


def of_flows(run: Run) -> Outcome:
    """Say which limit a run met that was not sent to find one; nothing where it met none.

    What is lost in it may be more than what the queue has no room for: that is worth a warning.
    """
    found = narrow(run)
    if found is None:
        return ()
    finding = _finding(found, round(sent_rate(run)), run)
    return (replace(finding, severity="warning") if run.lost else finding,)


def _queues(run: Run) -> tuple[int, int]:
    """Return how long packets waited at most, in each direction: beyond what the fastest took."""
    forward, backward = _delays(run, "forward"), _delays(run, "backward")
    if not forward or not backward:
        return 0, 0
    return _wait(forward), _wait(backward)


def _delays(run: Run, way: Direction | None) -> list[int]:
    ways = [fate.delays for fate in run.fates if fate.delays is not None]
    each = [delays.backward if way == "backward" else delays.forward for delays in ways]
    return [delay for delay in each if delay is not None]


def _wait(delays: Sequence[int]) -> int:
    """Return the longest wait, where the queue stood to the end; 0 where it was emptied.

    What a machine that stood still for a moment then sends at once waits too, in a queue that says nothing of a limit.
    """
    least, ordered = min(delays), sorted(delays)
    later = sorted(delays[int(_WHOLE_BUCKET * len(delays)) :])
    stood = later[len(later) // 4] - least >= QUEUED
    return ordered[int(0.95 * (len(ordered) - 1))] - least if stood else 0


def _passed(run: Run, way: Direction | None) -> list[tuple[float, int]]:
    """Return when each packet was through the limit, and its bytes, in the order of time."""
    passed: list[tuple[float, int]] = []
    for fate in run.fates:
        if fate.rtt is None:
            continue
        waited = 0
        if fate.delays is not None and fate.delays.forward is not None and fate.delays.backward is not None:
            # The way there counts for both, the way back for a limit that is on it.
            waited = fate.delays.forward + (fate.delays.backward if way == "backward" else 0)
        passed.append((fate.scheduled + fate.lag + waited, fate.size + HEADERS))
    return sorted(passed)


def _rate(run: Run, way: Direction | None) -> float:
    """Return the rate at which packets got through the limit, once its bucket was empty or its queue was there."""
    return _rate_of(_passed(run, way))


def _rate_of(passed: Sequence[tuple[float, int]]) -> float:
    """Return the rate of packets in the second half of the time they took, bit/s."""
    if not passed:
        return 0.0
    first, last = passed[0][0], passed[-1][0]
    since = first + _WHOLE_BUCKET * (last - first)
    counted = [(at, size) for at, size in passed if at >= since]
    if len(counted) < 2 or counted[-1][0] == counted[0][0]:
        return 0.0
    return 8 * sum(size for _, size in counted[1:]) * SECOND / (counted[-1][0] - counted[0][0])


def _burst(run: Run, rate: float) -> float:
    """Return how many bytes passed before the first loss, beyond those that the rate allows."""
    passed, began = 0, run.fates[0].scheduled + run.fates[0].lag
    for fate in run.of_the_network:
        if fate.rtt is None:
            return max(0.0, passed - rate * (fate.scheduled + fate.lag - began) / (8 * SECOND))
        passed += fate.size + HEADERS
    return passed


def _again(offered: int, run: Run) -> str:
    size = max(fate.size for fate in run.fates)
    return f"netecho probe {run.result.start.route.url} -s {size} -r {max(1, offered // (8 * (size + HEADERS)))} -t 4s"


def _finding(found: Limit, offered: int, run: Run) -> Finding:
    way = ON_THE_WAY[found.direction]
    if found.kind == "policer":
        what = f"dropped {way}, and nothing waits: a policer"
        extra = Figure("burst", found.burst, "bytes")
    else:
        what = f"kept waiting {way}, up to {time(found.queue)}: a shaper"
        extra = Figure("queue", found.queue, "time")
    share = run.lost / run.sent
    return Finding(
        check="rate",
        code="policer" if found.kind == "policer" else "shaper",
        severity="warning" if found.kind == "policer" else "info",
        direction=found.direction,
        confidence="certain",
        sentence=f"What is above {speed(found.rate)} is {what}. Of {speed(offered)} {percent(share)} were lost.",
        evidence=(
            Figure("rate", found.rate, "bit/s"),
            Figure("offered", offered, "bit/s"),
            Figure("loss", 100 * share, "percent"),
            extra,
        ),
        otherwise="A link of that rate; one with a short queue drops like a policer."
        if found.kind == "policer"
        else "A link of that rate, with other traffic on it or not.",
        command=_again(offered, run),
    )
