"""The command line: it asks, and at the end it says the exit code. Click lives here alone.

What is asked for most, `netecho --help` and `--version`, is answered without importing even Click: see `front`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from netecho.cli import edge

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that `arguments` (the process's own where None) ask for, and exit with its code."""
    sys.exit(edge.run(sys.argv[1:] if arguments is None else list(arguments)))
