"""Signals that come while the modules of a command are still imported."""

from __future__ import annotations

import subprocess
import sys

# A directory first on the path whose module stands for a long import in which a signal comes.
_DURING = """
import os, signal, sys
class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.{number})
        return None
sys.meta_path.insert(0, Interrupted())
sys.argv = ["netecho", "probe", "unix:/no/such.sock", "-c", "1"]
from netecho.cli import main
main()
"""


def during(module: str, number: str) -> subprocess.CompletedProcess[str]:
    program = _DURING.format(module=module, number=number)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)


def test_ctrl_c_during_the_first_imports_is_an_exit_code_without_a_traceback() -> None:
    ended = during("netecho.cli.context", "SIGINT")
    assert (ended.returncode, ended.stderr) == (130, "")


def test_who_asks_for_figures_before_there_are_any_does_not_end_the_run() -> None:
    for number in ("SIGUSR1", "SIGQUIT"):
        ended = during("netecho.cli.commands.probe", number)
        assert ended.returncode == 3, ended
        assert "no such file or directory" in ended.stderr
