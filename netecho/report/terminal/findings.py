"""What deserves a plain sentence under the figures, and what does not.

A remark is made from the document alone, so a saved run gets the same ones. Worst first. Thresholds are here.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from netecho.report.humanize import many, percent, reason_words, span, time
from netecho.report.terminal import ecn, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.report.document.model import Document

LATE_SHARE = 0.5
"""Sends that leave later than by this share of the interval are not the schedule that was asked for."""
USER_SHARE = 0.1
"""A machine that wakes this late to send, of the round trip, wakes as late to read: by its own clock that is in rtt."""
MUCH_ABOVE = 2.0
"""`response` is far above `rtt` when its p99 is more than this many times as long..."""
WORTH_A_WORD_MS = 1.0
"""...and longer by more than this; also how late sends must be at p99."""
BRIEF_MS = 5.0
"""What is shorter is 0.00 s in words."""
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
    if error := document.get("error"):
        return [Remark("bad", f"{error['sentence'][:1].upper()}{error['sentence'][1:]}.")]
    said = [*_failures(document), *_oddities(document), *_delays(document), *_notes(document)]
    said += [Remark(*each) for each in (*stamp.remarks(document), *ecn.remarks(document))]
    return sorted(said, key=lambda remark: _WORST_FIRST.index(remark.weight))


def _failures(document: Document) -> list[Remark]:
    probes = document["probes"]
    received, lost, corrupt = (probes[key] for key in ("received", "lost", "corrupt"))
    settled = received + lost
    said = [*_dropped_here(document)]
    if gone := document.get("gone_ms"):
        in_time, gone_for = "", ": it was gone for"
        if probes["late"]:  # replies that come late are replies
            in_time, gone_for = " in time", ", for"
        how_long = "" if gone < BRIEF_MS else f"{gone_for} {span(gone)}"
        said.append(Remark("bad", f"The target no longer answered{in_time} when the run ended{how_long}."))
    why = _reasons(document)
    if lost and not received:
        said.append(Remark("bad", f"No reply to any of {many(settled, 'probe')}{why}."))
        if probes.get("stray", 0) and document["target"]["transport"] in ("tcp", "tls", "unix"):
            said.append(
                Remark(
                    "bad",
                    "What the peer said is no whole echo: if it is another service, --connect-only measures it.",
                )
            )
    elif lost:
        was = "was" if lost == 1 else "were"
        share = percent(lost, settled)
        said.append(Remark("bad", f"{lost:,} of {many(settled, 'probe')} {was} lost ({share}){why}."))
    if corrupt:
        came = "echo differs" if corrupt == 1 else "echoes differ"
        said.append(Remark("bad", f"{corrupt:,} {came} from what was sent: something on the way changes the bytes."))
    return said


def _dropped_here(document: Document) -> Iterator[Remark]:
    """Say what this machine's receive buffer had no room for, as the rest is of the network."""
    probes, datagrams = document["probes"], (document.get("udp") or {}).get("dropped_here")
    if dropped := probes.get("dropped_here"):
        reply = "reply" if dropped == 1 else "replies"
        of = f"the {reply} to {dropped:,} of {many(probes['sent'], 'probe')}"
        if document.get("suspended_ms") and not datagrams:
            yield Remark("odd", f"How long {of} took is not known, as this process was stopped: that is no loss.")
            return
        yield Remark("bad", f"This machine's receive buffer dropped {of}: that is not the network's loss.")
    elif datagrams:
        what = many(datagrams, "datagram")
        yield Remark("odd", f"This machine's receive buffer dropped {what}, and no probe lacks a reply for it.")


def _reasons(document: Document) -> str:
    """Return why probes were lost, where more is known than that no reply came in time."""
    reasons = document.get("loss_by_reason") or {}
    if set(reasons) <= {"timeout"}:
        return ""
    return ": " + ", ".join(
        f"{count:,} {reason_words(reason)}{_detail(document, reason, count)}" for reason, count in reasons.items()
    )


def _detail(document: Document, reason: str, count: int) -> str:
    """Return what else is known of the losses by this reason: their most frequent detail, and how many have it."""
    for losses in document.get("losses") or ():
        if losses["reason"] == reason and losses["detail"]:
            share = "" if losses["lost"] == count else f"{losses['lost']:,} of them "
            return f" ({share}{losses['detail']})"
    return ""


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
    said: list[Remark] = []
    if lag is not None and lag > WORTH_A_WORD_MS and not waits:
        said += _lateness(document, lag)
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


def _lateness(document: Document, lag: float) -> Iterator[Remark]:
    """Say that sends left late, but only where that spoils a figure.

    `rtt` counts from the actual send, so by kernel timestamps a late send does not change it; `response` has the
    lateness in it by its definition, and the table shows how much. What is spoiled is the schedule, when lateness comes
    near the interval, and an rtt by this program's own clock, which wakes as late to read as it does to send. A
    connection that had to be made first is no lateness.
    """
    if "connections" in document or document.get("outages"):
        return
    interval, rtt = document["settings"].get("interval_ms"), document["rtt"]
    if interval and lag > LATE_SHARE * interval:
        yield Remark("odd", f"Sends left late, by {time(lag)} at p99: this machine did not keep up with the schedule.")
    elif rtt["user"] and rtt["p99_ms"] is not None and lag > USER_SHARE * rtt["p99_ms"]:
        yield Remark(
            "odd",
            f"This machine was late to send, by {time(lag)} at p99, and as late to read: rtt by its own clock has that"
            " in it.",
        )


def _notes(document: Document) -> list[Remark]:
    probes, rtt = document["probes"], document["rtt"]
    said = []
    if pending := probes.get("pending", 0):
        was = "was" if pending == 1 else "were"
        said.append(
            Remark("note", f"{many(pending, 'probe')} {was} still on the way at the end: neither received nor lost.")
        )
    if skipped := probes.get("not_sent"):
        why = f"this process was stopped or the machine asleep, for {span(document['suspended_ms'])}"
        said.append(Remark("note", f"{many(skipped, 'send')} left out: {why}."))
    elif stopped := document.get("suspended_ms"):
        said.append(Remark("note", f"This process was stopped for {span(stopped)}."))
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
