"""What is wrong, and where: the direction that has the queue, its length, a grade, one sentence.

A queue is where the median delay grew by more than `FEW` in a phase that loads its direction. Where the far end stamps
(STAMP) each direction's own delay says so; else the round trip does, and it is the direction whose load made it grow.
How long the queue is, is what the delay grew by at most: p99, so that a stall of one end does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from netecho.errors import UnreachableError
from netecho.load.phases import ENOUGH, was_refused
from netecho.load.run import LOADS
from netecho.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from netecho.errors import NetechoError
    from netecho.load.phases import PhaseSummary, TransferSummary
    from netecho.load.run import Loaded, LoadRun, PhaseRun, Transfer

FEW = 5 * MILLISECOND
"""Added delay up to which there is no queue to speak of."""
GRADES = (("A+", 5), ("A", 30), ("B", 60), ("C", 200), ("D", 400))
"""Each with the most milliseconds of added delay it is given for; F beyond them."""
LATE = 2 * MILLISECOND
"""p99 of the probes' lag above which this machine, and not the network, may be what was measured."""
WINDOW_LIMITED = 50.0
"""Percent of the time above which the receiver's window, and not the line, was what limited."""
LOSSY = 2.0
"""Percent of lost probes, or of segments that were sent again without a queue, above which it is said."""
APART = 20 * MILLISECOND
"""What TCP has to wait longer than probes do, for another queue than theirs: less may be the machines' own."""
_SEGMENT = 1448
"""Bytes of payload in a full segment on Ethernet, with timestamps."""

By = Literal["one-way delay", "round trip", "handshakes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The queue of one direction."""

    direction: Loaded
    delay: int
    """How long a packet waits in it when it is full, nanoseconds."""
    bytes: int | None
    """What that is at the goodput it had; None where that is not known."""
    goodput: float | None
    by: By
    """What says so: delays of this direction; or, under load of this direction, the probes' round trips or, where these
    do not see it, the handshakes of new connections."""


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
    under_load = [each for each in phases if LOADS[each.phase]]
    loaded = [each for each in under_load if each.added is not None and each.ended - each.began >= ENOUGH]
    idle = next((each for each in phases if each.phase == "idle"), None)
    queues = tuple(
        queue for direction in ("upload", "download") if (queue := _queue(direction, loaded, idle)) is not None
    )
    added = max((each.added for each in loaded if each.added is not None), default=None)
    worst = max((queue.delay for queue in queues if queue.by == "handshakes"), default=0)
    late = any(each.lag.p99 is not None and each.lag.p99 > LATE for each in phases)
    return Verdict(
        grade=None if added is None else grade(max(added, worst)),
        added=added,
        queues=queues,
        sentence=_sentence(queues, added, under_load),
        late=late,
        remarks=tuple(_remarks(phases, idle, queues, late=late)),
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
    moved = bool(transfer.readings) and transfer.readings[-1].bytes > 0
    return moved and not was_refused(transfer, phase)


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
    by: By = "one-way delay"
    grown, delays, before = getattr(phase, f"added_{name}"), getattr(phase, name), getattr(idle, name)
    if grown is None and alone:
        grown, by, delays, before = phase.added, "round trip", phase.rtt, idle.rtt
    delay = None
    if grown is not None and grown > FEW and delays.p99 is not None and before.p50 is not None:
        delay = delays.p99 - before.p50
    elif alone and (waited := _apart(phase.connecting, phase, idle)) is not None:
        delay, by = waited, "handshakes"
    if delay is None:
        return None
    goodput = next((each.goodput for each in phase.transfers if each.direction == direction), None)
    return Queue(
        direction=direction,
        delay=delay,
        bytes=None if goodput is None else round(goodput * delay / SECOND / 8),
        goodput=goodput,
        by=by,
    )


def _apart(round_trip: int | None, phase: PhaseSummary, idle: PhaseSummary | None) -> int | None:
    """Return what a round trip of TCP is longer than an idle one, where that is far more than probes beside it say."""
    if round_trip is None or idle is None or idle.rtt.p50 is None or phase.added is None:
        return None
    grown = round_trip - idle.rtt.p50
    return grown if grown > APART + 2 * max(0, phase.added) else None


def _sentence(queues: Sequence[Queue], added: int | None, under_load: Sequence[PhaseSummary]) -> str:
    if added is None:
        if any(each.added is not None for each in under_load):
            return "nothing can be said: no load lasted long enough for a queue (a larger --max-bytes)"
        if any(each.bytes for phase in under_load for each in phase.transfers):
            return "nothing can be said: no probe was answered beside a load"
        return "nothing can be said: no phase under load was measured beside an idle one"
    if not queues and added <= FEW:
        return f"no queue to speak of: the load added {_milliseconds(added)} at most"
    if not queues:
        return f"the load added {_milliseconds(added)}, and no direction alone did"
    said = " and ".join(_said(queue) for queue in queues)
    return f"the queue is in the {said}{_how({queue.by for queue in queues})}"


def _how(by: set[By]) -> str:
    if "handshakes" in by:
        return "; new connections wait in it, and probes do not: they are in another class"
    return ", as far as round trips tell" if "round trip" in by else ""


def _said(queue: Queue) -> str:
    rate = "" if queue.goodput is None else f" at {queue.goodput / 1e6:.3g} Mbit/s"
    size = "" if queue.bytes is None else f", about {queue.bytes / 1000:,.0f} kB"
    return f"{queue.direction}: {_milliseconds(queue.delay)}{rate}{size}"


def _remarks(
    phases: Sequence[PhaseSummary], idle: PhaseSummary | None, queues: Sequence[Queue], *, late: bool
) -> list[str]:
    said = []
    if late:
        worst = max(each.lag.p99 or 0 for each in phases)
        said.append(f"the probes left late, {_milliseconds(worst)} at p99: delays may be this machine's own")
    for each in phases:
        if each.sent and 100 * each.lost / each.sent > LOSSY:
            said.append(f"{each.phase}: {100 * each.lost / each.sent:.1f}% of the probes were lost")
        if each.transfers and not each.rtt.count:
            said.append(f"{each.phase}: no probe was answered in its steady part")
        if not queues:
            said += [word for one in each.transfers for word in _without_a_queue(one, each, idle)]
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
        said += [
            f"{each.phase}: the upload lost no segment, so its queue was not full: it may become longer than it did"
            for one in each.transfers
            if one.retransmits == 0 and any(queue.direction == one.direction for queue in queues)
        ]
        said += [f"{each.phase}: the {one.direction} ended early: {one.ended}" for one in each.transfers if one.ended]
    return said


def _without_a_queue(transfer: TransferSummary, phase: PhaseSummary, idle: PhaseSummary | None) -> Iterator[str]:
    """Say of an upload, of which this end is the sender, what it met where probes saw no queue."""
    if transfer.direction != "upload":
        return
    if transfer.retransmits and transfer.bytes:
        share = 100 * transfer.retransmits * _SEGMENT / transfer.bytes
        if share > LOSSY:
            yield (
                f"{phase.phase}: {share:.0f}% of the upload's segments were sent again, and no queue grew: the line"
                " drops what is too much (a policer), or loses"
            )
    own = _apart(transfer.smoothed_rtt, phase, idle)
    if own is not None:
        yield (
            f"{phase.phase}: the upload's own connections waited {_milliseconds(own)}, and others did not: each flow"
            " has a queue of its own"
        )


def _milliseconds(nanoseconds: int) -> str:
    value = nanoseconds / MILLISECOND
    return f"{value:.0f} ms" if value >= 10 else f"{max(value, 0.0):.1f} ms"
