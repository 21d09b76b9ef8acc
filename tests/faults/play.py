"""A command that diagnoses, against a scenario: what it found, and what that cost."""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults.fault import faulty_network, serve
from tests.program import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from tests.faults.scenarios import Scenario
    from tests.faults.topology import Network

PATIENCE = 400
"""Seconds after which a diagnosis is taken for hung."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What stands in a diagnosis: the code, and `forward`, `backward` or None."""

    code: str
    direction: str | None
    sentence: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A scenario that was played once. `octets` are those of the client's interface, both ways."""

    scenario: str
    findings: tuple[Finding, ...]
    seconds: float
    octets: int
    options: tuple[str, ...] = ()
    """What the command was given beside the target."""
    not_tested: tuple[str, ...] = ()
    trouble: str | None = None
    """Why there is no diagnosis."""
    document: Mapping[str, Any] | None = None
    """All that the command said."""


def play(scenario: Scenario, command: Sequence[str], options: Sequence[str] = ()) -> Run:
    """Make the network with its server, run the command with options on the client, and leave nothing of it."""
    with faulty_network(scenario.faults) as made:
        serve(made, scenario.faults)
        before, began = made.octets(), time.monotonic()
        done = _run(made, [*command, *options, "--json", scenario.target])
        seconds, octets = time.monotonic() - began, made.octets() - before
    try:
        told = json.loads(done.stdout)
        findings = tuple(
            Finding(each["code"], each["direction"], each.get("sentence", "")) for each in told["findings"]
        )
        not_tested = tuple(f"{each['check']}: {each['reason']}" for each in told.get("not_tested", ()))
        trouble = None
    except (ValueError, KeyError, TypeError):
        told, findings, not_tested, trouble = None, (), (), f"exit code {done.returncode}: {done.stderr or done.stdout}"
    return Run(
        scenario=scenario.name,
        findings=findings,
        seconds=seconds,
        octets=octets,
        options=tuple(options),
        not_tested=not_tested,
        trouble=trouble,
        document=told,
    )


def _run(made: Network, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    # Killed inside: to kill what we started would leave its child, with our pipes, until the network ends.
    limited = made.command("client", "timeout", "--signal=KILL", str(PATIENCE), *command)
    return subprocess.run(limited, capture_output=True, text=True, check=False, env=environment())


def play_all(
    scenarios: Sequence[Scenario], command: Sequence[str], jobs: int, options: Sequence[str] = ()
) -> Iterator[Run]:
    """Play several at once, then those that want the machine for themselves; each run as soon as it is done.

    Each with the options that its faults take, or with these.
    """
    pool = ThreadPoolExecutor(jobs)
    try:
        beside = [each for each in scenarios if not each.alone]
        played = [pool.submit(play, each, command, options or each.options) for each in beside]
        yield from (each.result() for each in as_completed(played))
    finally:
        pool.shutdown(cancel_futures=True)
    for scenario in scenarios:
        if scenario.alone:
            yield play(scenario, command, options or scenario.options)
