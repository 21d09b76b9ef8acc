"""The edge: every error becomes words on standard error and an exit code, and nothing else comes through."""

from __future__ import annotations

import sys
import zipfile
from typing import TYPE_CHECKING
from zipimport import zipimporter

import pytest

from netecho.cli import entry
from netecho.errors import ExitCode, OutputClosed, OutputError, UnreachableError, UsageError
from netecho.report.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from netecho.cli.context import CliContext


def raising(error: BaseException) -> Callable[[list[str], CliContext], int]:
    def dispatch(_arguments: list[str], _edge: CliContext) -> int:
        raise error

    return dispatch


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("x is wrong", "try y"), 2, "netecho: x is wrong\n  try y\n"),
        (UsageError("x is wrong"), 2, "netecho: x is wrong\n"),
        (UnreachableError("nobody there", "start one"), 3, "netecho: nobody there\n  start one\n"),
        (OutputError("no room"), 5, "netecho: no room\n"),
        (OutputClosed("closed"), 5, ""),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_becomes_words_and_an_exit_code(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(entry, "_dispatch", raising(error))
    assert entry.run(["probe"]) == code
    assert capsys.readouterr() == ("", said)


def test_what_an_archive_cannot_import_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = raising(ImportError("cannot import name 'x509'"))
    monkeypatch.setattr(entry, "_dispatch", missing)
    assert entry.run(["probe"]) == ExitCode.BUG
    assert "a bug" in capsys.readouterr().err
    with zipfile.ZipFile(tmp_path / "netecho.pyz", "w") as archive:
        archive.writestr("any.py", "")
    monkeypatch.setattr(entry.__spec__, "loader", zipimporter(str(tmp_path / "netecho.pyz")))
    assert entry.run(["probe"]) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith(
        "netecho: this needs a compiled module, and Python imports none from a zip"
    )


def test_anything_else_is_a_bug_and_says_where_and_how_to_report_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Raised from inside the package, as a bug would be.
    monkeypatch.setattr("netecho.cli.front_page.page", lambda: {"x": ""}["a\nb"])
    assert entry.run(["--help"]) == ExitCode.BUG
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first.startswith("netecho: this is a bug in netecho: KeyError: 'a\\nb' (netecho.cli.entry, line ")
    assert second == "  please report it with the command and all that it prints under NETECHO_DEBUG=1"


def test_debugging_adds_the_traceback_to_bugs_and_to_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETECHO_DEBUG", "1")
    monkeypatch.setattr("netecho.cli.front_page.page", lambda: 1 // 0)
    assert entry.run(["--help"]) == ExitCode.BUG
    err = capsys.readouterr().err
    assert "Traceback (most recent call last):" in err
    assert f"Python {sys.version.split()[0]}" in err
    assert "please report it with the lines above, the command, and what `netecho --version` says" in err
    monkeypatch.setattr(entry, "_dispatch", raising(UsageError("x is wrong")))
    assert entry.run(["--help"]) == ExitCode.USAGE
    assert "UsageError: x is wrong" in capsys.readouterr().err


def test_what_was_asked_to_be_silent_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def dispatch(_arguments: list[str], shared: CliContext) -> int:
        shared.output = Output(quiet=2)
        raise UnreachableError("nobody there")

    monkeypatch.setattr(entry, "_dispatch", dispatch)
    assert entry.run(["probe"]) == ExitCode.UNREACHABLE
    assert capsys.readouterr() == ("", "")
