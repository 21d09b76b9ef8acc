"""The interface to whatever reports a run while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from netecho.measure.events import Event
    from netecho.measure.result import Start


class Reporter(Protocol):
    """Reports a run while it goes on."""

    def started(self, start: Start) -> None:
        """Report that the first probe is about to leave."""

    def tell(self, event: Event) -> None:
        """Report an event."""

    @property
    def follows(self) -> bool:
        """Whether it wants to hear of every reply, or only of what is out of the ordinary."""
