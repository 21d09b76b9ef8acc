"""Two runs side by side: what `netecho compare` reads, and its JSON (`netecho/compare/1`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.measure.compare import INTERVAL_TEST, LOCATION_TEST, Change, Comparison, Run
from netecho.measure.metrics import Unit, Value
from netecho.measure.samples import Samples
from netecho.measure.stats.bootstrap import CONFIDENCE
from netecho.report.document.decode import start_of, summary_of
from netecho.report.document.reader import replay
from netecho.report.document.values import milliseconds
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from netecho.measure.events import Event
    from netecho.measure.result import Start
    from netecho.report.document.model import Document
    from netecho.report.document.reader import Kind

SCHEMA = "netecho/compare/1"
_KIND = ("connect_only", "reconnect", "connections", "size", "schedule", "interval_ms")
"""Settings that say what was measured; the others say how long."""
_UNITS = {Unit.TIME: "ms", Unit.COUNT: "count", Unit.PERCENT: "percent"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A saved run as it is compared and shown, with a word about its file, if there is one to say."""

    path: str
    run: Run
    document: Document
    remark: str | None


@dataclass(frozen=True, slots=True)
class OtherLoaded:
    """A saved document of one piece that is no run of probes."""

    path: str
    kind: Kind
    document: Document


def load(
    path: str, watching: AbstractContextManager[Callable[[int, int], None] | None] | None = None
) -> Loaded | OtherLoaded:
    """Read a saved run, as `replay` does. Raises UsageError for what is none."""
    sampling = _Sampling()
    replayed = replay(path, sampling, watching, others=True)
    if replayed.kind is not None:
        return OtherLoaded(path, replayed.kind, replayed.document)
    run = Run(
        summary=summary_of(replayed.document),
        setup=start_of(replayed.document).setup,
        samples=sampling.samples if replayed.events else None,
    )
    return Loaded(path, run, replayed.document, replayed.remark)


class _Sampling:
    """A reporter that keeps of each event what a comparison needs."""

    follows = True

    def __init__(self) -> None:
        self.samples = Samples()

    def started(self, start: Start) -> None:
        """Nothing yet."""

    def tell(self, event: Event) -> None:
        """Take the event in."""
        self.samples.tell(event)

    def finished(self, document: Document) -> None:
        """Nothing more: the figures are in the document."""


def compared(comparison: Comparison, before: Loaded, after: Loaded, failed: Sequence[str] = ()) -> Document:
    """Return the comparison as a document; `failed` are the criteria that were not met, in words."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "before": _named(before),
        "after": _named(after),
        "differing": _differing(before.document, after.document),
        "tests": {"figures": INTERVAL_TEST, "locations": LOCATION_TEST, "confidence": CONFIDENCE},
        "locations": {
            kind: {"u": test.u, "p_value": test.p_value, "higher": test.higher, "within_noise": test.within_noise}
            for kind, test in comparison.locations.items()
        },
        "changes": [change_row(change) for change in comparison.changes],
        "verdict": {"exit_code": int(bool(failed)), "failed": list(failed)},
    }


def _differing(before: Document, after: Document) -> Document:
    """Return in what the runs are of different kinds, so that their figures are not the same measure."""
    pairs = {"transport": (before["target"]["transport"], after["target"]["transport"])}
    pairs |= {key: (before["settings"].get(key), after["settings"].get(key)) for key in _KIND}
    pairs["stamps"] = (before["rtt"]["stamps"], after["rtt"]["stamps"])
    return {key: list(pair) for key, pair in pairs.items() if pair[0] != pair[1] and None not in pair}


def _named(loaded: Loaded) -> Document:
    """Return what tells one run from another."""
    document = loaded.document
    return {
        "file": loaded.path,
        **{key: document[key] for key in ("id", "label", "started", "target", "settings", "probes")},
        "stamps": document["rtt"]["stamps"],
    }


def change_row(change: Change) -> Document:
    """Return one figure in both runs."""
    unit = change.unit
    return {
        "metric": change.metric,
        "unit": _UNITS[unit],
        "before": _shown(change.before, unit),
        "after": _shown(change.after, unit),
        "difference": _shown(change.difference, unit),
        "percent": None if change.percent is None else round(change.percent, 6),
        "interval": None if change.interval is None else [_shown(edge, unit) for edge in change.interval],
        "within_noise": change.within_noise,
        "undecided": change.within_noise is None,
        "reason": change.reason if change.within_noise is None else None,
    }


def _shown(value: Value, unit: Unit) -> Value:
    if unit is Unit.TIME:
        return milliseconds(value)
    return None if value is None else round(value, 6)
