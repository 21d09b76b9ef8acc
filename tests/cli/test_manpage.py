"""The manual page: current, complete, and readable by man; and where wheels put it and the completions."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from netecho.cli import front_page
from netecho.cli.manpage import ENDINGS, page
from netecho.errors import ExitCode
from netecho.help import manpages
from netecho.help.topics import TOPICS
from tests.program import environment

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "netecho" / "cli" / "netecho.1"


def test_the_page_that_is_installed_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m netecho.cli.manpage > netecho/cli/netecho.1"


def test_it_has_every_exit_code() -> None:
    assert set(ENDINGS) == set(ExitCode)


def as_shown(page: Path) -> str:
    """What man prints of a page, 80 columns wide; it must have nothing to complain about."""
    if shutil.which("man") is None or shutil.which("groff") is None:
        pytest.skip("man and groff are not installed")
    shown = subprocess.run(
        ["man", "--warnings", "--local-file", str(page)],
        capture_output=True,
        text=True,
        env=environment(MANWIDTH="80", MANPAGER="cat", MAN_KEEP_FORMATTING=""),
        check=True,
    )
    assert shown.stderr == ""
    return shown.stdout


@pytest.mark.parametrize("topic", TOPICS)
def test_man_reads_a_help_text_without_a_warning(topic: str) -> None:
    words = " ".join(as_shown(manpages.FOLDER / f"{manpages.name(topic)}.7").split())
    assert f"NETECHO-{topic.upper()}(7)" in words
    assert "`" not in words
    assert "SEE ALSO netecho(1)" in words


def test_man_reads_it_without_a_warning() -> None:
    shown = as_shown(PAGE)
    for name in front_page.COMMANDS:
        assert f"NETECHO {name.upper()}" in shown
    words = " ".join(shown.split())
    # What is typed is shown as it is typed: hyphens, quotes, carets.
    assert "netecho probe host --fail-if 'rtt.p99>20ms'" in words
    assert 'eval "$(netecho completions bash)"' in words
    assert "--dont-fragment" in words
    assert "[SCHEME://]HOST[:PORT]" in words


def test_wheels_put_things_where_shells_and_man_look() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        shared = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared == {
        "completions/netecho.bash": "share/bash-completion/completions/netecho",
        "completions/netecho.zsh": "share/zsh/site-functions/_netecho",
        "completions/netecho.fish": "share/fish/vendor_completions.d/netecho.fish",
        "netecho/cli/netecho.1": "share/man/man1/netecho.1",
        "netecho/help/man": "share/man/man7",
    }
    assert all((ROOT / source).exists() for source in shared)
