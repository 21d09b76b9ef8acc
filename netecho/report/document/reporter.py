"""What a format is: an observer of the run that also gets the document at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from netecho.measure import observer

if TYPE_CHECKING:
    from netecho.report.document.model import Document


class Reporter(observer.Reporter, Protocol):
    """Prints a run, or keeps it: `started`, then `tell` for each event, then `finished`."""

    def finished(self, document: Document) -> None:
        """Take the whole run. Raises OutputError where it cannot be written."""
