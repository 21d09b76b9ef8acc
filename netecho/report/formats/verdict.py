"""What continuous integration asks of a run, or of two compared: criteria that were met or not, and figures by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.measure.criteria import ALWAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netecho.report.document.model import Document

_TIMES = ("rtt", "response", "lag", "forward", "backward", "processing")
_FIGURES = ("min_ms", "mean_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "p99_9_ms", "max_ms")

Figures = dict[str, float | int | str]


class Case(NamedTuple):
    """One criterion."""

    name: str
    met: bool
    measured: str
    """What was measured, in a line."""


class Verdict(NamedTuple):
    """A document, as far as a pipeline reads it."""

    title: str
    started: str
    """ISO 8601."""
    seconds: float
    line: str
    """What it came to."""
    cases: tuple[Case, ...]
    figures: Figures

    @property
    def failed(self) -> tuple[Case, ...]:
        """The criteria that were not met."""
        return tuple(case for case in self.cases if not case.met)


def of_run(document: Document) -> Verdict:
    """Return the verdict of a run: what `--fail-if` asked for, and what every run is held to."""
    asked = [*(str(each) for each in ALWAYS), *(document["settings"].get("fail_if") or ())]
    line = in_a_line(document)
    cases = _cases(asked, document["verdict"]["failed"], line)
    if error := document.get("error"):
        cases = (Case("reached", met=False, measured=error["sentence"]),)
    return Verdict(
        title=document["label"] or document["target"]["url"],
        started=document["started"],
        seconds=document["duration_ms"] / 1e3,
        line=line,
        cases=cases,
        figures=figures_of(document),
    )


def of_comparison(document: Document, asked: Iterable[str]) -> Verdict:
    """Return the verdict of two runs compared; `asked` are the criteria, in words."""
    before, after = document["before"], document["after"]
    line = f"{before['file']} and {after['file']}"
    figures: Figures = {}
    for change in document["changes"]:
        values = {"before": change["before"], "after": change["after"], "percent": change["percent"]}
        figures |= {f"{change['metric']}.{name}": value for name, value in values.items() if value is not None}
    return Verdict(
        title=after["label"] or _url(after["target"]),
        started=after["started"],
        seconds=0.0,
        line=line,
        cases=_cases(asked, document["verdict"]["failed"], line),
        figures=figures,
    )


def _url(target: Document | str) -> str:
    """Return the target of a run, which of load is its URL alone."""
    return target if isinstance(target, str) else str(target["url"])


def _cases(asked: Iterable[str], failed: Iterable[str], line: str) -> tuple[Case, ...]:
    # A criterion that failed is followed by what was measured: `rtt.p99>1us: 0.187 ms`.
    values: Mapping[str, str] = dict(text.partition(": ")[::2] for text in failed)
    return tuple(
        Case(f"fail-if {text}", text not in values, f"{values[text]}; {line}" if text in values else line)
        for text in dict.fromkeys([*asked, *values])
    )


def in_a_line(document: Document) -> str:
    """Return a run in one line: counts, and the round trips where there are any."""
    probes, rtt = document["probes"], document["rtt"]
    line = f"{probes['sent']} sent, {probes['received']} received, {probes['lost']} lost"
    if dropped := probes.get("dropped_here"):
        line += f", {dropped} dropped here"
    if rtt["p50_ms"] is None:
        return line
    return line + f"; rtt p50 {rtt['p50_ms']:.3f} ms, p99 {rtt['p99_ms']:.3f} ms, max {rtt['max_ms']:.3f} ms"


def figures_of(document: Document) -> Figures:
    """Return the figures of a run that have a value under dotted names: `rtt.p99_ms`, `probes.lost`."""
    sections: dict[str, Document] = {name: document[name] for name in ("probes", "setup", "variation")}
    stamp = document.get("stamp") or {}
    sections |= {
        name: {key: section[key] for key in _FIGURES}
        for name in _TIMES
        if (section := document.get(name) or stamp.get(name))
    }
    return {
        f"{name}.{key}": value
        for name, section in sections.items()
        for key, value in section.items()
        if value is not None and not isinstance(value, dict)
    }
