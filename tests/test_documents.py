"""The contributors' documents speak of files that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted((ROOT / ".github").glob("*.md"))
_NAMED = re.compile(r"(?<![\w./-])((?:[\w.]+/)+[\w.]*)(?![\w/-])")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_the_files_it_names_are_there(document: Path) -> None:
    """A path inside backticks is one of the checkout's, or of the package's."""
    spoken = re.findall(r"`([^`\n]+)`", document.read_text(encoding="utf-8"))
    paths = [path for words in spoken for path in _NAMED.findall(words) if not path.startswith((".venv/", "."))]
    assert [path for path in paths if not any((room / path).exists() for room in (ROOT, ROOT / "netecho"))] == []


def test_the_workflow_runs_what_must_hold() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.search(r"run: .*\.ci/run$", workflow, re.MULTILINE)
