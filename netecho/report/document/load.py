"""The document of a run of load, `netecho/load/1`: what every format of it is printed from."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from netecho.errors import ExitCode
from netecho.load import parameters
from netecho.load.phases import corrected, summarise
from netecho.load.run import PHASES
from netecho.load.verdict import GRADES, error_of, judge
from netecho.report.document.values import distribution, milliseconds, timestamp
from netecho.units import SECOND
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.errors import NetechoError
    from netecho.load.phases import PhaseSummary, TransferSummary
    from netecho.load.rpm import Responsiveness
    from netecho.load.run import LoadRun, Sample
    from netecho.load.verdict import Queue
    from netecho.measure.criteria import Failure

SCHEMA = "netecho/load/1"

SERIES = 50
"""Points in time that a phase is divided into, for a chart of it."""
NAMES = ("MAD", "ID", "TMP", "SDT", "INP", "INC", "MNP", "MPS", "PTC")


def document(run: LoadRun, phases: Sequence[PhaseSummary], failed: Sequence[Failure]) -> dict[str, Any]:
    """Return a run as JSON's own types, keys in the order they are printed; `phases` are those of `summarise`."""
    verdict, error = judge(phases), error_of(run)
    samples = corrected(run)
    zero = run.phases[0].began if run.phases else 0
    shaped = {each.phase: _phase(each, samples, zero) for each in phases}
    return {
        "schema": SCHEMA,
        "version": __version__,
        "id": run.id,
        "label": run.label,
        "started": timestamp(run.started),
        "duration_ms": milliseconds(run.duration),
        "interrupted": run.interrupted,
        "target": run.target,
        "address": run.address,
        "probed": run.probed,
        "interval_ms": milliseconds(run.interval),
        "dscp": run.dscp,
        "max_bytes": run.max_bytes,
        "bytes": sum(transfer.bytes for each in phases for transfer in each.transfers),
        "sentence": verdict.sentence if error is None else error.sentence,
        "grade": verdict.grade,
        "grades": dict(GRADES),
        "added_ms": milliseconds(verdict.added),
        "queues": [_queue(each) for each in verdict.queues],
        "late": verdict.late,
        "remarks": list(verdict.remarks),
        **{name: shaped.get(name) for name in PHASES},
        "not_tested": [{"what": each.what, "reason": each.reason} for each in run.not_tested],
        "parameters": {name: _parameter(name) for name in NAMES},
        **({} if error is None else {"error": {"sentence": error.sentence, "hint": error.hint}}),
        "verdict": {"exit_code": int(_exit_code(error, failed)), "failed": [str(each) for each in failed]},
    }


def shape(run: LoadRun) -> dict[str, Any]:
    """Return a run that is held to nothing."""
    return document(run, summarise(run), ())


def _exit_code(error: NetechoError | None, failed: Sequence[Failure]) -> ExitCode:
    if error is not None:
        return ExitCode.UNREACHABLE
    return ExitCode.FAILED if failed else ExitCode.OK


def _parameter(name: str) -> float:
    value: int = getattr(parameters, name)
    return value / SECOND if name == "ID" else value


def _queue(queue: Queue) -> dict[str, Any]:
    return {
        "direction": queue.direction,
        "ms": milliseconds(queue.delay),
        "bytes": queue.bytes,
        "goodput_bps": _rate(queue.goodput),
        "by": queue.by,
    }


def _phase(phase: PhaseSummary, samples: Sequence[Sample], zero: int) -> dict[str, Any]:
    transfers = {each.direction: _transfer(each) for each in phase.transfers}
    return {
        "began_ms": milliseconds(phase.began),
        "duration_ms": milliseconds(phase.ended - phase.began),
        "steady_ms": milliseconds(phase.steady - phase.began),
        "goodput_bps": _rate(phase.goodput),
        "download": transfers.get("download"),
        "upload": transfers.get("upload"),
        "probes": {
            "sent": phase.sent,
            "lost": phase.lost,
            "loss_percent": round(100 * phase.lost / phase.sent, 6) if phase.sent else None,
        },
        "rtt": distribution(phase.rtt),
        "forward": distribution(phase.forward),
        "backward": distribution(phase.backward),
        "lag": distribution(phase.lag),
        "added_ms": milliseconds(phase.added),
        "added_forward_ms": milliseconds(phase.added_forward),
        "added_backward_ms": milliseconds(phase.added_backward),
        "connecting_ms": milliseconds(phase.connecting),
        "responsiveness": _responsiveness(phase.responsiveness),
        "series": _series(phase, samples, zero),
    }


def _transfer(transfer: TransferSummary) -> dict[str, Any]:
    return {
        "goodput_bps": _rate(transfer.goodput),
        "bytes": transfer.bytes,
        "flows": transfer.flows,
        "saturated": transfer.saturated,
        "retransmits": transfer.retransmits,
        "window_limited_percent": None if transfer.window_limited is None else round(transfer.window_limited, 3),
        "short_of_memory": transfer.short_of_memory,
        "smoothed_rtt_ms": milliseconds(transfer.smoothed_rtt),
        "ended": transfer.ended,
    }


def _responsiveness(found: Responsiveness | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "rpm": round(found.rpm, 1),
        "foreign_rpm": round(found.foreign, 1),
        "loaded_rpm": None if found.loaded is None else round(found.loaded, 1),
        "confidence": found.confidence,
        "words": found.words,
    }


def _series(phase: PhaseSummary, samples: Sequence[Sample], zero: int) -> list[dict[str, Any]]:
    """Return the medians of a phase's probes over time; points with no answer have nulls."""
    length = max(1, -(-(phase.ended - phase.began) // SERIES))
    columns: list[list[Sample]] = [[] for _ in range(SERIES)]
    for each in samples:
        place = (each.at - zero - phase.began) // length
        if 0 <= place < SERIES and each.at - zero < phase.ended:
            columns[place].append(each)
    return [
        {
            "at_ms": milliseconds(n * length),
            "rtt_ms": _median([each.rtt for each in column]),
            "forward_ms": _median([each.forward for each in column]),
            "backward_ms": _median([each.backward for each in column]),
        }
        for n, column in enumerate(columns)
        if column
    ]


def _median(values: Sequence[int | None]) -> float | None:
    known = [each for each in values if each is not None]
    return milliseconds(median(known)) if known else None


def _rate(value: float | None) -> int | None:
    return None if value is None else round(value)
