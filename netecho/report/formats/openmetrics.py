"""`--format openmetrics`: one run as metrics, for the node exporter's textfile collector or a push gateway.

A run's counts are gauges: the next run begins at 0 again, which a counter must not. Times are summaries in seconds.
The text is valid OpenMetrics 1.0 and valid in Prometheus's older text format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netecho.report.document.model import Document
from netecho.report.formats.event_line import mention

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.measure.events import Event
    from netecho.measure.result import Start
    from netecho.report.output import Output

_COUNTS = {
    "sent": "Probes sent",
    "received": "Probes answered in time",
    "lost": "Probes without a reply within the timeout",
    "dropped_here": "Probes whose reply this machine dropped",
    "late": "Replies that came after the timeout",
    "duplicate": "Further replies to probes that were answered",
    "reordered": "Replies after one to a later probe (RFC 4737)",
    "corrupt": "Echoes that differ from what was sent",
}
_SUMMARIES = {
    "rtt": "Round trips: from the request leaving to the reply arriving",
    "response": "From the scheduled send to the reply in the program's hands",
    "lag": "From the scheduled send to the actual one",
    "forward": "One-way delay to the far end (STAMP)",
    "backward": "One-way delay from the far end (STAMP)",
}
_QUANTILES = {"0.5": "p50_ms", "0.9": "p90_ms", "0.95": "p95_ms", "0.99": "p99_ms", "0.999": "p99_9_ms"}


class OpenmetricsReporter:
    """Says nothing until the end, then the metrics."""

    follows = False

    def __init__(self, output: Output) -> None:
        self._output = output

    def started(self, start: Start) -> None:
        """Nothing yet."""

    def tell(self, event: Event) -> None:
        """Nothing yet, but for what a peer says unasked."""
        mention(event, self._output)

    def finished(self, document: Document) -> None:
        """Print the metrics."""
        self._output.write(openmetrics(document))


def openmetrics(*documents: Document) -> str:
    """Return documents as metrics, each with the labels `target` and, where the run has one, `label`."""
    runs: list[tuple[str, Document]] = []
    seen: Counter[str] = Counter()
    for document in documents:
        labels = _labels(document)
        seen[labels] += 1
        # A target that is measured twice at once has two series.
        runs.append((labels if seen[labels] == 1 else f'{labels},run="{seen[labels]}"', document))
    return "".join(f"{line}\n" for line in _lines(runs)) + "# EOF\n"


Labelled = Sequence[tuple[str, Document]]


def _labels(document: Document) -> str:
    labels = f'target="{_quoted(document["target"]["url"])}"'
    return labels if document["label"] is None else labels + f',label="{_quoted(document["label"])}"'


def _lines(runs: Labelled) -> Iterator[str]:
    for key, text in _COUNTS.items():
        yield from _gauge(f"netecho_probes_{key}", text, [(labels, run["probes"][key]) for labels, run in runs])
    for key, text in _SUMMARIES.items():
        sections = [(labels, run.get(key) or (run.get("stamp") or {}).get(key)) for labels, run in runs]
        measured = [(labels, section) for labels, section in sections if section is not None and section["count"]]
        if measured:
            yield from _summary(f"netecho_{key}_seconds", text, measured)
    codes = [(labels, run["verdict"]["exit_code"]) for labels, run in runs]
    yield from _gauge("netecho_exit_code", "0: every criterion was met, 1: one was not, 3: not reached", codes)
    failed = [(labels, len(run["verdict"]["failed"])) for labels, run in runs]
    yield from _gauge("netecho_criteria_failed", "Criteria that the run did not meet", failed)
    lengths = [(labels, run["duration_ms"] / 1e3) for labels, run in runs]
    yield from _gauge("netecho_duration_seconds", "Length of the run in seconds", lengths)


def _gauge(name: str, text: str, values: Sequence[tuple[str, float]]) -> Iterator[str]:
    yield f"# HELP {name} {text}."
    yield f"# TYPE {name} gauge"
    for labels, value in values:
        yield f"{name}{{{labels}}} {value}"


def _summary(name: str, text: str, sections: Labelled) -> Iterator[str]:
    yield f"# HELP {name} {text}."
    yield f"# TYPE {name} summary"
    for labels, section in sections:
        for quantile, key in _QUANTILES.items():
            yield f'{name}{{{labels},quantile="{quantile}"}} {section[key] / 1e3:.9f}'
        yield f"{name}_sum{{{labels}}} {section['mean_ms'] * section['count'] / 1e3:.9f}"
        yield f"{name}_count{{{labels}}} {section['count']}"


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
