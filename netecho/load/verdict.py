"""What is wrong, and where: the direction that has the queue, its length, a grade, one sentence.

A queue is where the median delay grew by more than `FEW` in a phase that loads its direction. Where the far end stamps
(STAMP) each direction's own delay says so; else the round trip does, and it is the direction whose load made it grow.
How long the queue is, is what the delay grew by at most: p99, so that a stall of one end does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.errors import UnreachableError
from netecho.load.run import LOADS
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.errors import NetechoError
    from netecho.load.phases import PhaseSummary
    from netecho.load.run import Loaded, LoadRun, PhaseRun, Transfer

FEW = 5 * MILLISECOND
"""Added delay up to which there is no queue to speak of."""
GRADES = (("A+", 5), ("A", 30), ("B", 60), ("C", 200), ("D", 400))
"""Each with the most milliseconds of added delay it is given for; F beyond them."""
ENOUGH = 9 * SECOND // 10
"""A load that was over sooner says nothing of queues."""
LATE = 2 * MILLISECOND
"""p99 of the probes' lag above which this machine, and not the network, may be what was measured."""
WINDOW_LIMITED = 50.0
"""Percent of the time above which the receiver's window, and not the line, was what limited."""
LOSSY = 2.0
"""Percent of lost probes above which it is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The queue of one direction."""

    direction: Loaded
    delay: int
    """How long a packet waits in it when it is full, nanoseconds."""
    bytes: int | None
    """What that is at the goodput it had; None where that is not known."""
    goodput: float | None
    measured: bool
    """Whether one-way delays say so; else the round trip's growth under load of this direction does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run comes to."""

    grade: str | None
    """None where there is nothing to judge by."""
    added: int | None
    """The largest of all phases."""
    queues: tuple[Queue, ...]
    sentence: str
    late: bool
    """Whether the probes left so late that the figures may be this machine's own."""
    remarks: tuple[str, ...] = ()


def judge(phases: Sequence[PhaseSummary]) -> Verdict:
    """Return what the figures of a run's phases come to."""
    under_load = [each for each in phases if LOADS[each.phase] and each.added is not None]
    loaded = [each for each in under_load if each.ended - each.began >= ENOUGH]
    idle = next((each for each in phases if each.phase == "idle"), None)
    queues = tuple(
        queue for direction in ("upload", "download") if (queue := _queue(direction, loaded, idle)) is not None
    )
    added = max((each.added for each in loaded if each.added is not None), default=None)
    late = any(each.lag.p99 is not None and each.lag.p99 > LATE for each in phases)
    return Verdict(
        grade=None if added is None else grade(added),
        added=added,
        queues=queues,
        sentence=_sentence(queues, added, cut_short=bool(under_load)),
        late=late,
        remarks=tuple(_remarks(phases, late=late)),
    )


def error_of(run: LoadRun) -> NetechoError | None:
    """Return why a run did not do what it was to: nothing answered, or nothing was loaded; None where it did.

    What was interrupted did what it could.
    """
    loaded = any(_was_loaded(each, phase) for phase in run.phases for each in phase.transfers)
    if run.error is not None or loaded or run.interrupted:
        return run.error
    ended = [each.ended for phase in run.phases for each in phase.transfers if each.ended is not None]
    missing = [each.reason for each in run.not_tested if each.what in LOADS]
    why = "; ".join(dict.fromkeys(ended or missing)) or "nothing moved"
    hint = None if ended else "on the far end: netecho serve nq://; or --url, a large file on any HTTP server"
    return UnreachableError(f"nothing was loaded: {why}", hint)


def _was_loaded(transfer: Transfer, phase: PhaseRun) -> bool:
    # Of an upload that is refused the far end's kernel takes some before anybody there has read its headers.
    moved = bool(transfer.readings) and transfer.readings[-1].bytes > 0
    return moved and not (transfer.refused and phase.ended - phase.began < ENOUGH)


def grade(added: int) -> str:
    """Return the grade of an added delay in nanoseconds."""
    return next((name for name, most in GRADES if added <= most * MILLISECOND), "F")


def _queue(direction: Loaded, phases: Sequence[PhaseSummary], idle: PhaseSummary | None) -> Queue | None:
    """Return the queue of a direction, of the phase that loads it alone, or else of the one that loads both."""
    loading = [each for each in phases if direction in LOADS[each.phase]]
    # Side by side, the acknowledgements of one load wait in the other's queue, and it is slower: alone says it best.
    for alone in (True, False):
        found = [
            queue
            for each in loading
            if (LOADS[each.phase] == (direction,)) is alone
            and idle is not None
            and (queue := _queue_in(direction, each, idle, alone=alone)) is not None
        ]
        if found:
            return max(found, key=lambda queue: queue.delay)
    return None


def _queue_in(direction: Loaded, phase: PhaseSummary, idle: PhaseSummary, *, alone: bool) -> Queue | None:
    name = "forward" if direction == "upload" else "backward"
    grown = getattr(phase, f"added_{name}")
    measured = grown is not None
    delays, before = (getattr(phase, name), getattr(idle, name)) if measured else (phase.rtt, idle.rtt)
    if not measured:
        if not alone:
            return None
        grown = phase.added
    if grown is None or grown <= FEW or delays.p99 is None or before.p50 is None:
        return None
    goodput = next((each.goodput for each in phase.transfers if each.direction == direction), None)
    delay = delays.p99 - before.p50
    return Queue(
        direction=direction,
        delay=delay,
        bytes=None if goodput is None else round(goodput * delay / SECOND / 8),
        goodput=goodput,
        measured=measured,
    )


def _sentence(queues: Sequence[Queue], added: int | None, *, cut_short: bool) -> str:
    if added is None and cut_short:
        return "nothing can be said: no load lasted long enough for a queue (a larger --max-bytes)"
    if added is None:
        return "nothing can be said: no phase under load was measured beside an idle one"
    if not queues and added <= FEW:
        return f"no queue to speak of: the load added {_milliseconds(added)} at most"
    if not queues:
        return f"the load added {_milliseconds(added)}, and no direction alone did"
    said = " and ".join(_said(queue) for queue in queues)
    how = "" if all(queue.measured for queue in queues) else ", as far as round trips tell"
    return f"the queue is in the {said}{how}"


def _said(queue: Queue) -> str:
    rate = "" if queue.goodput is None else f" at {queue.goodput / 1e6:.3g} Mbit/s"
    size = "" if queue.bytes is None else f", about {queue.bytes / 1000:,.0f} kB"
    return f"{queue.direction}: {_milliseconds(queue.delay)}{rate}{size}"


def _remarks(phases: Sequence[PhaseSummary], *, late: bool) -> list[str]:
    said = []
    if late:
        worst = max(each.lag.p99 or 0 for each in phases)
        said.append(f"the probes left late, {_milliseconds(worst)} at p99: delays may be this machine's own")
    for each in phases:
        if each.sent and 100 * each.lost / each.sent > LOSSY:
            said.append(f"{each.phase}: {100 * each.lost / each.sent:.1f}% of the probes were lost")
        said += [
            f"{each.phase}: the {one.direction} waited for the receiver's window {one.window_limited:.0f}% of the time:"
            " a queue may become longer than it did"
            for one in each.transfers
            if one.window_limited is not None and one.window_limited > WINDOW_LIMITED
        ]
        if any(one.short_of_memory for one in each.transfers):
            said.append(
                f"{each.phase}: this system was short of memory for TCP (tcp_mem), which makes windows narrow: a queue"
                " may become longer than it did"
            )
        said += [f"{each.phase}: the {one.direction} ended early: {one.ended}" for one in each.transfers if one.ended]
    return said


def _milliseconds(nanoseconds: int) -> str:
    value = nanoseconds / MILLISECOND
    return f"{value:.0f} ms" if value >= 10 else f"{max(value, 0.0):.1f} ms"
