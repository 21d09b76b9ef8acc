"""The examples of every `--help` do what they say: they are run as they stand, on a network with their hosts."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netecho.cli import front_page
from netecho.cli.click_ext.command import Command
from netecho.history.store import Store
from netecho.report.document.load import shape
from netecho.report.formats.json_document import pretty
from tests.certificates import issue
from tests.history.test_store import minute
from tests.load.runs import whole
from tests.namespace import Namespace, namespace
from tests.program import command_line, environment, path_with_netecho

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HOSTS = {"host": "127.0.0.1", "router": "127.0.0.1"}
SAVED = ("run", "monday", "tuesday", "before", "after")


def examples(name: str) -> list[str]:
    command = getattr(import_module(f"netecho.cli.commands.{name}"), name)
    assert isinstance(command, Command)
    assert command.examples
    return [example.line for example in command.examples]


EVERY = dict.fromkeys(
    [line for line, _ in front_page.EXAMPLES] + [line for name in front_page.COMMANDS for line in examples(name)]
)
SERVERS = [line for line in EVERY if line.startswith("netecho serve")]
OTHERS = [line for line in EVERY if line not in SERVERS]


@pytest.fixture(scope="module")
def network() -> Iterator[Namespace]:
    with namespace(HOSTS) as inside:
        command = [*inside.prefix, *command_line(), "serve", ":7007", "stamp://", "nq://", "--format", "ndjson"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment())
        try:
            assert server.stdout is not None
            for _ in range(4):  # TCP, UDP, STAMP, load
                assert b"listening" in server.stdout.readline()
            with prometheus(inside), files(inside):
                yield inside
        finally:
            server.terminate()
            server.communicate()


@contextmanager
def files(network: Namespace) -> Iterator[None]:
    """A server of files, with a large one, on HTTP's port."""
    with tempfile.TemporaryDirectory() as directory:
        with (Path(directory) / "large.iso").open("wb") as large:
            large.truncate(16 << 20)
        command = [*network.prefix, sys.executable, "-u", "-m", "http.server", "80", "--directory", directory]
        quiet = subprocess.DEVNULL
        answering = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, env=environment())
        try:
            assert answering.stdout is not None
            assert b"Serving" in answering.stdout.readline()
            yield
        finally:
            answering.terminate()
            answering.communicate()


@contextmanager
def prometheus(network: Namespace) -> Iterator[None]:
    """One with a mesh, on its usual port."""
    command = [*network.prefix, sys.executable, "-m", "tests.prometheus", "9090"]
    answering = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment(PYTHONPATH=str(ROOT)))
    try:
        assert answering.stdout is not None
        assert b"listening" in answering.stdout.readline()
        yield
    finally:
        answering.terminate()
        answering.communicate()


@pytest.fixture(scope="module")
def saved(network: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the saved runs and the files that the examples speak of."""
    directory = tmp_path_factory.mktemp("saved")
    for name in SAVED:
        network.run(
            *command_line(), "probe", "host", "-c", "3", "-i", "1ms", "--save", str(directory / f"{name}.ndjson")
        )
    for name in ("before", "after"):
        (directory / f"{name}.json").write_text(pretty(shape(whole())))
    store = Store(str(directory / "paths.db"))
    store.write([minute(int(time.time()) - 600, 1_000_000, target="fra")])
    store.close()
    (directory / "paths.toml").write_text('[[targets]]\ntarget = "udp://host"\n')
    (directory / "page.sh").write_text("#!/bin/sh\n")
    (directory / "page.sh").chmod(0o755)
    return directory


def run(line: str, network: Namespace, directory: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    for needed in ("jq", "fish", "zsh"):
        if f"| {needed}" in line and shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed")
    # Entering a namespace, one stands where it was made.
    script = f"cd {shlex.quote(str(directory))}\n{line}"
    return subprocess.run(
        [*network.prefix, "fish" if "| source" in line else "bash", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(PATH=path_with_netecho(directory), **extra),
    )


@pytest.mark.parametrize("line", OTHERS)
def test_an_example(line: str, network: Namespace, saved: Path) -> None:
    # What is typed wins; the rest need not take its time.
    brief = {"NETECHO_PROBE_INTERVAL": "5ms", "NETECHO_DIAGNOSE_ONLY": "transports", "NETECHO_MONITOR_FOR": "300ms"}
    brief |= {"NETECHO_TRACE_DURATION": "100ms"}
    brief |= {"NETECHO_LOAD_DURATION": "1s", "NETECHO_LOAD_MAX_BYTES": "8M", "NETECHO_LOAD_DIRECTION": "download"}
    done = run(line, network, saved, **brief)
    # Whether a criterion holds is for the machine to say.
    assert done.returncode in ((0, 1) if "--fail-if" in line else (0,)), done
    # And what a load may cost is said before it begins.
    said = ("netecho: failed: ", "netecho: up to ")
    assert all(each.startswith(said) for each in done.stderr.splitlines()), done


@pytest.mark.parametrize("line", SERVERS)
def test_an_example_of_a_server(line: str, tmp_path: Path) -> None:
    # Each has the default ports for itself, and a time to stop at, from the environment.
    issued = issue("host")
    (tmp_path / "cert.pem").write_bytes(issued.pem)
    (tmp_path / "key.pem").write_bytes(issued.key_pem())
    (tmp_path / "key.pem").chmod(0o600)
    with namespace(HOSTS) as alone:
        done = run(line, alone, tmp_path, NETECHO_SERVE_FOR="50ms")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "listening" in done.stdout
