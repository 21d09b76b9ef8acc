"""A live display on standard error: Rich's `Live`, refreshed by hand and written without waiting.

Rich's own refresh thread would share the interpreter lock with the measurement, and its writes would wait for a
terminal that was stopped with Ctrl-S. So a frame is drawn when it is asked for, from the reactor, and left out while
the terminal has not taken the one before.

Either the whole screen is used (the terminal's alternate one, so that what stood there is there again afterwards), or
the lines at its bottom, with everything else scrolling by above them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment, Segments

from netecho.report.terminal.time_chart import Row
from netecho.report.writer import WriterFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.report.output import Output

Lines = list[list[Segment]]
_ERASED = Control((ControlType.ERASE_IN_LINE, 2)).segment


class Display:
    """Shows one renderable after another in the same place, and makes room for what else is written."""

    def __init__(self, output: Output, *, whole_screen: bool = False) -> None:
        self._output = output
        self._whole_screen = whole_screen
        self._console = Console(
            file=WriterFile(output.draw, "utf-8" if output.glyphs else "ascii"),  # type: ignore[arg-type]
            force_terminal=True,
            force_interactive=True,
            color_system="standard" if output.stderr_color else None,  # sixteen: they suit light and dark terminals
            no_color=not output.stderr_color,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
            _environ={"TERM": "xterm"},  # what the terminal can do was asked already
        )
        self._live: Live | None = None
        self._lines: Lines = []
        self._columns = 0
        output.cover(self)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows that there are for the next frame."""
        columns, rows = self._output.stderr_size
        # The last column is left free, for a character that the terminal takes for wider than we do.
        return max(1, columns - 1), rows if self._whole_screen else max(1, rows - 1)

    def prepare(self, renderable: RenderableType) -> None:
        """Lay something out without showing it."""
        self._console.render_lines(renderable)

    def show(self, renderable: RenderableType) -> None:
        """Draw a frame in place of the one before, unless the terminal takes none right now."""
        if not self._output.can_draw:
            return
        self._resize()
        console, (width, height) = self._console, self.size
        options = console.options.update(width=width)
        # Rendered once, to know how many rows each line takes should the terminal be made narrower.
        lines: Lines = []
        for part in renderable.renderables if isinstance(renderable, Group) else [renderable]:
            if isinstance(part, Row):
                lines.append(part.line(console))
            else:
                lines += console.render_lines(part, options, pad=False)
        self._lines = lines[-height:]
        self._draw()

    def hide(self) -> None:
        """Leave the screen as it was."""
        if self._live is not None:
            self._resize()
            self._live.stop()
            self._live = None

    def show_again(self) -> None:
        """Draw the last frame again."""
        if self._lines and self._output.can_draw:
            self._resize()
            self._draw()

    def show_anew(self) -> None:
        """Draw the last frame again, whole: while this process was stopped, others wrote on the screen."""
        if self._live is None:
            return
        if self._whole_screen:
            self.hide()
        else:
            # Below what they wrote: where our lines stand now is not known, and they are not erased.
            self._console.clear_live()
            self._console.pop_render_hook()
            self._live = None
            self._console.line()
        self.show_again()

    def close(self) -> None:
        """Leave the screen as it was, for good."""
        self.hide()
        self._lines = []
        self._output.cover(None)

    def _draw(self) -> None:
        frame = Segments(_joined(self._lines))
        if self._live is None:
            self._live = Live(
                frame,
                console=self._console,
                screen=self._whole_screen,
                transient=True,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
                vertical_overflow="crop",
            )
            self._live.start(refresh=True)
        elif self._whole_screen:
            # `Live` would lay the lines out once more, which takes as long as the first time.
            blank: Lines = [[]] * (self._console.height - len(self._lines))
            self._console.update_screen_lines([[_ERASED, *line] for line in [*self._lines, *blank]])
        else:
            self._live.update(frame, refresh=True)

    def _resize(self) -> None:
        """Learn the terminal's size, and erase what it made of our lines if it became narrower and broke them anew."""
        columns, rows = self._output.stderr_size
        if self._live is not None and not self._whole_screen and columns < self._columns:
            broken = sum(max(0, -(-Segment.get_line_length(line) // columns) - 1) for line in self._lines)
            erased = [(ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)]
            self._console.control(Control((ControlType.ERASE_IN_LINE, 2), *(erased * broken)))
        self._columns = columns
        self._console.size = (columns, rows)


def _joined(lines: Sequence[list[Segment]]) -> list[Segment]:
    joined: list[Segment] = []
    for number, line in enumerate(lines):
        joined += [Segment.line()] * (number > 0) + line
    return joined
