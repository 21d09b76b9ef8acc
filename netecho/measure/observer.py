"""Who is told what happens in a run while it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from netecho.measure.events import Event
    from netecho.measure.result import Start


class Reporter(Protocol):
    """Who is told what happens while it happens."""

    def started(self, start: Start) -> None:
        """Learn that the first probe is about to leave."""

    def tell(self, event: Event) -> None:
        """Learn what happened to a probe."""

    @property
    def follows(self) -> bool:
        """Whether it wants to hear of every reply, or only of what is out of the ordinary."""
