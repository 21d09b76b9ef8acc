"""How far a diagnosis is: which step of how many, on standard error's terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netecho.report.output import Output
    from netecho.report.terminal.display import Display


class Steps:
    """Entered while a diagnosis goes on; shows nothing where nobody watches."""

    def __init__(self, output: Output) -> None:
        self._display: Display | None = None
        if output.stderr_moves and not output.quiet:
            from netecho.report.terminal.display import Display

            self._display = Display(output)

    def __enter__(self) -> Steps:
        """Begin."""
        return self

    def begin(self, number: int, of: int, words: str) -> None:
        """Show that a step begins."""
        if self._display is not None:
            from rich.console import Group
            from rich.text import Text

            from netecho.report.terminal.progress import progress_row

            width = self._display.size[0]
            row = progress_row(width, (number - 1) / of, f"{number} of {of}, Ctrl-C ends it with what is known")
            self._display.show(Group(Text(words, no_wrap=True, overflow="ellipsis"), row))

    def __exit__(self, *_: object) -> None:
        """Leave the screen as it was."""
        if self._display is not None:
            self._display.close()
