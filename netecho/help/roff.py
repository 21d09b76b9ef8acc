"""What a man page must escape, so that text is printed as it stands."""

from __future__ import annotations

import re


def escaped(text: str) -> str:
    """Return text as roff prints it: its hyphens and quotes are the ones people type, and no line is a request."""
    text = (
        text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("~", r"\(ti").replace("^", r"\(ha")
    )
    return re.sub(r"^\.", r"\&.", text, flags=re.MULTILINE)


def quoted(text: str) -> str:
    """Return text as one argument of a macro."""
    return '"' + escaped(text).replace('"', r"\(dq") + '"'
