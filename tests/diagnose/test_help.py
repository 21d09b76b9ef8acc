"""`netecho help diagnose` explains every finding there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import netecho.diagnose.checks
from netecho.diagnose.finding import CHECKS
from netecho.help.topics import source

ROOM = Path(netecho.diagnose.checks.__file__).parent
CHECK_MODULES = sorted(path for path in ROOM.glob("*.py") if path.stem != "__init__")


def section(check: str) -> str:
    return source("diagnose").partition(f"\n## {check}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("module", CHECK_MODULES, ids=lambda path: path.stem)
def test_every_code_of_a_check_is_explained_in_its_section(module: Path) -> None:
    assert module.stem in CHECKS
    codes = re.findall(r'code="([a-z0-9-]+)"(?: if .*? else "([a-z0-9-]+)")?', module.read_text("utf-8"))
    every = {code for pair in codes for code in pair if code}
    assert every
    assert every == set(
        re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)*)`", re.sub(r"\|[^|]*\|$", "", section(module.stem), flags=re.MULTILINE))
    )
