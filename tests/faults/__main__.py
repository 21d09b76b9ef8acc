"""`python -m tests.faults [SCENARIO]...`: play each scenario and print which findings came of which fault."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.matrix import matrix
from tests.faults.play import Run, play_all
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.topology import refusal
from tests.program import COMMAND


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SCENARIO", help="only these, such as loss-forward; all without")
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="of each (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="add a line for each run, once it is over")
    parser.add_argument("--deep", action="store_true", help="all with --deep, not only what is found by it alone")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="scenarios at once (default: 2)")
    parser.add_argument(
        "--command", default=shlex.join([*COMMAND, "diagnose"]), help="what is run, before `--json TARGET`"
    )
    parser.add_argument("--list", action="store_true", help="say what there is, and play nothing")
    asked = parser.parse_args()
    scenarios = [each for each in SCENARIOS if not asked.names or each.name in asked.names]
    if not scenarios:
        parser.error("no such scenario; see --list")
    if asked.list:
        Console().print(_listing(scenarios))
        return 0
    reason = refusal()
    if reason is not None:
        parser.error(reason)
    runs = []
    deep = ("--deep",) if asked.deep else ()
    for run in play_all(scenarios * asked.runs, shlex.split(asked.command), asked.jobs, deep):
        _progress(run)
        runs.append(run)
        if asked.json:  # at once: who stops it after an hour has that hour
            with asked.json.open("a") as file:
                file.write(json.dumps(asdict(run)) + "\n")
    # Wide enough for all columns where it goes to a file.
    Console(width=None if sys.stdout.isatty() else 250).print(matrix(scenarios, runs))
    return 0


def _listing(scenarios: list[Scenario]) -> Table:
    table = Table("scenario", "what is wrong")
    for each in scenarios:
        table.add_row(each.name, each.sentence)
    return table


def _progress(run: Run) -> None:
    said = ", ".join(f"{each.code} {each.direction or ''}".strip() for each in run.findings) or "nothing"
    name = " ".join((run.scenario, *run.options))
    print(f"{name} ({run.seconds:.1f} s): {run.trouble or said}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
