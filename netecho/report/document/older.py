"""Documents that an older netecho wrote: keys that were added within the schema since get the value of "none seen".

The schema asks for every key that is written today, so that consumers may rely on it. A saved run is kept for years.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netecho.report.document.model import Document

_ADDED: dict[str, Any] = {
    "loss_by_reason": {},
    "losses": [],
    "outages": [],
    "unavailable_ms": 0.0,
    "gone_ms": 0.0,
    "suspended_ms": 0.0,
}
_ADDED_TO_PROBES = {"stray_bytes": 0, "dropped_here": 0, "not_sent": 0}
_ADDED_TO_PARTS = {"dropped_here": 0}
_PARTS = ("sizes", "flows")
_ADDED_TO_LOADS = {"dscp": None}


def completed(document: Document) -> Document:
    """Return a document with what was added since it was written; what it has stays as it is, right or wrong."""
    probes = document.get("probes")
    if not isinstance(probes, dict):
        return document
    whole: Document = {}
    for key, value in document.items():
        whole[key] = value
        if key == "probes":  # the place they are printed at
            whole[key] = {**probes, **{name: none for name, none in _ADDED_TO_PROBES.items() if name not in probes}}
            whole |= {name: none for name, none in _ADDED.items() if name not in document}
        elif key in _PARTS and isinstance(value, list):
            whole[key] = [_ADDED_TO_PARTS | part if isinstance(part, dict) else part for part in value]
    return whole


def completed_load(document: Document) -> Document:
    """Return the document of a run of load with what was added since it was written."""
    return _ADDED_TO_LOADS | document
