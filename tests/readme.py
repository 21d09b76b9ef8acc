"""The code blocks of the README and the help texts, and what is said of each in the comment before it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TOPIC_FILES = sorted((ROOT / "netecho" / "help").glob("*.md"))

_BLOCK = re.compile(
    r"(?:^<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A fenced block: its language, what stands in it, and the note in the comment right before it."""

    language: str
    text: str
    note: str

    @property
    def not_run(self) -> str | None:
        """Why the tests do not run it, where they do not."""
        _, marked, reason = self.note.partition("not run: ")
        return reason if marked else None

    @property
    def exit_code(self) -> int:
        """What the note says that it ends with; 0 where it says nothing."""
        said = re.fullmatch(r"exits with (\d+)", self.note)
        return int(said[1]) if said else 0


def blocks(language: str, document: Path = README) -> list[Block]:
    """All blocks in this language, in order."""
    found = _BLOCK.finditer(document.read_text(encoding="utf-8"))
    every = [Block(each["language"], each["text"], each["note"] or "") for each in found]
    return [block for block in every if block.language == language]
