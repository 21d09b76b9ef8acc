"""Bytes that are changed on the way: what application layer gateways (ALGs) and proxies rewrite.

They look for addresses in the payload, and for the words of SIP and FTP on their ports. An echo that differs from what
was sent says at which byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.diagnose.finding import Figure, Finding, Fine, NotTested
from netecho.diagnose.statistics import by_chance
from netecho.diagnose.words import many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.diagnose.finding import Outcome
    from netecho.diagnose.run import Run


@dataclass(frozen=True, slots=True)
class Sample:
    """One payload over one transport."""

    transport: str
    """`udp` or `tcp`, and the port: `udp/5060`."""
    what: str
    """In words: `a SIP request`."""
    payload: bytes
    run: Run | None
    """None: the transport could not be reached for it."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Payloads that something on the way may care about, and on each transport one that nobody can."""

    samples: Sequence[Sample]


def judge(observed: Observed) -> Outcome:
    """Say whether any payload came back changed, or not at all while others did."""
    tried = [each for each in observed.samples if each.run is not None]
    if not tried:
        return (NotTested("payload", "no echo over UDP or TCP answered"),)
    found = tuple(finding for each in tried if (finding := _changed(each) or _dropped(each, tried)))
    return found or (Fine("payload", f"{many(len(tried), 'payload')} came back as sent, addresses and SIP among them"),)


def _changed(sample: Sample) -> Finding | None:
    assert sample.run is not None  # noqa: S101 - for the type checker
    wrong = [fate.corrupt_at for fate in sample.run.fates if fate.corrupt_at is not None]
    if not wrong:
        return None
    at = min(wrong)
    near = sample.payload[max(0, at - 16) : at + 16].decode("ascii", "backslashreplace")
    return Finding(
        check="payload",
        code="payload-rewritten",
        severity="critical",
        confidence="certain",
        sentence=f"{sample.what[0].upper()}{sample.what[1:]} over {sample.transport} came back changed from byte"
        f" {at} on: something on the way rewrites payloads (an ALG, a proxy).",
        evidence=(
            Figure("transport", sample.transport, "text"),
            Figure("offset", at),
            Figure("sent_near", near, "text"),
            Figure("changed", len(wrong)),
        ),
        otherwise="A server that does not echo what it receives looks the same.",
    )


def _dropped(sample: Sample, tried: Sequence[Sample]) -> Finding | None:
    assert sample.run is not None  # noqa: S101 - for the type checker
    beside = [each.run for each in tried if each.run and each.transport == sample.transport and each is not sample]
    answered = [run for run in beside if run.result.summary.received]
    if sample.run.result.summary.received or not sample.run.sent or not answered:
        return None
    if by_chance([sample.run.sent], (sum(run.lost for run in answered), sum(run.sent for run in answered))):
        return None
    return Finding(
        check="payload",
        code="payload-dropped",
        severity="critical",
        confidence="likely",
        sentence=f"{sample.what[0].upper()}{sample.what[1:]} over {sample.transport} is not answered, other bytes are:"
        " something on the way looks into payloads.",
        evidence=(Figure("transport", sample.transport, "text"), Figure("sent", sample.run.sent)),
    )
