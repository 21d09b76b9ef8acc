"""netecho as its users have it: a command in a process of its own.

Where nothing of the start itself is asked for, that process is forked from one that has imported netecho (`preloaded`).
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import BYTECODE, preloaded, side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import IO

COMMAND = [sys.executable, "-m", "netecho"]
ROOT = Path(__file__).resolve().parents[1]
TAKEN_AWAY = str(ROOT / "tests" / "integration" / "taken_away")
AT_THE_START = {("NETECHO_PORTABLE", "1"), ("PYTHONPATH", TAKEN_AWAY)}
"""What many commands are told that is heard only as Python starts: they are forked from one that was told the same."""
PATIENCE = 60
"""Seconds after which a command that should have ended is taken for hung."""


def environment(**extra: str) -> dict[str, str]:
    """This process's environment without what would change the command's output."""
    dropped = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("NETECHO_") and k not in dropped}
    if "NETECHO_PORTABLE" in os.environ:  # the tests run under both paths
        kept["NETECHO_PORTABLE"] = os.environ["NETECHO_PORTABLE"]
    return kept | {"LC_ALL": "C.UTF-8", "TERM": "dumb", "PYTHONPYCACHEPREFIX": str(BYTECODE)} | extra


@functools.cache
def _preloaded(**env: str) -> preloaded.Preloaded | None:
    """The process that commands with this in their environment are forked from: one for all tests of this process."""
    if not preloaded.is_possible():
        return None
    made = preloaded.Preloaded(environment(**env))
    Finalize(None, made.end, exitpriority=0)  # as `atexit`, and at the end of a worker of the tests as well
    return made


def starts_netecho(item: pytest.Item) -> bool:
    return "netecho" in getattr(item, "fixturenames", ())


def pytest_sessionstart(session: pytest.Session) -> None:
    """For the whole suite start what commands are forked from while tests are collected."""
    if side_by_side.all_wanted(session.config):
        _preloaded()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start what commands are forked from before the tests' workers are forked, which then share it."""
    if side_by_side.workers(session.config) and any(map(starts_netecho, session.items)):
        _preloaded()
        _preloaded(NETECHO_PORTABLE="1")


def forked(
    arguments: Sequence[str], *, stdin: int, stdout: int, stderr: int, environ: Mapping[str, str]
) -> preloaded.Started | None:
    """A command with these standard streams, in a session of its own; None where it has to be started anew."""
    forking = _preloaded()
    if forking is None:
        return None
    return forking.start(list(arguments), stdin=stdin, stdout=stdout, stderr=stderr, environ=environ)


def command_line(*, anew: bool = False) -> list[str]:
    """The command line by which a shell, or a program that enters a namespace, starts netecho."""
    forking = None if anew else _preloaded()
    return COMMAND if forking is None else forking.command


def path_with_netecho(folder: Path) -> str:
    """Put a `netecho` into a folder, for shells; return a PATH in which it is found first."""
    programs = folder / "bin"
    if not programs.exists():
        programs.mkdir()
        script = programs / "netecho"
        command = command_line()
        found = f"PYTHONPATH={ROOT} " if command is COMMAND else ""
        script.write_text(f'#!/bin/sh\n{found}exec {shlex.join(command)} "$@"\n')
        script.chmod(0o755)
    return f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


class Ended:
    """A finished command: what it printed, and how it ended."""

    def __init__(self, arguments: list[str], code: int, out: bytes, err: bytes) -> None:
        self.arguments = arguments
        self.code = code
        self.raw_out = out
        self.raw_err = err

    def __repr__(self) -> str:
        return f"netecho {' '.join(self.arguments)}\n  ended with {self.code}\n  out {self.out!r}\n  err {self.err!r}"

    @property
    def out(self) -> str:
        return self.raw_out.decode()

    @property
    def err(self) -> str:
        return self.raw_err.decode()

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as the one JSON document it should be."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    @property
    def events(self) -> list[dict[str, Any]]:
        """Standard output as the NDJSON it should be."""
        return [json.loads(line) for line in self.out.splitlines()]


class Program:
    """A running netecho. It is killed when its test is over, if it has not ended by then."""

    def __init__(
        self,
        *arguments: str,
        prefix: Sequence[str] = (),
        stdout: int | IO[bytes] = subprocess.PIPE,
        command: Sequence[str] = (),
        anew: bool = False,
        **env: str,
    ) -> None:
        self.arguments = list(arguments)
        # A file, so that nothing has to be read at the same time as standard output.
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed by kill()
        given = environment(**env)
        at_the_start = {name: value for name, value in env.items() if (name, value) in AT_THE_START}
        forking = None if anew or prefix or command else _preloaded(**at_the_start)
        started = forking and forking.start(self.arguments, stdout=stdout, stderr=self.stderr, environ=given)
        self.process: subprocess.Popen[bytes] | preloaded.Started
        if started:
            self.process = started
            return
        self.process = subprocess.Popen(
            [*prefix, *(command or command_line(anew=anew or not prefix)), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=self.stderr,
            env=given,
            # A Ctrl-C in the terminal that runs the tests is not for the commands under test.
            start_new_session=True,
        )

    def line(self, within: float = PATIENCE) -> str:
        """The next line of standard output, as soon as it is there."""
        assert self.process.stdout is not None
        with self._patience(within):
            return self.process.stdout.readline().decode()

    def event(self) -> dict[str, Any]:
        """The next line of standard output as an NDJSON event."""
        line = self.line()
        assert line, f"no further event: {self.end()}"
        value = json.loads(line)
        assert isinstance(value, dict)
        return value

    def event_named(self, name: str) -> dict[str, Any]:
        """The next event of this name; those before it are passed over."""
        while (event := self.event())["event"] != name:
            pass
        return event

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def terminate(self) -> None:
        """SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def end(self, within: float = PATIENCE) -> Ended:
        """Wait for the end; what was printed and not read yet is in the answer."""
        with self._patience(within):
            out = self.process.stdout.read() if self.process.stdout else b""
            code = self.process.wait()
        return Ended(self.arguments, code, out, self._error())

    def kill(self) -> None:
        """Leave nothing behind: neither the command nor the server it started for `self`."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self.stderr.close()

    def _error(self) -> bytes:
        # Not by seeking: the command writes at the same offset.
        return os.pread(self.stderr.fileno(), 1 << 24, 0)

    @contextlib.contextmanager
    def _patience(self, seconds: float) -> Iterator[None]:
        hung = threading.Event()

        def lose() -> None:
            hung.set()
            os.killpg(self.process.pid, signal.SIGKILL)

        watchdog = threading.Timer(seconds, lose)
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()
            watchdog.join()
        if hung.is_set():
            pytest.fail(f"netecho {' '.join(self.arguments)} hung for {seconds} s; it said {self._error()!r}")


class Netecho:
    """Calling it runs netecho to its end; `start` leaves it running. `prefix` goes before the command."""

    def __init__(self) -> None:
        self.prefix: list[str] = []
        self.anew = False
        """Whether Python is started for each command, which is then our child: we may wait until it is stopped."""
        self.running: list[Program] = []

    def __call__(self, *arguments: str, stdout: int | IO[bytes] = subprocess.PIPE, **env: str) -> Ended:
        return self.start(*arguments, stdout=stdout, **env).end()

    def start(self, *arguments: str, stdout: int | IO[bytes] = subprocess.PIPE, **env: str) -> Program:
        program = Program(*arguments, prefix=self.prefix, stdout=stdout, anew=self.anew, **env)
        self.running.append(program)
        return program


@pytest.fixture
def netecho() -> Iterator[Netecho]:
    """The command under test."""
    command = Netecho()
    yield command
    for program in command.running:
        program.kill()
