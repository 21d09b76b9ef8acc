"""How netecho starts another Python process: with the modules of this one, and none from the working directory.

`python -m` puts the working directory first on the import path. A `netecho/__init__.py` or a `socket.py` that
somebody else left there would be run, as root where netecho is. So children start with `-P` (no directory is put
first) and with an import path of their own in PYTHONPATH: this process's, less every entry that depends on the
working directory. `-I` would be stricter, but it leaves out the user's site-packages, where netecho may be.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OUR_ROOT = Path(__file__).resolve().parents[2]
"""The directory that this package was imported from."""


def command(module: str) -> list[str]:
    """Return the command that runs a module as a program."""
    return [sys.executable, "-P", "-m", module]


def environment(
    environ: Mapping[str, str] = os.environ, path: Sequence[str] = sys.path, directory: str | None = None
) -> dict[str, str]:
    """Return the environment for such a command: `environ`, with an import path made of `path`.

    Left out are relative and empty entries, the working `directory` (of this process, where None) under whatever
    name, and what PYTHONPATH named relative to it, which Python has made absolute. Where netecho itself was imported
    from, it stays, but last: it cannot stand in for a module of the standard library.
    """
    here = Path(_working_directory() if directory is None else directory)
    entries = ["", *environ.get("PYTHONPATH", "").split(os.pathsep)]
    unwanted = {here.joinpath(entry).resolve() for entry in entries if not Path(entry).is_absolute()}
    unwanted.add(_OUR_ROOT)
    # A separator cannot be written in PYTHONPATH: an entry that has one would be read as two.
    kept = [
        entry
        for entry in path
        if Path(entry).is_absolute() and os.pathsep not in entry and Path(entry).resolve() not in unwanted
    ]
    return {**environ, "PYTHONPATH": os.pathsep.join([*kept, str(_OUR_ROOT)])}


def _working_directory() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # it was removed: nothing can be relative to it
        return os.sep
