"""What a benchmark is, rounds and medians, the table and the JSON."""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from tests.benchmarks import tools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Figure(NamedTuple):
    """A row of the table. `goal` is what issue and README promise; a peer's figure has none."""

    name: str
    unit: str
    goal: tuple[Literal["<=", ">=", "="], float] | None = None
    digits: int = 1


class Scale(NamedTuple):
    """How much is measured."""

    quick: bool = False

    def of(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass(frozen=True)
class Benchmark:
    """One thing to measure; a round of it gives a value for each figure it could measure, by name.

    Peers are measured in the same round as netecho, so that what disturbs the machine disturbs all of them.
    """

    name: str
    about: str
    figures: tuple[Figure, ...]
    round: Callable[[Scale], Mapping[str, float]]
    missing: Callable[[], str | None] = lambda: None
    """Why it cannot be measured here; None where it can."""
    once: bool = False
    """Whether one round will do: it takes minutes, and its figure hardly varies."""


@dataclass
class Measured:
    """A benchmark and what its rounds gave."""

    benchmark: Benchmark
    values: dict[str, list[float]] = field(default_factory=dict)
    before: dict[str, list[float]] = field(default_factory=dict)
    """The same of the checkout that this one is measured against."""
    skipped: str | None = None

    def round(self, scale: Scale, before: Sequence[str] | None, *, before_first: bool) -> None:
        """Measure once: both checkouts right after one another, as what disturbs the machine comes and goes."""
        turns = [(self.values, None)] if before is None else [(self.values, None), (self.before, before)]
        for values, command in turns[::-1] if before_first else turns:
            with contextlib.nullcontext() if command is None else tools.measuring(command):
                for name, value in self.benchmark.round(scale).items():
                    values.setdefault(name, []).append(value)


def measure(
    benchmarks: Sequence[Benchmark],
    rounds: int,
    scale: Scale,
    say: Callable[[str], None],
    before: Sequence[str] | None = None,
) -> list[Measured]:
    """Go round the benchmarks `rounds` times; one that cannot be measured says why.

    `before` is the command of another checkout, which is measured in the same rounds.
    """
    results = [Measured(each, skipped=each.missing()) for each in benchmarks]
    for number in range(rounds):
        for result in results:
            if result.skipped or (result.benchmark.once and number):
                continue
            began = time.monotonic()
            try:
                result.round(scale, before, before_first=number % 2 == 1)
            except Exception as error:  # noqa: BLE001  one that fails must not cost the others an hour
                result.skipped = f"{type(error).__name__}: {error}"
            say(
                f"round {number + 1}/{rounds}  {result.benchmark.name}  {time.monotonic() - began:.0f} s"
                + (f"  {result.skipped}" if result.skipped else "")
            )
    return results


def reached(figure: Figure, value: float) -> bool | None:
    if figure.goal is None:
        return None
    op, goal = figure.goal
    return value <= goal if op == "<=" else value >= goal if op == ">=" else value == goal


def worse(figure: Figure, before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether a figure's median is worse than before by more than the rounds differ among themselves."""
    more_is_better = figure.goal[0] == ">=" if figure.goal else figure.unit.endswith("/s")
    change = statistics.median(after) - statistics.median(before)
    spread = max(max(before) - min(before), max(after) - min(after))
    return (-change if more_is_better else change) > spread


def table(results: Sequence[Measured]) -> str:
    """The figures, for a person: median, lowest and highest round, what was to be reached.

    Where another checkout was measured too: its median, and whether this one's is worse.
    """
    compared = any(result.before for result in results)
    rows = [("", "median", "rounds", "before" if compared else "goal", "")]
    for result in results:
        rows.append((f"{result.benchmark.name}: {result.benchmark.about}", "", "", "", ""))
        for figure in result.benchmark.figures:
            values = result.values.get(figure.name)
            if not values:
                continue
            median = statistics.median(values)
            spread = f"{min(values):,.{figure.digits}f} .. {max(values):,.{figure.digits}f}" if len(values) > 1 else ""
            goal = f"{figure.goal[0]} {figure.goal[1]:,g}" if figure.goal else ""
            verdict = {True: "reached", False: "MISSED", None: ""}[reached(figure, median)]
            if compared:
                before = result.before.get(figure.name)
                goal = f"{statistics.median(before):,.{figure.digits}f}" if before else ""
                verdict = "WORSE" if before and worse(figure, before, values) else ""
            rows.append((f"  {figure.name}", f"{median:,.{figure.digits}f} {figure.unit}", spread, goal, verdict))
        if result.skipped:
            rows.append((f"  not measured: {result.skipped}", "", "", "", ""))
    widths = [max(len(row[column]) for row in rows if any(row[1:])) for column in range(5)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    if not any(row[1:]):
        return row[0]
    name, *cells, verdict = (
        f"{cell:{'<' if column in (0, 4) else '>'}{widths[column]}}" for column, cell in enumerate(row)
    )
    return "  ".join([name, *cells, verdict]).rstrip()


def document(results: Sequence[Measured], scale: Scale) -> dict[str, object]:
    """The same for a program, with every round's value."""
    return {
        "schema": "netecho/benchmarks/1",
        "quick": scale.quick,
        "machine": {
            "system": f"{platform.system()} {platform.release()}",
            "processors": os.cpu_count(),
            "python": platform.python_version(),
            "load": os.getloadavg(),
        },
        "figures": [
            {
                "benchmark": result.benchmark.name,
                "figure": figure.name,
                "unit": figure.unit,
                "goal": figure.goal,
                "median": statistics.median(values) if values else None,
                "rounds": values,
                **_before(figure, result.before.get(figure.name), values),
                "reached": reached(figure, statistics.median(values)) if values else None,
                "skipped": result.skipped,
            }
            for result in results
            for figure in result.benchmark.figures
            for values in [result.values.get(figure.name, [])]
        ],
    }


def _before(figure: Figure, before: Sequence[float] | None, values: Sequence[float]) -> dict[str, object]:
    if not before or not values:
        return {}
    return {"before": {"median": statistics.median(before), "rounds": before}, "worse": worse(figure, before, values)}


def listing(benchmarks: Sequence[Benchmark]) -> str:
    """What there is."""
    lines = []
    for each in benchmarks:
        lines.append(f"{each.name}: {each.about}")
        missing = each.missing()
        if missing:
            lines.append(f"  cannot be measured here: {missing}")
        lines += [f"  {f.name}  [{f.unit}]" + (f"  {f.goal[0]} {f.goal[1]:,g}" if f.goal else "") for f in each.figures]
    return "\n".join(lines)
