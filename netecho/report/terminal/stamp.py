"""A STAMP run's figures beside its round trips: each direction, the clocks, and what became of the packets.

Made from the section `stamp` of the document alone, so a saved run says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from netecho.report.humanize import many, ms, time
from netecho.target import format_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netecho.report.document.model import Document

KINDS = ("forward", "backward", "processing")
_REASONS = {
    "zero": "never set",
    "backwards": "sent before it was received",
    "longer": "kept for longer than the round trip",
    "future": "from the future",
    "past": "from the past",
}
_UNKNOWN = {
    "same_numbers": "the reflector's numbers are those of the requests: it may not count",
    "reset": "around a restart",
    "inconsistent": "the reflector's numbers are no count of what arrived",
    "unanswered": "before the first reply or after the last",
    "late": "the reply was late",
    "unsettled": "others were in flight at the end, or dropped here",
}
_ASSUMED = (
    "One-way delays assume that the fastest packets took as long there as back: half the difference, if there was one,"
    " is in both."
)
Said = tuple[Literal["bad", "odd", "note"], str]


def rows(document: Document) -> dict[str, Document]:
    """Return the kinds of times that only STAMP has; those without a value are left out."""
    section = document.get("stamp", {})
    return {kind: section[kind] for kind in KINDS if section.get(kind, {}).get("count")}


def lines(document: Document) -> list[str]:
    """Return a line for each thing there is to know."""
    section = document.get("stamp")
    if section is None:
        return []
    said = (_variation(section), _clocks(section), _packets(section), _loss(section))
    return [line for words in said if (line := ", ".join(words))]


def _variation(section: Document) -> Iterator[str]:
    for kind in ("forward", "backward"):
        direction = section[kind]
        if direction["ipdv_mean_abs_ms"] is not None:
            yield f"{kind} ipdv {ms(direction['ipdv_mean_abs_ms'])} pdv {ms(direction['pdv_p99_ms'])} ms"


def _clocks(section: Document) -> Iterator[str]:
    clock, clocks = section["clock"], section["clocks"]
    if clock is None:
        return
    offset, within, drift = clocks["offset_ms"], clocks["offset_within_ms"], clocks["drift_ppm"]
    how = "as stamped" if clock == "synced" else "corrected by the estimated offset"
    yield f"one-way delays {how}"
    if offset is not None and within is not None:
        yield f"far clock {offset:+z.3f} ms (within {time(within)})"
    if drift is not None:
        yield f"drift {drift:.2f} ppm"


def _packets(section: Document) -> Iterator[str]:
    cos, ttl = section["class_of_service"], section["ttl"]
    if ttl["arrived"] is not None:
        yield f"TTL {ttl['sent']} arrived as {ttl['arrived']}"
    if cos["dscp_arrived"] is not None:
        yield f"DSCP {cos['dscp_sent']} as {cos['dscp_arrived']}, ECN {cos.get('ecn_sent', 0)} as {cos['ecn_arrived']}"


def _loss(section: Document) -> Iterator[str]:
    loss = section["loss"]
    if loss["reasons"] == ["stateless"]:
        return
    for kind in ("forward", "backward"):
        if loss[kind]:
            yield f"{loss[kind]:,} lost {kind}"
    if loss["unknown"]:
        why = "; ".join(_UNKNOWN[reason] for reason in loss["reasons"])
        yield f"{loss['unknown']:,} lost in a direction that is not known ({why})"


def remarks(document: Document) -> list[Said]:
    """Return what deserves a sentence, with its weight."""
    section = document.get("stamp")
    if section is None:
        return []
    return [
        *_resets(section),
        *_invalid_timestamps(section),
        *_doubts(section),
        *_changes(section),
        *_translations(section),
        *_reply_sizes(section),
    ]


def _reply_sizes(section: Document) -> Iterator[Said]:
    sizes = section.get("reply_size")
    if sizes is None:
        return
    asked = f"--reply-size {sizes['asked']}"
    if sizes["unknown"]:
        whole = "" if sizes["as_asked"] or sizes["refused"] else ": sizes were the same in both directions"
        yield "odd", f"The far end did not heed {asked} in {many(sizes['unknown'], 'reply', 'replies')}{whole}."
    if sizes["refused"]:
        yield "odd", f"The far end refused {asked} in {many(sizes['refused'], 'reply', 'replies')}, and says so."


def _resets(section: Document) -> Iterator[Said]:
    if resets := section["reflector"]["resets"]:
        often = many(resets, "time")
        yield "odd", f"The reflector numbered its replies anew {often}: it restarted, or forgot the session."


def _invalid_timestamps(section: Document) -> Iterator[Said]:
    counts = section["invalid_timestamps"]
    total = counts["total"]
    if not total:
        return
    why = ", ".join(f"{counts[key]:,} {reason}" for key, reason in _REASONS.items() if counts.get(key))
    have = "has stamps that cannot be" if total == 1 else "have stamps that cannot be"
    yield "odd", f"{many(total, 'reply', 'replies')} {have} ({why}): no one-way delay is taken from them."
    if counts["future"] or counts["past"]:
        yield "note", "If the far clock is simply wrong, --clock estimated measures against it all the same."


def _doubts(section: Document) -> Iterator[Said]:
    here, there = section["clocks"]["here"], section["clocks"]["there"]
    if section["clock"] is None or here is None or there is None:
        return
    adrift = [end for end, claim in (("here", here), ("at the far end", there)) if not claim["synchronised"]]
    if section["clock"] == "estimated":
        yield "note", _ASSUMED
    elif adrift:
        yield "odd", f"The clock {' and '.join(adrift)} follows no other: one-way delays are off by as much as it is."
    else:
        error = (here["error_ms"] or 0) + (there["error_ms"] or 0)
        yield "note", f"One-way delays are worth what the clocks are: both ends together claim {time(error)}."


def _changes(section: Document) -> Iterator[Said]:
    cos = section["class_of_service"]
    if cos["dscp_changed"]:
        packets, became = many(cos["dscp_changed"], "packet"), _became(cos["dscp_sent"], cos["dscp_arrived"])
        yield "odd", f"The DSCP of {packets} was changed on the way there: {became}."
    if cos["dscp_refused"]:
        yield "odd", f"The reflector would not answer with DSCP {cos['dscp_asked']}."
    elif cos["dscp_arrived"] is not None and cos["dscp_reply"] not in (None, cos["dscp_asked"]):
        became = _became(cos["dscp_asked"], cos["dscp_reply"])
        yield "odd", f"The DSCP of the replies was changed on the way back: {became}."


def _translations(section: Document) -> Iterator[Said]:
    location = section.get("location")
    if location is None:
        return
    source, destination = location["source"], location["destination"]
    if _differ(source):
        here, there = _endpoint(source["here"]), _endpoint(source["there"])
        yield "note", f"Behind NAT: the far end saw {there}, here it is {here}."
    if _differ(destination):
        here, there = _endpoint(destination["here"]), _endpoint(destination["there"])
        yield "note", f"The far end is behind NAT: what was sent to {here} arrived at {there}."
    if changes := location["changes"]:
        yield "odd", f"The source that the far end saw changed {many(changes, 'time')}: a NAT forgot its mapping."


def _differ(ends: Document) -> bool:
    here, there = ends["here"], ends["there"]
    return here["port"] != there["port"] or there["address"] not in (None, here["address"])


def _endpoint(endpoint: Document) -> str:
    address, port = endpoint["address"], endpoint["port"]
    return f"port {port}" if address is None else format_endpoint(address, port)


def _became(sent: int, arrived: int) -> str:
    return f"{sent} was sent, {arrived} arrived"
