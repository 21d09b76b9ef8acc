"""What a diagnosis is made of, as frozen values. Sentences are for people, `code` and `evidence` for scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from netecho.errors import NetechoError

Check = Literal[
    "names",
    "transports",
    "loss",
    "size",
    "balancing",
    "marking",
    "translation",
    "timeouts",
    "payload",
    "rate",
    "clocks",
    "host",
    "tcp",
]
CHECKS: tuple[Check, ...] = get_args(Check)
"""In the order in which they are listed. What is measured first is decided by the battery."""

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""In ascending order: worth knowing; some traffic suffers; some traffic does not get through at all."""

Direction = Literal["forward", "backward", "both"]
"""forward: from here to the target."""

Confidence = Literal["possible", "likely", "certain"]

Unit = Literal["time", "bytes", "percent", "bit/s", "count", "text"]
"""Of times the value is nanoseconds."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A piece of evidence: what was seen, under a name that stays; None where it is not known."""

    name: str
    value: float | str | None
    unit: Unit = "count"


Evidence = tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something is wrong with the path, or worth knowing of it."""

    check: Check
    code: str
    """Which fault it is, in a word that stays: `netecho help diagnose` explains each."""
    severity: Severity
    direction: Direction | None = None
    """None where it has none, or it is not known."""
    confidence: Confidence
    sentence: str
    evidence: Evidence = ()
    otherwise: str | None = None
    """What else could explain it."""
    command: str | None = None
    """Shows it again."""


@dataclass(frozen=True, slots=True)
class Fine:
    """Something was tested, and nothing is wrong with it."""

    check: Check
    sentence: str
    evidence: Evidence = ()


@dataclass(frozen=True, slots=True)
class NotTested:
    """Something could not be tested."""

    check: Check
    reason: str


Outcome = tuple[Finding | Fine | NotTested, ...]
"""What a check comes to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All that a battery of checks found. Times are nanoseconds."""

    id: str
    target: str
    address: str | None
    started: int
    """Wall clock, since 1970."""
    duration: int
    bytes_sent: int
    """As far as it is known: the payloads and headers of what was sent, and as much for the answers."""
    outcome: Outcome
    interrupted: bool = False
    label: str | None = None
    error: NetechoError | None = None
    """Why the target could not be reached by any transport."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The worst first; of equals, in the order of the checks."""
        found = [each for each in self.outcome if isinstance(each, Finding)]
        return tuple(sorted(found, key=lambda each: (-SEVERITIES.index(each.severity), CHECKS.index(each.check))))

    @property
    def fine(self) -> tuple[Fine, ...]:
        """In the order of the checks."""
        return tuple(sorted((each for each in self.outcome if isinstance(each, Fine)), key=_order))

    @property
    def not_tested(self) -> tuple[NotTested, ...]:
        """In the order of the checks."""
        return tuple(sorted((each for each in self.outcome if isinstance(each, NotTested)), key=_order))

    def worst(self) -> Severity | None:
        """Return the severity of the worst finding; None where there is none."""
        return self.findings[0].severity if self.findings else None


def _order(each: Fine | NotTested) -> int:
    return CHECKS.index(each.check)
