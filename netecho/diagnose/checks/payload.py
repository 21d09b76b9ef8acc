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
    from collections.abc import Iterator, Sequence

    from netecho.diagnose.finding import Outcome
    from netecho.diagnose.run import Run


@dataclass(frozen=True, slots=True)
class Sample:
    """One payload over one transport."""

    transport: str
    """With its port, in words: `UDP port 5060`."""
    what: str
    """In words: `a SIP request`."""
    payload: bytes
    run: Run


@dataclass(frozen=True, slots=True)
class Observed:
    """Payloads that something on the way may care about, and on each transport one that nobody can."""

    samples: Sequence[Sample]


def judge(observed: Observed) -> Outcome:
    """Say whether any payload came back changed, or not at all while others did."""
    tried = observed.samples
    if not tried:
        return (NotTested("payload", "no echo over UDP or TCP answered"),)
    changed = [each for each in tried if _wrong(each)]
    found = (
        *_changed(changed, tried),
        *(finding for each in tried if each not in changed and (finding := _dropped(each, tried))),
    )
    if found:
        return found
    back = [each for each in tried if each.run.result.summary.received]
    if not back:
        return (NotTested("payload", "none of the payloads was answered, those that mean nothing neither"),)
    return (Fine("payload", f"{many(len(back), 'payload')} came back as sent, addresses and SIP among them"),)


def _wrong(sample: Sample) -> list[int]:
    """Return the offset of the first wrong byte of each echo that has one."""
    return [fate.corrupt_at for fate in sample.run.fates if fate.corrupt_at is not None]


def _changed(changed: Sequence[Sample], tried: Sequence[Sample]) -> Iterator[Finding]:
    """Say once for each transport what came back changed."""
    for transport in dict.fromkeys(sample.transport for sample in changed):
        here = [sample for sample in changed if sample.transport == transport]
        which = here[0]
        every = len(here) > 1
        at = min(_wrong(which))
        near = which.payload[max(0, at - 16) : at + 16].decode("ascii", "backslashreplace")
        what = f"{len(here)} different payloads" if every else which.what
        answered = sum(each.run.result.summary.received for each in tried if each.transport == transport)
        yield Finding(
            check="payload",
            code="payload-rewritten",
            severity="critical",
            confidence="certain",
            sentence=f"{what[0].upper()}{what[1:]} over {transport} came back changed"
            + (
                ": something on the way changes bytes."
                if every
                else f" from byte {at} on: something on the way rewrites"
            )
            + ("" if every else " payloads (an ALG, a proxy)."),
            evidence=(
                Figure("transport", transport, "text"),
                Figure("offset", at),
                Figure("sent_near", near, "text"),
                Figure("changed", sum(len(_wrong(each)) for each in here)),
                Figure("answered", answered),
            ),
            otherwise="A server that does not echo what it receives looks the same.",
        )


def _dropped(sample: Sample, tried: Sequence[Sample]) -> Finding | None:
    beside = [each.run for each in tried if each.transport == sample.transport and each is not sample]
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
