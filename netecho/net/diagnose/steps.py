"""The steps of the battery: which there are, in which order, and what each may take.

A step measures for one check or several and returns what they made of it. It does not begin where its time or its bytes
would not suffice, and is ended when the time is over; what is not tested for that, or any other reason, is said.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.diagnose.checks.transports import SOMEBODY
from netecho.diagnose.explain import explained, with_commands
from netecho.diagnose.finding import Diagnosis, NotTested
from netecho.errors import NetechoError, UnreachableError
from netecho.net.diagnose import counters, families, flows, marks, payloads, rates, services, silences, sizes, streams
from netecho.net.diagnose.battery import Battery
from netecho.units import SECOND, spell_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from netecho.diagnose.checks.transports import Reach
    from netecho.diagnose.finding import Check, Finding, Fine, Outcome
    from netecho.net.diagnose.battery import DiagnoseOptions
    from netecho.net.reactor.interfaces import Reactor
    from netecho.net.reactor.runner import Interrupt


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A part of the battery: for which checks it measures, in words, and how."""

    checks: tuple[Check, ...]
    words: str
    measure: Callable[[Battery], Awaitable[Outcome]]
    seconds: float
    """What must be left of the time, so that it begins; and of the bytes."""
    bytes: int
    deep: bool = False


REPORTING = 0.05
"""The share of the time that is left for the report."""
LEAST = 2 * SECOND
"""Nanoseconds in which it is found out what answers, however little time is given."""
INTERRUPTED = "the diagnosis was interrupted"

STEPS: tuple[Step, ...] = (
    Step(checks=("transports",), words="which transports answer", measure=services.measure, seconds=0, bytes=0),
    Step(checks=("names",), words="the name's families", measure=families.measure, seconds=3, bytes=20_000),
    # What takes little time comes before what takes most of it, on a machine that is slow as well.
    Step(checks=("marking",), words="DSCP and ECN", measure=marks.measure, seconds=2, bytes=60_000),
    Step(
        checks=("payload",), words="payloads that gateways rewrite", measure=payloads.measure, seconds=2, bytes=40_000
    ),
    Step(
        checks=("loss", "balancing", "clocks", "translation"),
        words="loss and delay over many flows",
        measure=flows.measure,
        seconds=flows.SECONDS,
        bytes=flows.BYTES,
    ),
    Step(checks=("size",), words="how large packets may be", measure=sizes.measure, seconds=6, bytes=1_500_000),
    Step(checks=("tcp",), words="TCP", measure=streams.measure, seconds=3, bytes=streams.BYTES),
    Step(checks=("rate",), words="limits of rate", measure=rates.measure, seconds=12, bytes=2_000_000, deep=True),
    Step(checks=("timeouts",), words="idle timeouts", measure=silences.measure, seconds=15, bytes=100_000, deep=True),
)


async def diagnose(
    reactor: Reactor,
    interrupt: Interrupt,
    options: DiagnoseOptions,
    progress: Callable[[int, int, str], None],
    every: Sequence[Step] = STEPS,
    began: int | None = None,
) -> Diagnosis:
    """Play the battery, and return what was found; `progress` is told of each step: its number, of how many, words.

    The first step, which is always played, finds out what answers. An interrupt, or the end of the time, which is
    counted from `began` on (without it, from now on), ends it all with what is known so far.
    """
    battery = Battery(reactor, options, began=time.monotonic_ns() if began is None else began)
    left = max(battery.left - int(REPORTING * options.time), LEAST)
    deadline = reactor.callLater(left / SECOND, battery.stop, _out_of_time(options))
    try:
        return await _diagnosed(battery, interrupt, progress, every)
    finally:
        if deadline.active():
            deadline.cancel()


async def _diagnosed(
    battery: Battery, interrupt: Interrupt, progress: Callable[[int, int, str], None], every: Sequence[Step]
) -> Diagnosis:
    options = battery.options
    interrupt.tell(lambda: battery.stop(INTERRUPTED))
    interrupt.tell_of_stops(battery.continued)
    started, before, error = time.time_ns(), counters.read(), None
    outcome: list[Finding | Fine | NotTested] = []
    steps = [step for step in every if options.checks.intersection(step.checks) or step is every[0]]
    for n, step in enumerate(steps, 1):
        progress(n, len(steps), step.words)
        played = await _played(step, battery)
        # The first step says by itself of each service what it came to.
        outcome += played if step is every[0] or not battery.stopped else _cut_short(step, played, battery.why_stopped)
        if step is every[0] and _nobody(battery):
            error = _unreachable(battery.reached, options)
            outcome += [NotTested(check, _nothing(battery.reached)) for step in steps[1:] for check in step.checks]
            break
    if "host" in options.checks:
        outcome += counters.judged(battery, before)
    kept = with_commands(explained([each for each in outcome if each.check in options.checks]), options.services.name)
    return Diagnosis(
        id=str(uuid.uuid4()),
        target=options.services.name,
        address=next((run.result.start.route.address for run in battery.runs), None),
        started=started,
        duration=time.monotonic_ns() - battery.began,
        bytes_sent=battery.bytes_used,
        outcome=kept,
        interrupted=battery.why_stopped == INTERRUPTED,
        label=options.label,
        error=error,
    )


def _nobody(battery: Battery) -> bool:
    """Tell whether no echo answered; an interrupt came before anything could."""
    return battery.why_stopped != INTERRUPTED and not any(each.answer == "echo" for each in battery.reached)


async def _played(step: Step, battery: Battery) -> Outcome:
    why_not = _why_not(step, battery)
    if why_not:
        return tuple(NotTested(check, why_not) for check in step.checks)
    try:
        return await step.measure(battery)
    except NetechoError as error:
        return tuple(NotTested(check, error.sentence) for check in step.checks)


def _cut_short(step: Step, outcome: Outcome, why: str) -> Outcome:
    """Return what a step that was ended before it was over has: a check that says nothing else lacks the time."""
    checks = {each.check for each in outcome if not isinstance(each, NotTested)}
    kept = tuple(each for each in outcome if each.check in checks)
    return (*kept, *(NotTested(check, why) for check in step.checks if check not in checks))


def _out_of_time(options: DiagnoseOptions) -> str:
    return f"out of time: the {spell_time(options.time)} that were given did not suffice; a longer -t"


def _why_not(step: Step, battery: Battery) -> str:
    """Return why a step cannot begin; empty where it can."""
    options = battery.options
    if battery.stopped:
        return battery.why_stopped
    if step.deep and not options.deep:
        return "takes longer than most want to wait: --deep"
    if step.seconds * SECOND > max(battery.left, 0):  # what takes no time to speak of always begins
        return _out_of_time(options)
    if step.bytes > battery.bytes_left:
        return f"would take more than the {options.bytes:,} bytes that were allowed: a larger --max-bytes"
    return ""


def _nothing(reached: Sequence[Reach]) -> str:
    return "nothing echoes" if any(each.answer in SOMEBODY for each in reached) else "nothing answers"


def _unreachable(reached: Sequence[Reach], options: DiagnoseOptions) -> NetechoError:
    tried: dict[str, list[str]] = {}
    for each in reached:
        why = each.detail or ("refused" if each.answer == "refused" else "no answer")
        tried.setdefault(why, []).append(str(each.target))
    if all(each.answer == "failed" for each in reached) and len(tried) == 1:
        return UnreachableError(f"nothing answers at {options.services.host}: {next(iter(tried))}", "check the name")
    listed = "; ".join(f"{', '.join(targets)} ({reason})" for reason, targets in tried.items())
    return UnreachableError(
        f"{_nothing(reached)} at {options.services.host}: {listed}",
        _hint(reached) or "is `netecho serve` running there? a firewall?",
    )


def _hint(reached: Sequence[Reach]) -> str | None:
    """Return what can be done where somebody is there who is no echo."""
    there = next((each.target for each in reached if each.answer in SOMEBODY and each.target.is_stream), None)
    if there is None:
        return None
    return f"without an echo: netecho probe {there} --connect-only; for all else `netecho serve` has to run there"
