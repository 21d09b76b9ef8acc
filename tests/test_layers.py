"""The house keeps its shape: who may import whom, what lies at the top, and what a quick answer may cost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.program import environment

ROOT = Path(__file__).parent.parent
TOP = {"pyproject.toml", "netecho", "tests", "README.md", "completions", "LICENSE", "CHANGELOG.md"}
HEAVY = {"twisted", "rich", "click", "OpenSSL", "cryptography", "asyncio", "jsonschema"}


def test_imports_go_down_the_house_and_no_other_way() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_else_lies_at_the_top() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=False, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    entries = {line.partition("/")[0] for line in listed.stdout.splitlines()}
    assert {each for each in entries if not each.startswith(".")} <= TOP


@pytest.mark.parametrize("asked", ["--version", "--help"])
def test_a_quick_answer_imports_nothing_heavy(asked: str) -> None:
    """Else each completion, each `--help` and each script's version check waits a quarter of a second for it."""
    script = (
        "import os, sys; sys.argv = ['netecho', sys.argv[1]]; os._exit = sys.exit\n"
        "from netecho.cli import main\n"
        "try: main()\n"
        "finally: print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, asked], check=False, capture_output=True, text=True, env=environment()
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "netecho" in loaded
    assert loaded & HEAVY == set()
