"""The document of a diagnosis, `netecho/diagnosis/1`: what every format of it is printed from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netecho.diagnose.finding import SEVERITIES
from netecho.errors import ExitCode
from netecho.report.document.values import milliseconds, timestamp
from netecho.version import __version__

if TYPE_CHECKING:
    from netecho.diagnose.finding import Diagnosis, Evidence, Figure, Finding, Severity, Unit

SCHEMA = "netecho/diagnosis/1"

_SUFFIXES: dict[Unit, str] = {"time": "_ms", "bytes": "_bytes", "percent": "_percent", "bit/s": "_bps"}
"""What the name of a figure ends in, so that the unit can be read off it."""


def document(diagnosis: Diagnosis, fail_at: Severity = "warning") -> dict[str, Any]:
    """Return a diagnosis as JSON's own types, keys in the order they are printed.

    `fail_at` is the severity of a finding from which on the exit code is 1.
    """
    error = diagnosis.error
    return {
        "schema": SCHEMA,
        "version": __version__,
        "id": diagnosis.id,
        "label": diagnosis.label,
        "started": timestamp(diagnosis.started),
        "duration_ms": milliseconds(diagnosis.duration),
        "interrupted": diagnosis.interrupted,
        "target": diagnosis.target,
        "address": diagnosis.address,
        "bytes": diagnosis.bytes_sent,
        "findings": [_finding(each) for each in diagnosis.findings],
        "fine": [
            {"check": each.check, "sentence": each.sentence, "evidence": _evidence(each.evidence)}
            for each in diagnosis.fine
        ],
        "not_tested": [{"check": each.check, "reason": each.reason} for each in diagnosis.not_tested],
        **({} if error is None else {"error": {"sentence": error.sentence, "hint": error.hint}}),
        "verdict": {"exit_code": int(exit_code(diagnosis, fail_at)), "fail_if_severity": fail_at},
    }


def exit_code(diagnosis: Diagnosis, fail_at: Severity) -> ExitCode:
    """Return what a diagnosis comes to: 0, 1 for a finding that is severe enough, 3 where nothing answered."""
    if diagnosis.error is not None:
        return ExitCode.UNREACHABLE
    worst = diagnosis.worst()
    if worst is not None and SEVERITIES.index(worst) >= SEVERITIES.index(fail_at):
        return ExitCode.FAILED
    return ExitCode.OK


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "code": finding.code,
        "severity": finding.severity,
        "direction": finding.direction,
        "confidence": finding.confidence,
        "sentence": finding.sentence,
        "evidence": _evidence(finding.evidence),
        "otherwise": finding.otherwise,
        "command": finding.command,
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {figure.name + _SUFFIXES.get(figure.unit, ""): _value(figure) for figure in evidence}


def _value(figure: Figure) -> float | str | None:
    value = figure.value
    if value is None or isinstance(value, str):
        return value
    if figure.unit == "time":
        return milliseconds(value)
    return round(value, 6)
