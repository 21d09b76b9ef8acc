"""What a command shares with the edge that runs it: the `obj` of Click's own context."""

from __future__ import annotations

from netecho.report.output import Output


class CliContext:
    """What a command shares with its edge; it is the `obj` of Click's context."""

    def __init__(self) -> None:
        self.output = Output()
        """What errors are shown on. A command that has -q and --no-color puts its own here."""
