"""A server beside another program (`netecho monitor --serve`), started again when it ends.

Between the two stands a small process that has the sockets, so that nobody is refused while a server is replaced: it
forks the server, waits for its end, and forks the next, with growing delays if each ends soon. As it has no reactor,
it can fork for as long as it is there. What happens it writes to a pipe, a sentence a line.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

from netecho.net.server.child import NullLog, fork
from netecho.net.server.restarts import RETRY_DELAYS, STEADY
from netecho.net.server.sockets import bind_all, close_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from netecho.net.server.sockets import BoundSocket
    from netecho.target import Target

_LONGEST = 65536
"""Bytes of news that are read at once."""
GONE = "what answers has ended, and is not started again: the other nodes see this one as down"


class Answering:
    """A server that answers others while this process does something else."""

    def __init__(self, child: int, news: int, bound: Sequence[BoundSocket]) -> None:
        self._child = child
        self._news = news
        self.listening = [each.url for each in bound]
        """As each is shown."""
        self.ended = False
        """Whether it does not answer any more, and will not."""

    def news(self) -> list[str]:
        """Return what happened to it since the last time, a sentence each; the last one when it is over."""
        if self.ended:
            return []
        over = os.waitpid(self._child, os.WNOHANG)[0] != 0
        said = self._read()
        if over:
            self.ended = True
            os.close(self._news)
            return [*said, GONE]
        return said

    def _read(self) -> list[str]:
        with suppress(BlockingIOError):
            return os.read(self._news, _LONGEST).decode("utf-8", "replace").splitlines()
        return []

    def end(self) -> None:
        """End it."""
        if not self.ended:
            self.ended = True
            for number in (signal.SIGTERM, signal.SIGCONT):  # the second, should somebody have stopped it
                os.kill(self._child, number)
            os.waitpid(self._child, 0)
            os.close(self._news)


@contextmanager
def answering(targets: Sequence[Target]) -> Iterator[Answering]:
    """Answer at these addresses until the end, as `netecho serve --stateful` does: in a process of its own.

    None of them is a Unix socket. To be called before there is a reactor. Raises UnreachableError for an address that
    cannot be had.
    """
    bound = bind_all(targets)
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def say(sentence: str) -> None:
        with suppress(OSError):  # nobody reads it for long: what is new is not worth waiting for
            os.write(writing, f"{sentence}\n".encode())

    child = fork(lambda: _keep_serving(bound, say))
    server = Answering(child, reading, bound)
    os.close(writing)
    close_all(bound)
    try:
        yield server
    finally:
        server.end()


def _keep_serving(bound: Sequence[BoundSocket], say: Callable[[str], None]) -> None:
    """Have a server until this process is told to end, or it is given up."""
    serving = [0]

    def end(*_: object) -> NoReturn:
        if serving[0]:
            os.kill(serving[0], signal.SIGKILL)
            os.waitpid(serving[0], 0)
        os._exit(0)

    def serve_once() -> str:
        # Not between the fork and what is known of it: the child would be left.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        serving[0] = fork(lambda: _serve(bound))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.waitid(os.P_PID, serving[0], os.WEXITED | os.WNOWAIT)
        child, serving[0] = serving[0], 0  # while its number is still its own
        _, status = os.waitpid(child, 0)
        return _how(os.waitstatus_to_exitcode(status))

    signal.signal(signal.SIGTERM, end)
    restart(serve_once, say)


def restart(
    serve: Callable[[], str],
    say: Callable[[str], None],
    clock: Callable[[], int] = time.monotonic_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Serve, and again each time that `serve` returns how it ended; return when it is given up."""
    failures = 0
    while True:
        began = clock()
        how = serve()
        if clock() - began >= STEADY:
            failures = 0
        if failures == len(RETRY_DELAYS):
            say(f"what answers is given up: it died {failures + 1} times soon after its start, the last time of: {how}")
            return
        delay = RETRY_DELAYS[failures]
        failures += 1
        say(f"what answers died ({how}) and is started again" + (f" in {delay:g} s" if delay else ""))
        sleep(delay)


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _serve(bound: Sequence[BoundSocket]) -> None:
    """Serve whoever comes, within the limits that a server has by itself, until the parent ends this process."""
    from netecho.net.server import start
    from netecho.net.server.settings import ReflectorSettings, ServerSettings

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    settings = ServerSettings(reflector_settings=ReflectorSettings(stateful=True), log_connections=False)
    tls = None
    if any(each.is_secure for each in bound):
        from netecho.net.server.tls import tls_for

        tls = tls_for(settings, bound)
    start.run_bound([bound], settings, NullLog(), tls)
