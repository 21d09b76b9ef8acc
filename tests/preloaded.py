"""netecho in a process of its own, forked from one that has imported it: what its start costs is paid once.

Most of what a short command takes is the start of Python and the imports: of 0.35 s of processor time that `netecho
probe -c 1 self` took, 0.05 s were left, and of the 0.19 s of a server 0.02 s. The process that is forked has done what
the command itself does first, in the same way (Twisted without what is not used, see `lean_imports`), has run nothing
of it, and has made no reactor. Its child gets the descriptors, the environment and the directory of the command, a
session of its own, and runs `python -m netecho`'s module from the first line to its own `os._exit`.

What only the start of Python reads, its own variables and the locale, is as it was for the process that is forked:
where a command is to have others it is started anew. So is every command of a test that is about the start itself.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 1 << 17
"""Bytes of an order: the arguments, the environment and the directory of one command."""
READ_AT_THE_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "OPENSSL_", "NETECHO_PORTABLE")
NOT_FORKED = ("NETECHO_PORTABLE", "COVERAGE_")
"""Where one of these is set every command is started anew: the tests' second run, and where lines are counted."""
NOT_IMPORTED = ("netecho.pytest_plugin", "netecho.api")
"""They are for other programs, with modules of their own."""


class Started:
    """A command that was forked; of `subprocess.Popen` it has what the tests use."""

    def __init__(self, report: socket.socket, out: IO[bytes] | None) -> None:
        self.pid = int(report.recv(32))
        self.stdout = out
        self.returncode: int | None = None
        self._report = report

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, below 0 that of a signal. Raises TimeoutExpired after `timeout` seconds."""
        if self.returncode is None:
            if timeout is not None and not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("netecho", timeout)
            with self._report:
                self.returncode = int(self._report.recv(32))
        return self.returncode

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Preloaded:
    """The process that has imported netecho, and waits for orders to fork. It ends when its control is closed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._fixed = fixed(environ)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env=environ,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def can_start(self, environ: Mapping[str, str]) -> bool:
        """Return whether a command with this environment may be forked."""
        return fixed(environ) == self._fixed

    def start(
        self, arguments: list[str], *, stdout: int | IO[bytes], stderr: IO[bytes], environ: Mapping[str, str]
    ) -> Started:
        """Fork a command. `stdout` may be PIPE or DEVNULL of `subprocess`."""
        order = json.dumps([arguments, dict(environ), str(Path.cwd())]).encode()
        report, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours = None
        with contextlib.ExitStack() as passed:
            passed.enter_context(theirs)
            if stdout == subprocess.PIPE:
                reading, writing = os.pipe()
                ours = os.fdopen(reading, "rb")
                stdout = passed.enter_context(os.fdopen(writing, "wb"))
            elif stdout == subprocess.DEVNULL:
                stdout = passed.enter_context(open(os.devnull, "wb"))  # noqa: PTH123
            out = stdout if isinstance(stdout, int) else stdout.fileno()
            socket.send_fds(self._control, [order], [out, stderr.fileno(), theirs.fileno()])
        return Started(report, ours)

    def end(self) -> None:
        """Let it end."""
        self._control.close()
        self._process.wait()


def fixed(environ: Mapping[str, str]) -> dict[str, str]:
    """Return that part of an environment which only the start of Python, or of netecho, reads."""
    return {name: value for name, value in environ.items() if name.startswith(READ_AT_THE_START)}


def is_possible() -> bool:
    """Return whether commands may be forked here at all."""
    return hasattr(os, "pidfd_open") and not any(name.startswith(NOT_FORKED) for name in os.environ)


def import_everything() -> None:
    """Import netecho in the way of its own commands: first Twisted, without what is not used."""
    from netecho.net.reactor.lean_imports import import_twisted

    import_twisted()
    package = importlib.import_module("netecho")
    for module in pkgutil.walk_packages(package.__path__, "netecho."):
        if not module.name.startswith(NOT_IMPORTED) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    assert "twisted.internet.reactor" not in sys.modules
    gc.collect()
    gc.freeze()  # what a child does not look at stays shared with it


def fork_for(control: socket.socket) -> list[Any] | None:
    """Fork for each order, and report the child's pid and how it ended. In the child, return the order."""
    running: dict[int, tuple[int, socket.socket]] = {}
    poller = select.poll()
    poller.register(control, select.POLLIN)
    while True:
        for descriptor, _ in poller.poll():
            if descriptor in running:
                poller.unregister(descriptor)
                os.close(descriptor)
                pid, report = running.pop(descriptor)
                _say(report, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                report.close()
                continue
            message, descriptors, _, _ = socket.recv_fds(control, LONGEST, 3)
            if not message:
                return None
            pid = os.fork()
            if pid == 0:
                for number, passed in enumerate((os.open(os.devnull, os.O_RDONLY), *descriptors[:2])):
                    os.dup2(passed, number)
                return list(json.loads(message))
            for passed in descriptors[:2]:
                os.close(passed)
            report = socket.socket(fileno=descriptors[2])
            _say(report, pid)
            ended = os.pidfd_open(pid)
            running[ended] = pid, report
            poller.register(ended, select.POLLIN)


def _say(report: socket.socket, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
        report.send(str(number).encode())


def become_netecho(arguments: list[str], environ: dict[str, str], directory: str) -> None:
    """Be what a new process would be that is told `python -m netecho`, and end."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.setsid()
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.path[0] = directory
    sys.argv = ["netecho", *arguments]
    for number, (name, mode) in enumerate((("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb"))):
        setattr(sys, name, _stream(number, mode, getattr(sys, name)))
        setattr(sys, f"__{name}__", getattr(sys, name))
    runpy.run_module("netecho", run_name="__main__", alter_sys=True)


def _stream(number: int, mode: str, before: io.TextIOWrapper) -> io.TextIOWrapper:
    """Make of a descriptor what Python makes of it when it starts; `before` is what it has made of the one before."""
    by_line = number == 2 or os.isatty(number)
    binary = open(number, mode, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(binary, encoding=before.encoding, errors=before.errors, line_buffering=by_line)


def main() -> None:
    """Import, then fork for whoever holds the other end of the control that the command line names."""
    control = socket.socket(fileno=int(sys.argv[1]))
    import_everything()
    order = fork_for(control)
    control.detach()  # in a child its number is soon another's
    if order is not None:
        become_netecho(*order)


if __name__ == "__main__":
    main()
