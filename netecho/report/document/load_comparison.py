"""Two runs of load side by side, as a document (`netecho/compare-load/1`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.load.comparison import TEST, Figure, compare
from netecho.load.run import LOADS, PHASES
from netecho.measure.metrics import Unit
from netecho.report.document.comparison import change_row
from netecho.units import MILLISECOND
from netecho.version import __version__

if TYPE_CHECKING:
    from netecho.report.document.model import Document

SCHEMA = "netecho/compare-load/1"
_KIND = ("target", "probed", "interval_ms")
"""What has to be alike, so that figures are the same measure."""
_DELAYS = ("rtt", "forward", "backward")


def compared(before: Document, after: Document, files: tuple[str, str]) -> Document:
    """Return two saved runs of load, read from these files, as one document."""
    runs = {"before": (before, files[0]), "after": (after, files[1])}
    return {
        "schema": SCHEMA,
        "version": __version__,
        **{name: _named(run, file) for name, (run, file) in runs.items()},
        "differing": {key: [before[key], after[key]] for key in _KIND if before[key] != after[key]},
        "tests": {"figures": TEST},
        "changes": [
            change_row(change) | ({"unit": "bit/s"} if change.metric.endswith("goodput") else {})
            for change in compare(_figures(before), _figures(after))
        ],
        "verdict": {"exit_code": 0, "failed": []},
    }


def _named(run: Document, file: str) -> Document:
    keys = ("id", "label", "started", "target", "probed", "sentence", "grade")
    return {"file": file, **{key: run[key] for key in keys}}


def _figures(run: Document) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for name in PHASES:
        phase = run[name]
        if phase is None:
            continue
        for delay in _DELAYS:
            found[f"{name}.{delay}.p50"] = Figure(_ns(phase[delay]["p50_ms"]), Unit.TIME, _stretches(phase, delay))
            found[f"{name}.{delay}.p99"] = Figure(_ns(phase[delay]["p99_ms"]), Unit.TIME)
        found[f"{name}.loss"] = Figure(phase["probes"]["loss_percent"], Unit.PERCENT)
        if LOADS[name]:
            found[f"{name}.added"] = Figure(_ns(phase["added_ms"]), Unit.TIME)
            found[f"{name}.goodput"] = Figure(phase["goodput_bps"], Unit.COUNT)
            rpm = phase["responsiveness"]
            found[f"{name}.rpm"] = Figure(None if rpm is None else rpm["rpm"], Unit.COUNT)
    return found


def _stretches(phase: Document, delay: str) -> tuple[float, ...]:
    """Return the medians of the stretches of its steady part."""
    values = [each[f"{delay}_ms"] for each in phase["series"] if each["at_ms"] >= phase["steady_ms"]]
    return tuple(each * MILLISECOND for each in values if each is not None)


def _ns(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds * MILLISECOND)
