"""Refusals logged at a bounded rate: the first of a kind at once, the others as a count in the next report."""

from __future__ import annotations

from netecho.echo.events import Refused

MOST_KINDS = 128
"""Kinds (peer and reason) kept apart between two reports; those beyond them are logged as `others`."""

OTHERS = "others"


class RefusalLog:
    """How many of each kind of refusal there were since the last report, beyond the first, which was logged."""

    def __init__(self) -> None:
        self._unlogged: dict[tuple[str, str, str], int] = {}

    def add(self, transport: str, peer: str, reason: str) -> Refused | None:
        """Count one refusal, and return it if it is the first of its kind since the last report."""
        kind = (transport, peer, reason)
        if kind not in self._unlogged and len(self._unlogged) >= MOST_KINDS:
            kind = (transport, OTHERS, reason)
        if kind in self._unlogged:
            self._unlogged[kind] += 1
            return None
        self._unlogged[kind] = 0
        return Refused(transport, kind[1], reason, 1)

    def report(self) -> list[Refused]:
        """Return those that were counted and not logged, and begin anew."""
        unlogged, self._unlogged = self._unlogged, {}
        return [Refused(*kind, count) for kind, count in unlogged.items() if count]
