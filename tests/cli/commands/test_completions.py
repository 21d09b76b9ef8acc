"""Completion: the scripts are current, and in each shell they complete what is typed."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from netecho.cli.click_ext.shell_complete import SCRIPTS
from tests.cli.shells import BASH_COMPLETION, ROOT, shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.shells import Shell
    from tests.program import Netecho


@pytest.mark.parametrize("name", list(SCRIPTS))
def test_the_script_that_is_installed_is_the_one_that_is_printed(name: str, netecho: Netecho) -> None:
    assert netecho("completions", name).out == (ROOT / "completions" / f"netecho.{name}").read_text()


def test_there_are_no_other_scripts() -> None:
    assert {path.name for path in (ROOT / "completions").iterdir()} == {f"netecho.{name}" for name in SCRIPTS}


@pytest.fixture(scope="module", params=list(SCRIPTS))
def typing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    name = str(request.param)
    with shell(name, tmp_path_factory.mktemp(name)) as started:
        yield started


@pytest.mark.parametrize("name", list(SCRIPTS))
def test_it_is_found_where_wheels_put_it(name: str, tmp_path: Path) -> None:
    if name == "bash" and not BASH_COMPLETION.exists():
        pytest.skip("bash-completion is not installed")
    with shell(name, tmp_path, installed=True) as started:
        assert started.completed("netecho probe udp://se").rstrip() == "netecho probe udp://self"
        assert started.completed("netecho probe self --format nd").rstrip() == "netecho probe self --format ndjson"


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("netecho pro", "netecho probe"),
        ("netecho comp", "netecho comp"),  # ambiguous: compare, completions
        ("netecho compl", "netecho completions"),
        ("netecho --vers", "netecho --version"),
        ("netecho probe sel", "netecho probe self"),
        ("netecho probe udp://se", "netecho probe udp://self"),
        ("netecho serve tcp://lo", "netecho serve tcp://localhost"),
        ("netecho probe --dont", "netecho probe --dont-fragment"),
        ("netecho probe host --no-l", "netecho probe host --no-live"),
        ("netecho probe host --format nd", "netecho probe host --format ndjson"),
        ("netecho probe host --format=nd", "netecho probe host --format=ndjson"),
        ("netecho probe --schedule po", "netecho probe --schedule poisson"),
        ("netecho probe host --fail-if rtt.p99_", "netecho probe host --fail-if rtt.p99_9"),
        ("netecho compare a b --fail-if upload.added_f", "netecho compare a b --fail-if upload.added_forward"),
        ("netecho trace host --fail-if rec", "netecho trace host --fail-if received"),
        ("netecho completions fi", "netecho completions fish"),
        ("netecho diag", "netecho diagnose"),
        ("netecho diagnose sel", "netecho diagnose self"),
        ("netecho diagnose stamp://se", "netecho diagnose stamp://self"),
        ("netecho diagnose host --only bal", "netecho diagnose host --only balancing"),
        ("netecho diagnose host --only loss,bal", "netecho diagnose host --only loss,balancing"),
        ("netecho diagnose host --skip tim", "netecho diagnose host --skip timeouts"),
        ("netecho diagnose host --format js", "netecho diagnose host --format json"),
        ("netecho diagnose host --fail-if-severity cri", "netecho diagnose host --fail-if-severity critical"),
        ("netecho diagnose host --max-b", "netecho diagnose host --max-bytes"),
        ("netecho help diag", "netecho help diagnose"),
        ("netecho help accu", "netecho help accuracy"),
        ("netecho help prob", "netecho help probe"),
        ("netecho probe nothing-like-it", "netecho probe nothing-like-it"),
    ],
)
def test_words(typing: Shell, typed: str, completed: str) -> None:
    assert typing.completed(typed).rstrip() == completed


@pytest.mark.parametrize(
    ("typed", "then", "completed"),
    [
        ("netecho probe ud", "host", "netecho probe udp://host"),
        ("netecho serve st", "", "netecho serve stamp://"),
        ("netecho probe se", "-c", "netecho probe self -c"),
    ],
)
def test_a_word_is_followed_by_a_blank_and_a_scheme_by_its_host(
    typing: Shell, typed: str, then: str, completed: str
) -> None:
    assert typing.completed(typed, then).replace("self-c", "self -c") == completed


def test_files(typing: Shell, tmp_path: Path) -> None:
    (tmp_path / "a run.ndjson").touch()
    (tmp_path / "saved.ndjson").touch()
    for option in ("--save ", "--save=", "--ca ", "--hdr ", "--payload-file "):
        typed = f"netecho probe host {option}{tmp_path}/sa"
        assert typing.completed(typed).rstrip() == f"netecho probe host {option}{tmp_path}/saved.ndjson"
    typed = f"netecho report {tmp_path}/sa"
    assert typing.completed(typed).rstrip() == f"netecho report {tmp_path}/saved.ndjson"
    assert typing.completed(f"netecho compare {tmp_path}/saved.ndjson {tmp_path}/sa").rstrip() == (
        f"netecho compare {tmp_path}/saved.ndjson {tmp_path}/saved.ndjson"
    )


def test_sockets(typing: Shell, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    directory = os.open(tmp_path / "run", os.O_PATH)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{directory}/echo.sock")  # the path itself may be too long for a socket's
    os.close(directory)
    assert typing.completed(f"netecho probe unix:{tmp_path}/r") == f"netecho probe unix:{tmp_path}/run/"
    for written in ("unix:", "unix://"):
        typed = f"netecho probe {written}{tmp_path}/run/e"
        assert typing.completed(typed).rstrip() == f"netecho probe {written}{tmp_path}/run/echo.sock"


def test_after_an_assignment_and_in_a_pipeline(typing: Shell) -> None:
    assert typing.completed("true | netecho pro").rstrip() == "true | netecho probe"
    assert typing.completed("A=1 netecho pro").rstrip() == "A=1 netecho probe"
