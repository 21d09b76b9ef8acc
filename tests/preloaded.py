"""netecho in a process of its own, forked from one that has imported it: what its start costs is paid once.

Most of what a short command takes is the start of Python and the imports: of 0.35 s of processor time that `netecho
probe -c 1 self` took, 0.05 s were left, and of the 0.19 s of a server 0.02 s. The process that is forked has done what
the command itself does first, in the same way (Twisted without what is not used, see `lean_imports`), has run nothing
of it, and has made no reactor. Its child gets the descriptors, the environment and the directory of the command, a
session of its own, with the terminal if its standard input is one, and runs `python -m netecho`'s module from the first
line to its own `os._exit`. It runs where the process that asked for it does (`place`: the namespaces, limits and
capabilities), be that the tests themselves or what a shell has started in place of netecho (`launcher`).

What only the start of Python reads, its own variables and the locale, is as it was for the process that is forked:
where a command is to have others it is started anew. So is every command of a test that is about the start itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import io
import marshal
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests import launcher
from tests.place import Place

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import IO

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 1 << 17
"""Bytes of an order: the arguments, the environment and the directory of one command."""
READ_AT_THE_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "OPENSSL_", "NETECHO_PORTABLE")
NOT_FORKED = "COVERAGE_"
"""Where one of these is set every command is started anew: lines are counted from the start of Python on."""
NOT_IMPORTED = ("netecho.pytest_plugin", "netecho.api")
"""They are for other programs, with modules of their own."""


class Started:
    """A command that was forked; of `subprocess.Popen` it has what the tests use."""

    def __init__(self, connection: socket.socket, pid: int, out: IO[bytes] | None) -> None:
        self.pid = pid
        self.stdout = out
        self.returncode: int | None = None
        self._connection = connection

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, below 0 that of a signal. Raises TimeoutExpired after `timeout` seconds."""
        if self.returncode is None:
            if timeout is not None and not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("netecho", timeout)
            self.returncode = int(self._connection.recv(32))
            self._connection.close()
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
    """The process that has imported netecho, and forks it for who asks at its socket."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair()
        self._folder = tempfile.TemporaryDirectory(prefix="netecho-")
        self._path = f"{self._folder.name}/orders"
        with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
            listening.bind(self._path)
            listening.listen(128)
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno()), str(listening.fileno())],
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env=environ,
                pass_fds=[theirs.fileno(), listening.fileno()],
                start_new_session=True,
            )

    @property
    def command(self) -> list[str]:
        """A command line for others to start netecho by; see `launcher`."""
        return [sys.executable, "-IS", launcher.__file__, self._path]

    def start(
        self,
        arguments: list[str],
        *,
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[bytes],
        stderr: int | IO[bytes],
        environ: Mapping[str, str],
    ) -> Started | None:
        """Fork a command; None where it may not be. Streams are as `subprocess` has them."""
        ours = None
        with contextlib.ExitStack() as passed, Path(os.devnull).open("r+b", buffering=0) as null:
            if stdout == subprocess.PIPE:
                reading, writing = os.pipe()
                ours = os.fdopen(reading, "rb")
                stdout = passed.enter_context(os.fdopen(writing, "wb"))
            elif stdout == subprocess.DEVNULL:
                stdout = null
            given = (null if stdin == subprocess.DEVNULL else stdin, stdout, stderr)
            streams = [each if isinstance(each, int) else each.fileno() for each in given]
            connection, pid = launcher.ask(self._path, arguments, dict(environ), str(Path.cwd()), streams)
        if pid is None:
            connection.close()
            if ours is not None:
                ours.close()
            return None
        return Started(socket.socket(fileno=connection.detach()), pid, ours)

    def end(self) -> None:
        """Let it end, and whatever still runs of it."""
        self._control.close()
        self._process.wait()
        self._folder.cleanup()


def fixed(environ: Mapping[str, str]) -> dict[str, str]:
    """Return that part of an environment which only the start of Python, or of netecho, reads."""
    return {name: value for name, value in environ.items() if name.startswith(READ_AT_THE_START)}


def is_possible() -> bool:
    """Return whether commands may be forked here at all: in tests, not in what is measured with their parts."""
    in_tests = "PYTEST_VERSION" in os.environ
    return in_tests and hasattr(os, "pidfd_open") and not any(name.startswith(NOT_FORKED) for name in os.environ)


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


class Order(NamedTuple):
    """A command that somebody wants."""

    arguments: list[str]
    environ: dict[str, str]
    directory: str
    ignored: list[int]
    """Signals that it is to ignore."""
    streams: list[int]
    place: Place
    """That of who asks."""


class Running(NamedTuple):
    """A command, in the process that forked it."""

    pid: int
    ended: int
    """Its pidfd."""
    connection: socket.socket
    """To who asked for it."""


class Forker:
    """Takes orders at a socket, forks, reports how the commands ended, and hands signals on to them."""

    def __init__(self, control: socket.socket, listening: socket.socket) -> None:
        self._control = control
        self._listening = listening
        self._running: dict[int, Running] = {}
        """By both of their descriptors, once who asked has gone by the pidfd alone."""
        self._poller = select.poll()
        self._poller.register(control, select.POLLIN)
        self._poller.register(listening, select.POLLIN)

    def run(self) -> Order | None:
        """Return the order, in a child that was forked for it; None when the control is closed."""
        while True:
            ready = [descriptor for descriptor, _ in self._poller.poll()]
            if self._control.fileno() in ready:
                self._end()
                return None
            for descriptor in ready:
                if (command := self._running.get(descriptor)) is not None:
                    self._hear(command, descriptor)
            # Last, as it opens descriptors, and those of who has ended are free.
            if self._listening.fileno() in ready and (order := self._take_order()) is not None:
                return order

    def _hear(self, command: Running, descriptor: int) -> None:
        """Deal with what one of its descriptors tells of a command."""
        if descriptor == command.ended:
            self._report(command)
            return
        try:
            number = command.connection.recv(32)
        except ConnectionResetError:  # it never read what it was told
            number = b""
        if number:
            os.kill(command.pid, int(number))
        else:
            self._forget(descriptor)
            kill(command.pid)

    def _take_order(self) -> Order | None:
        """Fork for who has come; return the order in the child."""
        connection, _ = self._listening.accept()
        message, streams, _, _ = socket.recv_fds(connection, LONGEST, 3)
        order, pid = None, None
        with contextlib.suppress(OSError):  # who came is gone, or its place; or that is not ours to look at
            if message:
                arguments, environ, directory, ignored = marshal.loads(message)
                place = Place.of(peer_of(connection))
                order = Order(arguments, environ, directory, ignored, streams, place)
                pid = place.fork() if may_fork(order) else None
        if pid == 0:
            return order
        for descriptor in streams:
            os.close(descriptor)
        _say(connection, launcher.REFUSED if pid is None else str(pid).encode())
        if pid is None:
            connection.close()
            return None
        command = Running(pid, os.pidfd_open(pid), connection)
        for descriptor in (command.ended, connection.fileno()):
            self._running[descriptor] = command
            self._poller.register(descriptor, select.POLLIN)
        return None

    def _report(self, command: Running) -> None:
        code = os.waitstatus_to_exitcode(os.waitpid(command.pid, 0)[1])
        _say(command.connection, str(code).encode())
        if command.connection.fileno() in self._running:
            self._forget(command.connection.fileno())
        self._forget(command.ended)
        command.connection.close()
        os.close(command.ended)

    def _forget(self, descriptor: int) -> None:
        self._poller.unregister(descriptor)
        del self._running[descriptor]

    def _end(self) -> None:
        for command in self._running.values():
            kill(command.pid)


def _say(connection: socket.socket, message: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # nobody waits for it any more
        connection.send(message)


def kill(pid: int) -> None:
    """Kill a command and what it has started: nobody waits for it any more."""
    for end in (os.kill, os.killpg):  # it may not lead its group yet
        with contextlib.suppress(ProcessLookupError):
            end(pid, signal.SIGKILL)


def peer_of(connection: socket.socket) -> int:
    """Return the process ID of who connected, as it is known here."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[:4], sys.byteorder)


def may_fork(order: Order) -> bool:
    """Return whether a child of this process can become what was asked for."""
    return fixed(order.environ) == fixed(os.environ) and order.place.is_within_reach()


def become_netecho(order: Order) -> None:
    """Be what a new process would be that is told `python -m netecho`, and end."""
    for number, stream in enumerate(order.streams):
        os.dup2(stream, number)
    order.place.enter()
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    order.place.keep_to_limits()
    ignore(order.ignored)
    os.setsid()
    with contextlib.suppress(OSError):  # it is none, or another session's
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(order.directory)
    os.environ.clear()
    os.environ.update(order.environ)
    time.tzset()
    sys.path[0] = order.directory
    sys.argv = ["netecho", *order.arguments]
    for number, (name, mode) in enumerate((("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb"))):
        setattr(sys, name, _stream(number, mode, getattr(sys, name)))
        setattr(sys, f"__{name}__", getattr(sys, name))
    runpy.run_module("netecho", run_name="__main__", alter_sys=True)


def ignore(numbers: Collection[int]) -> None:
    """Ignore these signals and no others, as Python does when it starts: nohup, or a shell's `&`, may have begun us."""
    for number in signal.valid_signals():
        if number in numbers:
            signal.signal(number, signal.SIG_IGN)
        elif signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _stream(number: int, mode: str, before: io.TextIOWrapper) -> io.TextIOWrapper:
    """Make of a descriptor what Python makes of it when it starts; `before` is what it has made of the one before."""
    by_line = number == 2 or os.isatty(number)
    binary = open(number, mode, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(binary, encoding=before.encoding, errors=before.errors, line_buffering=by_line)


def main() -> None:
    """Import, then fork for who asks, until the other end of the control is closed; the command line names both."""
    control, listening = (socket.socket(fileno=int(each)) for each in sys.argv[1:])
    import_everything()
    order = Forker(control, listening).run()
    control.detach(), listening.detach()  # in a child their numbers are soon another's
    if order is not None:
        become_netecho(order)


if __name__ == "__main__":
    main()
