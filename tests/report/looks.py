"""Output kept as text, in the files of `golden/`: read them, they are meant to be looked at.

`NETECHO_GOLDEN=write pytest tests/report` writes them anew.
"""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).parent / "golden"


def looks_as_it_did(name: str, shown: str, width: int) -> None:
    """Assert that something looks as it did, and fits its width."""
    file = HERE / f"{name}.txt"
    if os.environ.get("NETECHO_GOLDEN") == "write":
        file.write_text(shown)
    assert shown == file.read_text()
    assert all(len(line) <= width for line in shown.splitlines())
