"""Clients turned away, told without a flood: the first of a kind at once, the rest as a count a while later."""

from __future__ import annotations

from netecho.echo.events import Refused

MOST_KINDS = 128
"""Kinds (peer and reason) kept apart between two reports; what comes beyond them is told as `others`."""

OTHERS = "others"


class RefusalLog:
    """What was told of each kind of refusal since the last report, and what is still to be told."""

    def __init__(self) -> None:
        self._untold: dict[tuple[str, str, str], int] = {}

    def add(self, transport: str, peer: str, reason: str) -> Refused | None:
        """Take in one refusal, and return it if it is the first of its kind since the last report."""
        kind = (transport, peer, reason)
        if kind not in self._untold and len(self._untold) >= MOST_KINDS:
            kind = (transport, OTHERS, reason)
        if kind in self._untold:
            self._untold[kind] += 1
            return None
        self._untold[kind] = 0
        return Refused(transport, kind[1], reason, 1)

    def report(self) -> list[Refused]:
        """Return what has not been told yet, and begin anew."""
        untold, self._untold = self._untold, {}
        return [Refused(*kind, count) for kind, count in untold.items() if count]
