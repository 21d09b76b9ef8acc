"""The README and the help texts are true: their examples are run, against a server with the name and ports they use."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netecho.errors import ExitCode
from tests.namespace import Namespace, namespace
from tests.peers import needed
from tests.pictures import PICTURES, Picture, drawn, filled, words
from tests.program import COMMAND, environment
from tests.readme import README, ROOT, TOPIC_FILES, Block, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = [*blocks("sh")[2:], *(block for topic in TOPIC_FILES for block in blocks("sh", topic))]


def test_the_first_two_blocks_are_the_two_lines_a_newcomer_needs() -> None:
    try_it, test_it = blocks("sh")[:2]
    assert try_it.text == ("python3 -m venv .venv && .venv/bin/pip install --quiet . && .venv/bin/netecho probe self\n")
    assert test_it.text == ("python3 -m venv .venv && .venv/bin/pip install --quiet -e '.[test]' && .venv/bin/pytest\n")


def test_pictures_and_files_it_shows_are_there() -> None:
    shown = re.findall(r"\]\((?!https?:|#)([^)#]+)", README.read_text(encoding="utf-8"))
    assert [each for each in shown if not (ROOT / each).exists()] == []


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_shows_what_its_run_prints_today(picture: Picture) -> None:
    """Where it does not: `python -m tests.pictures`, and look at what has changed."""
    assert words(picture.svg.read_text(encoding="utf-8")) == words(drawn(picture))


@pytest.mark.parametrize("document", [README, *TOPIC_FILES], ids=lambda path: path.stem)
def test_what_is_generated_in_it_is_that_of_today(document: Path) -> None:
    """Where it is not: `python -m tests.pictures`."""
    text = document.read_text(encoding="utf-8")
    assert text == filled(text)


def test_every_exit_code_is_in_its_table() -> None:
    rows = re.findall(r"^\| (\d+) \| .+ \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(each) for each in rows] == sorted(ExitCode)


@pytest.fixture(scope="module")
def network() -> Iterator[Namespace]:
    """A network in which server.example.net serves on the default ports of all that the README probes."""
    with namespace({"server.example.net": "127.0.0.1"}) as inside:
        command = [*inside.prefix, *COMMAND, "serve", ":7007", "stamp://", "--stateful", "--format", "ndjson"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment())
        try:
            assert server.stdout is not None
            assert b"listening" in server.stdout.readline()
            yield inside
        finally:
            server.terminate()
            server.communicate()


@pytest.mark.parametrize(
    "block",
    [pytest.param(block, id=block.text.splitlines()[0]) for block in EXAMPLES if block.not_run is None],
)
def test_an_example_does_what_it_says(network: Namespace, block: Block, tmp_path: Path) -> None:
    if "jq" in block.text:
        needed("jq")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    script = f"cd {shlex.quote(str(tmp_path))}\n{block.text}"  # entering the network comes with a folder of its own
    done = subprocess.run(
        [*network.prefix, "bash", "-euo", "pipefail", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(PATH=path),
    )
    assert done.returncode == block.exit_code, done
    assert "Traceback" not in done.stderr
