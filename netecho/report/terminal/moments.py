"""When something in a run happened: its time of day, by the time of day that the run started at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.report.document.decode import started_of
from netecho.report.humanize import clock, span
from netecho.units import MILLISECOND

if TYPE_CHECKING:
    from netecho.report.document.model import Document


def moment(document: Document, after_ms: float) -> str:
    """Return the local time of day, or how long after the start where a saved run's start is in no calendar."""
    try:
        return clock(started_of(document) + round(after_ms * MILLISECOND))
    except (ValueError, OverflowError, OSError):
        return f"{span(after_ms)} after the start"
