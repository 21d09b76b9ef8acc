"""What Rich lays out, as text."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.console import RenderableType

_BLANK_END = re.compile(r"(?: |\x1b\[[0-9;]*m)*$")


def rendered(content: RenderableType, *, width: int, color: bool) -> str:
    """Return what Rich makes of it, with nothing taken from the environment and no blanks at the line ends."""
    paper = StringIO()
    Console(
        file=paper,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,  # sixteen: they suit light terminals and dark ones
        no_color=not color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    ).print(content)
    return "".join(f"{_BLANK_END.sub(_styles_alone, line)}\n" for line in paper.getvalue().splitlines())


def _styles_alone(end: re.Match[str]) -> str:
    return end[0].replace(" ", "")
