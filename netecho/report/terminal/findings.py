"""What deserves a plain sentence under the figures, and what does not.

A remark is made from the document alone, so a saved run gets the same ones. Worst first. Thresholds are here.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from netecho.report.humanize import many, percent, time
from netecho.report.terminal import stamp

if TYPE_CHECKING:
    from netecho.report.document.model import Document

MUCH_ABOVE = 2.0
"""`response` is far above `rtt` when its p99 is more than this many times as long..."""
WORTH_A_WORD_MS = 1.0
"""...and longer by more than this; also how late sends must be at p99."""
SOON = 21
"""Days before its end that a certificate is worth a word."""

Weight = Literal["bad", "odd", "note"]
_WORST_FIRST = ("bad", "odd", "note")


class Remark(NamedTuple):
    """A sentence, and how much it matters: `bad` says the path failed, `odd` asks for a look, `note` explains."""

    weight: Weight
    sentence: str


def remarks(document: Document) -> list[Remark]:
    """Return what there is to say about a run."""
    said = [*_failures(document), *_oddities(document), *_delays(document), *_notes(document)]
    said += [Remark(*each) for each in stamp.remarks(document)]
    return sorted(said, key=lambda remark: _WORST_FIRST.index(remark.weight))


def _failures(document: Document) -> list[Remark]:
    probes = document["probes"]
    sent, received, lost, corrupt = (probes[key] for key in ("sent", "received", "lost", "corrupt"))
    settled = sent - probes.get("pending", 0)
    said = []
    if lost and not received:
        said.append(Remark("bad", f"No reply to any of {many(settled, 'probe')}."))
    elif lost:
        was = "was" if lost == 1 else "were"
        said.append(Remark("bad", f"{lost:,} of {many(settled, 'probe')} {was} lost ({percent(lost, settled)})."))
    if corrupt:
        came = "echo differs" if corrupt == 1 else "echoes differ"
        said.append(Remark("bad", f"{corrupt:,} {came} from what was sent: something on the way changes the bytes."))
    dropped = document.get("udp", {}).get("dropped_here")
    if dropped:
        were = "datagram was" if dropped == 1 else "datagrams were"
        said.append(
            Remark(
                "bad",
                f"{dropped:,} {were} dropped here, by this machine's receive buffer: that is not the network's loss.",
            )
        )
    return said


def _oddities(document: Document) -> list[Remark]:
    probes = document["probes"]
    said = []
    if late := probes["late"]:
        timeout = document["settings"].get("timeout_ms")
        after = f" of {time(timeout)}" if timeout else ""
        said.append(Remark("odd", f"{many(late, 'reply', 'replies')} came after the timeout{after}: counted as lost."))
    if duplicate := probes["duplicate"]:
        said.append(Remark("odd", f"{many(duplicate, 'reply', 'replies')} came again: something duplicates packets."))
    if reordered := probes["reordered"]:
        said.append(
            Remark("odd", f"{many(reordered, 'reply', 'replies')} came after the reply to a later probe (reordered).")
        )
    if stray := probes.get("stray", 0):
        said.append(Remark("odd", f"{many(stray, 'message')} from the peer answered no probe."))
    if again := document.get("tcp", {}).get("retransmits"):
        was = "segment was" if again == 1 else "segments were"
        said.append(Remark("odd", f"{again:,} {was} sent again: what TCP loses shows as a slow reply, not as a loss."))
    if (days := _days_left(document)) is not None and days <= SOON:
        said.append(
            Remark(
                "odd",
                f"The certificate expires in {many(days, 'day')}." if days >= 0 else "The certificate has expired.",
            )
        )
    return said


def _days_left(document: Document) -> int | None:
    """Return the days that the certificate was still good for when the run began."""
    until = document.get("tls", {}).get("not_after")
    if until is None:
        return None
    try:
        return (datetime.fromisoformat(until) - datetime.fromisoformat(document["started"])).days
    except (ValueError, TypeError):  # a saved run may say anything
        return None


def _delays(document: Document) -> list[Remark]:
    """Say where the time goes that is not the network's."""
    rtt, response, lag = (document[name]["p99_ms"] for name in ("rtt", "response", "lag"))
    waits = document["probes"].get("waits", 0)
    said = []
    if lag is not None and lag > WORTH_A_WORD_MS and not waits:
        said.append(
            Remark("odd", f"Sends left late, by {time(lag)} at p99: this machine did not keep up with the schedule.")
        )
    if waits:
        left = "send" if waits == 1 else "sends"
        said.append(Remark("odd", f"{waits:,} {left} waited for room in the window, and the replies are late by that."))
    # A connection of its own is part of a probe's response: that is what was asked for.
    far = (
        None not in (rtt, response, lag)
        and "connections" not in document
        and "stamp" not in document  # whose rtt is without the time at the far end
        and response > MUCH_ABOVE * rtt
        and response - rtt > WORTH_A_WORD_MS
    )
    if far and response > MUCH_ABOVE * lag:
        said.append(
            Remark(
                "odd",
                f"response is far above rtt ({time(response)} to {time(rtt)} at p99):"
                " replies lay in this machine before the program had them.",
            )
        )
    return said


def _notes(document: Document) -> list[Remark]:
    probes, rtt = document["probes"], document["rtt"]
    said = []
    if pending := probes.get("pending", 0):
        was = "was" if pending == 1 else "were"
        said.append(
            Remark("note", f"{many(pending, 'probe')} {was} still on the way at the end: neither received nor lost.")
        )
    if rtt["stamps"] == "user":
        said.append(Remark("note", "Times are by this program's own clock, which makes them longer by its wake-up."))
    elif rtt["stamps"] == "mixed":
        user = rtt.get("user", 0)
        said.append(
            Remark(
                "note",
                f"{percent(user, rtt['count'])} of the round trips are by this program's own clock,"
                " the rest by kernel stamps.",
            )
        )
    return said
