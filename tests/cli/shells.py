"""Shells that really complete: typed at through a terminal, as a person would."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.program import PATIENCE, environment, path_with_netecho

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")

_START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--private", "-i"],
}
_SET_UP = {
    "bash": "bind 'set enable-bracketed-paste off'",
    "zsh": "unsetopt zle_bracketed_paste; bindkey -e; fpath=({share}/zsh/site-functions $fpath);"
    " autoload -Uz compinit; compinit -D -u",
    "fish": "true",
}
# Where the shells look by themselves, and what has them look.
_INSTALLED = {
    "bash": ("bash-completion/completions/netecho", f"source {BASH_COMPLETION}"),
    "zsh": ("zsh/site-functions/_netecho", "true"),
    "fish": ("fish/vendor_completions.d/netecho.fish", "true"),
}
# A shell that is typed at wants the terminal for its own.
_OWN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
_TO_THE_BEGINNING, _TO_THE_END = "\x01", "\x05"


class Shell:
    """A shell that was started, with netecho in its path and its completions read."""

    def __init__(self, terminal: int, answers: int, where: Path) -> None:
        self._terminal = terminal
        self._answers = answers
        self._where = where

    def completed(self, line: str, then: str = "") -> str:
        """Return what the line has become when TAB was pressed at its end, and `then` was typed.

        The line is not run. It is made a word, by typing around it, and the shell prints that to us.
        """
        return self.run(f"{line}\t{then}{_TO_THE_END}'{_TO_THE_BEGINNING}echo '{_TO_THE_END} > {self._where}")

    def run(self, typed: str) -> str:
        """Type a line and the return key; return what it printed to `where`."""
        os.write(self._terminal, f"{typed}\n".encode())
        answer = b""
        while not answer.endswith(b"\n"):
            if not select.select([self._answers], [], [], PATIENCE)[0]:
                pytest.fail(f"the shell did not answer to {typed!r}, or only {answer!r}")
            answer += os.read(self._answers, 65536)
        return answer.decode().removesuffix("\n")

    def says(self, command: str) -> str:
        """Run a command that prints a line."""
        return self.run(f"{command} > {self._where}")


@contextlib.contextmanager
def shell(name: str, directory: Path, *, installed: bool = False) -> Iterator[Shell]:
    """Start a shell in an empty directory; skip the test where this machine has not got it.

    The completions are sourced, or `installed` where the shell finds them by itself.
    """
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    home, share, where = (directory / each for each in ("home", "share", "answers"))
    for each in (home, share):
        each.mkdir()
    # Where fish finds no such folder it reads every man page of the machine: half a minute of a core.
    (home / "fish" / "generated_completions").mkdir(parents=True)
    source = ROOT / "completions" / f"netecho.{name}"
    set_up = f"source {source}"
    if installed:
        place, set_up = _INSTALLED[name]
        (share / place).parent.mkdir(parents=True)
        shutil.copy(source, share / place)
    os.mkfifo(where)
    answers = os.open(where, os.O_RDWR)  # for writing too: so it does not wait for the shell, nor ends with a line
    terminal, secondary = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _OWN_TERMINAL, *_START[name]],
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
        cwd=home,
        env=environment(
            PATH=path_with_netecho(directory),
            TERM="xterm",
            HOME=str(home),
            XDG_CONFIG_HOME=str(home),
            XDG_DATA_HOME=str(home),
            XDG_DATA_DIRS=f"{share}:/usr/share",
        ),
        start_new_session=True,
    )
    os.close(secondary)
    drain = threading.Thread(target=_drain, args=(terminal,), daemon=True)
    drain.start()
    try:
        started = Shell(terminal, answers, where)
        started.run(f"{_SET_UP[name].format(share=share)}; {set_up}; echo ready > {where}")
        yield started
    finally:
        process.kill()
        process.wait()
        drain.join()
        os.close(terminal)
        os.close(answers)


def _drain(terminal: int) -> None:
    """Read what the shell draws, which would stop when nobody does."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass
