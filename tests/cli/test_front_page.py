"""The front page: what there is, and that asking for it is cheap."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click
import pytest

from netecho.cli import front_page
from netecho.version import __version__
from tests.program import environment

if TYPE_CHECKING:
    from tests.program import Netecho

HEAVY = ("click", "rich", "twisted", "OpenSSL", "cryptography", "zope", "inspect", "ssl", "json", "asyncio")


def imported_by(*arguments: str) -> set[str]:
    """Return the packages that the command has imported when it is done."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "netecho", *arguments],
        capture_output=True,
        text=True,
        env={name: value for name, value in environment().items() if not name.startswith("COVERAGE_")},
        check=False,
    )
    lines = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize("argument", ["--help", "-h", "--version"])
def test_help_and_version_import_nothing_heavy(argument: str) -> None:
    imported = imported_by(argument)
    assert "netecho" in imported
    assert not imported.intersection(HEAVY)


@pytest.mark.parametrize("arguments", [["probe", "--help"], ["serve", "--help"], ["probe", "host:x"]])
def test_the_help_of_a_command_and_its_mistakes_import_neither_twisted_nor_rich(arguments: list[str]) -> None:
    imported = imported_by(*arguments)
    assert "click" in imported
    assert not imported.intersection(("rich", "twisted", "OpenSSL", "cryptography", "zope"))


def test_version(netecho: Netecho) -> None:
    ended = netecho("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"netecho {__version__}\n", "")


def test_help_is_the_front_page_however_it_is_asked_for(netecho: Netecho) -> None:
    assert netecho("--help").out == front_page.page()
    # Through Click, which has options before it.
    assert netecho("-h", "--help").out == front_page.page()
    assert netecho("--version", "--help").out == f"netecho {__version__}\n"


def test_the_page_fits_80_columns_and_has_every_command() -> None:
    lines = front_page.page().splitlines()
    assert max(map(len, lines)) <= 80
    assert all(any(line.startswith(f"  {name} ") for line in lines) for name in front_page.COMMANDS)


@pytest.mark.parametrize("name", list(front_page.COMMANDS))
def test_each_command_is_where_the_page_says_and_has_help_with_examples(name: str, netecho: Netecho) -> None:
    command = getattr(import_module(f"netecho.cli.commands.{name}"), name)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.help
    ended = netecho(name, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: netecho {name} [OPTIONS]")
    assert "\n\nExamples:\n  " in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert all(option.help for option in options)


def test_help_into_a_closed_pipe_ends_quietly(netecho: Netecho) -> None:
    for arguments in (["--help"], ["probe", "--help"]):
        program = netecho.start(*arguments, stdout=subprocess.PIPE)
        assert program.process.stdout is not None
        program.process.stdout.close()
        program.process.stdout = None
        ended = program.end()
        assert ended.err == ""
        assert ended.code in (0, 5)  # 0 where all was written before the pipe was closed
