"""Who is told of a trace while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from netecho.trace.run import Head, Traced
    from netecho.trace.session import Answer


class Observer(Protocol):
    """Is called from the reactor: it may not wait."""

    follows: bool
    """Whether it wants to see the whole of it some times a second."""

    def started(self, head: Head) -> None:
        """Take in what is known as the trace begins."""

    def answered(self, answer: Answer) -> None:
        """Take in the fate of a packet."""

    def show(self, traced: Traced) -> None:
        """Show all that is known by now."""
