"""Scenarios by findings: which were found, which were to be, and how many of them were."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Self

from rich.table import Table
from rich.text import Text

from tests.faults.expected import ABOUT_THIS_MACHINE, EXPECTED, Expected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.play import Run
    from tests.faults.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over some runs: faults and those found; directions and those right; findings that no fault explains."""

    faults: int = 0
    found: int = 0
    directions: int = 0
    right: int = 0
    others: int = 0

    @classmethod
    def of(cls, scenario: Scenario, run: Run) -> Self:
        """One run's. A direction counts where a fault has one and was found."""
        wanted = [EXPECTED[fault.name] for fault in scenario.faults]
        explained = ABOUT_THIS_MACHINE.union(*(each.codes | each.also for each in wanted))
        found = [each for each in wanted if any(told.code in each.codes for told in run.findings)]
        directed = [each for each in found if each.direction is not None]
        return cls(
            faults=sum(bool(each.codes) for each in wanted),
            found=len(found),
            directions=len(directed),
            right=sum(_directions(each, run) == _wanted_directions(each, wanted) for each in directed),
            others=sum(each.code not in explained for each in run.findings),
        )

    def __add__(self, other: Self) -> Score:
        return Score(
            self.faults + other.faults,
            self.found + other.found,
            self.directions + other.directions,
            self.right + other.right,
            self.others + other.others,
        )


def _directions(expected: Expected, run: Run) -> set[str | None]:
    """Which directions the findings that are expected say."""
    told = {each.direction for each in run.findings if each.code in expected.codes}
    return told - {"both"} | {"forward", "backward"} if "both" in told else told


def _wanted_directions(expected: Expected, wanted: Sequence[Expected]) -> set[str | None]:
    """Its own, and those of other faults of the scenario that the same findings tell of."""
    return {each.direction for each in wanted if each.codes & expected.codes}


CAPTION = "green: as it has to be, or true too; yellow: not in every run; red: nothing explains it"


def matrix(scenarios: Sequence[Scenario], runs: Sequence[Run]) -> Table:
    """A row a scenario with its options, and a column a code: in how many runs it was found, and what was to be."""
    codes = sorted({each.code for run in runs for each in run.findings})
    table = Table(title="in how many runs each code was found", caption=CAPTION, padding=0)
    height = max(map(len, codes), default=0)
    for name in ("scenario", "found", "direction right", "other", "s", "kB", *codes):
        # Codes stand upright: there are many of them, over narrow figures.
        head = "\n".join(name.rjust(height)) if name in codes else "\n" * height + name
        table.add_column(head, no_wrap=True, justify="left" if name == "scenario" else "right")
    total = Score()
    for scenario in scenarios:
        for options, own in _by_options([run for run in runs if run.scenario == scenario.name]).items():
            score = sum((Score.of(scenario, run) for run in own), Score())
            total += score
            table.add_row(" ".join((scenario.name, *options)), *_figures(score, own), *_cells(scenario, own, codes))
    table.add_section()
    table.add_row("all", *_figures(total, runs))
    return table


def _by_options(runs: Sequence[Run]) -> dict[tuple[str, ...], list[Run]]:
    found: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        found.setdefault(run.options, []).append(run)
    return found


def _figures(score: Score, runs: Sequence[Run]) -> list[str]:
    return [
        _percent(score.found, score.faults),
        _percent(score.right, score.directions),
        f"{score.others / len(runs):.2f}",
        f"{fmean(run.seconds for run in runs):.1f}",
        f"{fmean(run.octets for run in runs) / 1000:.0f}",
    ]


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def _cells(scenario: Scenario, runs: Sequence[Run], codes: Sequence[str]) -> list[Text]:
    wanted = [EXPECTED[fault.name] for fault in scenario.faults]
    told = Counter(code for run in runs for code in {each.code for each in run.findings})

    def cell(code: str) -> Text:
        if any(code in each.codes for each in wanted):
            return Text(str(told[code]), "bold green" if told[code] == len(runs) else "bold yellow")
        explained = code in ABOUT_THIS_MACHINE.union(*(each.also for each in wanted))
        return Text(str(told[code] or ""), "green" if explained else "bold red")

    return [cell(code) for code in codes]
