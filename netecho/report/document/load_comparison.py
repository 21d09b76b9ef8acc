"""Two runs of load side by side, as a document (`netecho/compare-load/1`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.load.comparison import TEST, Figure, compare, judge
from netecho.load.criteria import ADDED, DELAYS
from netecho.load.run import LOADS, PHASES
from netecho.measure.metrics import FIGURES, Unit
from netecho.report.document.comparison import change_row
from netecho.units import MILLISECOND
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.measure.criteria import Criterion
    from netecho.report.document.model import Document

SCHEMA = "netecho/compare-load/1"
_KIND = ("target", "probed", "interval_ms", "dscp")
"""What has to be alike, so that figures are the same measure."""
_SHOWN = ("rtt.p50", "rtt.p99", "forward.p50", "forward.p99", "backward.p50", "backward.p99", "loss")
_SHOWN_OF_LOADS = ("added", "goodput", "rpm")


def compared(before: Document, after: Document, files: tuple[str, str], criteria: Sequence[Criterion] = ()) -> Document:
    """Return two saved runs of load, read from these files, as one document; `criteria` are what they are held to."""
    runs = {"before": (before, files[0]), "after": (after, files[1])}
    was, now = _figures(before), _figures(after)
    changes = compare(was, now)
    shown = {f"{name}.{figure}" for name in PHASES for figure in (*_SHOWN, *(_SHOWN_OF_LOADS if LOADS[name] else ()))}
    shown |= {each.metric for each in criteria}
    failed = [str(each) for each in judge(criteria, now, changes)]
    return {
        "schema": SCHEMA,
        "version": __version__,
        **{name: _named(run, file) for name, (run, file) in runs.items()},
        "differing": {key: [before[key], after[key]] for key in _KIND if before[key] != after[key]},
        "tests": {"figures": TEST},
        "changes": [
            change_row(change) | ({"unit": "bit/s"} if change.metric.endswith("goodput") else {})
            for change in changes
            if change.metric in shown
        ],
        "verdict": {"exit_code": int(bool(failed)), "failed": failed},
    }


def _named(run: Document, file: str) -> Document:
    keys = ("id", "label", "started", "target", "probed", "sentence", "grade")
    return {"file": file, **{key: run[key] for key in keys}}


def _figures(run: Document) -> dict[str, Figure]:
    """Return every figure that a criterion may name."""
    found: dict[str, Figure] = {}
    idle = run["idle"]
    for name in PHASES:
        phase = run[name]
        if phase is not None:
            found |= {
                f"{name}.{what}": figure for what, figure in _of_phase(phase, idle, loaded=bool(LOADS[name])).items()
            }
    found["added"] = Figure(_ns(run["added_ms"]), Unit.TIME)
    return found


def _of_phase(phase: Document, idle: Document | None, *, loaded: bool) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for delay in DELAYS:
        values = phase[delay]
        found |= {f"{delay}.{which}": Figure(_ns(values[f"{which}_ms"]), Unit.TIME) for which in FIGURES}
        if delay != "lag":
            found[f"{delay}.p50"] = Figure(_ns(values["p50_ms"]), Unit.TIME, _stretches(phase, delay))
    found["loss"] = Figure(phase["probes"]["loss_percent"], Unit.PERCENT)
    if loaded:
        found |= {added: _added(added, phase, idle) for added in ADDED}
        found["goodput"] = Figure(phase["goodput_bps"], Unit.COUNT)
        rpm = phase["responsiveness"]
        found["rpm"] = Figure(None if rpm is None else rpm["rpm"], Unit.COUNT)
    return found


def _added(name: str, phase: Document, idle: Document | None) -> Figure:
    """Return what a delay grew by: in each stretch, over the median of the idle phase."""
    delay = name.partition("_")[2] or "rtt"
    value = _ns(phase[f"{name}_ms"])
    before = None if idle is None else _ns(idle[delay]["p50_ms"])
    if value is None or before is None:
        return Figure(value, Unit.TIME)
    return Figure(value, Unit.TIME, tuple(each - before for each in _stretches(phase, delay)))


def _stretches(phase: Document, delay: str) -> tuple[float, ...]:
    """Return the medians of the stretches of its steady part."""
    values = [each[f"{delay}_ms"] for each in phase["series"] if each["at_ms"] >= phase["steady_ms"]]
    return tuple(each * MILLISECOND for each in values if each is not None)


def _ns(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds * MILLISECOND)
