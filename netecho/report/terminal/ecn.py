"""What became of the ECN codepoint of datagrams (RFC 3168), from the section `ecn` of the document alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from netecho.measure.ecn import CODEPOINTS
from netecho.report.humanize import many

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.report.document.model import Document

_CAPABLE = ("ect0", "ect1")


def words(section: Document) -> Iterator[str]:
    """Yield what was sent and how it arrived."""
    yield f"{section['sent']} sent"
    if section["forward"] is not None:
        yield f"arrived there: {_counted(section['forward'])}"
    if section["backward"] is not None:
        yield f"replies arrived: {_counted(section['backward'])}"


def _counted(counts: Document) -> str:
    return " ".join(f"{counts[codepoint]:,} {codepoint}" for codepoint in CODEPOINTS if counts[codepoint])


def remarks(document: Document) -> Iterator[tuple[Literal["odd", "note"], str]]:
    """Yield what deserves a sentence: only of the way there, as nobody says what replies left with."""
    section = document.get("ecn")
    if section is None or section["forward"] is None:
        return
    sent = section["sent"]
    for codepoint in CODEPOINTS:
        count = section["forward"][codepoint]
        if not count or codepoint == sent:
            continue
        packets = many(count, "packet")
        if codepoint == "ce" and sent in _CAPABLE:
            yield "note", f"A queue on the way there was congested: {packets} sent as {sent} arrived marked (ce)."
        else:
            yield "odd", f"The ECN of {packets} was changed on the way there: {sent} was sent, {codepoint} arrived."
