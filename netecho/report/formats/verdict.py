"""A document as what continuous integration asks of it: criteria that were met or not, and figures by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from netecho.measure.criteria import ALWAYS

if TYPE_CHECKING:
    from netecho.report.document.model import Document

_TIMES = ("rtt", "response", "lag", "forward", "backward", "processing")
_FIGURES = ("min_ms", "mean_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "p99_9_ms", "max_ms")


class Case(NamedTuple):
    """One criterion of a run."""

    name: str
    met: bool
    measured: str
    """What the run came to, in a line."""


def cases_of(document: Document) -> list[Case]:
    """Return every criterion that the run was held to: `--fail-if`'s, and those that every run is held to."""
    # A criterion that failed is followed by what was measured: `rtt.p99>1us: 0.187 ms`.
    failed = dict(text.partition(": ")[::2] for text in document["verdict"]["failed"])
    asked = document["settings"].get("fail_if") or ()
    texts = dict.fromkeys([*(str(each) for each in ALWAYS), *asked, *failed])
    line = said(document)
    return [
        Case(f"fail-if {text}", text not in failed, f"{failed[text]}; {line}" if text in failed else line)
        for text in texts
    ]


def said(document: Document) -> str:
    """Return a run in one line: counts, and the round trips where there are any."""
    probes, rtt = document["probes"], document["rtt"]
    line = f"{probes['sent']} sent, {probes['received']} received, {probes['lost']} lost"
    if rtt["p50_ms"] is None:
        return line
    return line + f"; rtt p50 {rtt['p50_ms']:.3f} ms, p99 {rtt['p99_ms']:.3f} ms, max {rtt['max_ms']:.3f} ms"


def figures_of(document: Document) -> dict[str, float | int | str]:
    """Return the figures that have a value under dotted names: `rtt.p99_ms`, `probes.lost`."""
    sections: dict[str, Document] = {"probes": document["probes"], "setup": document["setup"]}
    sections |= {"variation": document["variation"]}
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
