"""netecho runs nothing that lies in the working directory, neither itself nor in a process that it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program import PATIENCE, Program, environment
from tests.server import Server

COMMAND = str(Path(sys.executable).with_name("netecho"))

HOSTILE = """
import os
open(os.environ["MARKER"], "a").write(__name__ + " ")
os._exit(99)
"""

PACKAGES = ("netecho", "twisted", "zope", "OpenSSL", "cryptography", "click", "rich")


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that hostile code writes its name to."""
    return tmp_path / "marker"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory in which somebody else may write."""
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


def poison(folder: Path) -> None:
    """Put a module of every name there that could be imported, of the standard library's too."""
    for name in (*sys.stdlib_module_names, "sitecustomize", "usercustomize"):
        (folder / f"{name}.py").write_text(HOSTILE)
    for name in PACKAGES:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(HOSTILE)


@pytest.mark.parametrize("target", ["self", "udp://self", "tls://self", "stamp://self"])
def test_the_probe_and_its_server(folder: Path, marker: Path, target: str) -> None:
    poison(folder)
    ended = subprocess.run(  # noqa: PLW1510 - its code is looked at
        [COMMAND, "probe", target, "-c", "2", "-i", "0", "-q"],
        cwd=folder,
        env=environment(MARKER=str(marker)),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        timeout=PATIENCE,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert not marker.exists(), marker.read_text()


@pytest.mark.parametrize("path", [None, "", ":", ".:", "lib:."])
def test_workers_of_a_server_and_their_replacements(
    folder: Path, marker: Path, monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    monkeypatch.chdir(folder)
    if path is None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
        poison(folder)  # else Python itself would run it before netecho has begun: that is what PYTHONPATH asks for
    else:
        monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setenv("MARKER", str(marker))
    program = Program("serve", "tcp://127.0.0.1:0", "--workers", "2", "--format", "ndjson", command=[COMMAND])
    try:
        server = Server(program, 1)
        if path is not None:
            (folder / "lib").mkdir()
            poison(folder)
            poison(folder / "lib")
        os.kill(server.fork_server(), signal.SIGKILL)
        assert "is replaced" in program.event_named("worker")["text"]
        for _ in range(8):
            server.assert_serves()
        server.stop()
    finally:
        program.kill()
    assert not marker.exists(), marker.read_text()
