"""The README and the help texts are true: their examples are run, against a server with the name and ports they use."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from netecho.errors import ExitCode
from tests.namespace import Namespace, namespace
from tests.peers import needed
from tests.pictures import PICTURES, Picture, drawn, filled, words
from tests.program import command_line, environment, path_with_netecho
from tests.readme import README, ROOT, TOPIC_FILES, Block, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = [block for block in blocks("json") if block.note.startswith("keys: ")]
EXAMPLES = [*blocks("sh")[2:], *(block for topic in TOPIC_FILES for block in blocks("sh", topic))]


def test_the_first_two_blocks_are_the_two_lines_a_newcomer_needs() -> None:
    try_it, test_it = blocks("sh")[:2]
    assert try_it.text == ("python3 -m venv .venv && .venv/bin/pip install --quiet . && .venv/bin/netecho probe self\n")
    assert test_it.text == ("python3 -m venv .venv && .venv/bin/pip install --quiet -e '.[test]' && .venv/bin/pytest\n")


def test_no_paragraph_is_long() -> None:
    """What needs more than 60 words is two things, or a help text."""
    text = re.sub(r"^```.*?^```$|^<!--.*?-->$", "", README.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    paragraphs = [each for each in re.split(r"\n\s*\n", text) if not each.lstrip().startswith("|")]
    words = {each: len(re.sub(r"\]\([^)]*\)", "]", each).split()) for each in paragraphs}
    assert {each: count for each, count in words.items() if count > 60} == {}


def test_its_definitions_are_those_of_the_help() -> None:
    rows = [line for line in section(README, "## Definitions").splitlines() if line.startswith("| `")]
    assert rows
    figures = (ROOT / "netecho" / "help" / "figures.md").read_text(encoding="utf-8")
    assert [row for row in rows if row not in figures] == []


def test_it_explains_what_stands_in_the_output_it_shows() -> None:
    shown, table = section(README, "## How to read the output").split("```\n", 1)
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`(.*?)`", row) if name not in shown] == []


def section(document: Path, heading: str) -> str:
    """A section of a document, without its heading."""
    found = re.search(
        rf"^{re.escape(heading)}\n(.*?)(?=^## |\Z)", document.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found is not None
    return found[1]


def test_every_topic_is_linked_to() -> None:
    assert [
        path.stem for path in TOPIC_FILES if f"[{path.stem}](netecho/help/{path.name})" not in README.read_text()
    ] == []


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
        command = [*inside.prefix, *command_line(), "serve", ":7007", "stamp://", "--stateful", "--format", "ndjson"]
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
def test_an_example_does_what_it_says(
    network: Namespace, block: Block, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if "jq" in block.text:
        needed("jq")
    path = path_with_netecho(tmp_path_factory.getbasetemp())
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


@pytest.mark.parametrize("block", KEYS, ids=lambda block: block.note)
def test_a_document_shown_in_part_has_the_keys_and_kinds_of_a_real_one(network: Namespace, block: Block) -> None:
    command = shlex.split(block.note.removeprefix("keys: "))[1:]
    real = json.loads(network.run(*command_line(), *command))
    assert differences(json.loads(block.text), real) == []


def differences(shown: object, real: object, where: str = "") -> list[str]:
    """Where what is shown has a key that the real one has not, or another kind of value; null may stand for any."""
    if isinstance(shown, dict) and isinstance(real, dict):
        missing = [f"{where}.{key}" for key in shown if key not in real]
        both = [key for key in shown if key in real]
        return missing + [each for key in both for each in differences(shown[key], real[key], f"{where}.{key}")]
    kinds = [float if isinstance(value, int) else type(value) for value in (shown, real)]
    return [] if None in (shown, real) or kinds[0] is kinds[1] else [where]
