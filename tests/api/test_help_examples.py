"""Every example of `netecho help python` runs as it stands, against a server of our own."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from netecho.help.topics import source
from tests.server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.program import Netecho

EXAMPLES = re.findall(r"^```python\n(.*?)^```$", source("python"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def port(netecho: Netecho) -> Iterator[int]:
    with serving(netecho, "127.0.0.1:0", listening=2) as server:
        yield server.port["tcp"]


def here(example: str, port: int) -> str:
    example = example.replace("server.example.net", f"127.0.0.1:{port}").replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    return example.replace('rtt_p99="20ms"', 'rtt_p99="10s"')  # whether it is met is for the machine to say


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example(example: str, port: int, tmp_path: Path) -> None:
    program = tmp_path / "test_example.py"
    program.write_text(here(example, port))
    runner = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if "pytest" in example else []
    done = subprocess.run(
        [sys.executable, *runner, str(program)], check=False, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 4
