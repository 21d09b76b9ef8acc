"""The process that a supervisor's workers are forked from: `python -m netecho.net.server.fork_server SCHEME...`.

A worker of its own Python took a quarter of a second of processor time to start, nearly all of it for imports. This
process imports once what workers of these schemes need, makes no reactor and no thread, and forks one worker for each
request, in some milliseconds. (The supervisor itself has a reactor, whose epoll set two processes cannot share.)

On standard input, a Unix stream socket, it reads requests, a line each: to start a worker, with the worker's
descriptors beside it (SCM_RIGHTS), or to kill one. On standard output it writes what became of them. It keeps no copy
of the descriptors: when the supervisor closes a listening socket, and the worker too, it is closed. As the parent, it
alone reaps the workers, so a pid that it kills is never another process's. When requests end, so does it. When it
ends, the kernel ends its workers.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netecho.net.linux.parent_death import die_with_parent
from netecho.net.server.worker_messages import (
    Ended,
    KillRequest,
    MalformedError,
    NotStarted,
    Started,
    WorkerStart,
    parse_request,
    report_line,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from netecho.net.server.worker_messages import Report, Request

_AT_ONCE = 253
"""The most descriptors that Linux passes with one message (SCM_MAX_FD)."""


@dataclass(frozen=True, slots=True)
class Forked:
    """What a worker that was forked begins with."""

    start: WorkerStart
    descriptors: list[int]


class Requests:
    """Puts requests together from what is received, each with the descriptors that came beside it."""

    def __init__(self) -> None:
        self._data = b""
        self.descriptors: list[int] = []
        """Those of requests that are not whole yet."""

    def feed(self, data: bytes, descriptors: Iterable[int]) -> None:
        """Take in what one call received."""
        self._data += data
        self.descriptors += descriptors

    def whole(self) -> Iterator[tuple[Request, list[int]]]:
        """Yield each request that is whole. Raises MalformedError for a line that is none, or lacks descriptors."""
        while b"\n" in self._data:
            line, self._data = self._data.split(b"\n", 1)
            request = parse_request(line)
            # Those of the next request may be there already: the kernel joins what a stream carries.
            count = 0 if isinstance(request, KillRequest) else request.descriptors
            if count > len(self.descriptors):
                raise MalformedError(f"{count} descriptors, of which {len(self.descriptors)} are here")
            descriptors, self.descriptors = self.descriptors[:count], self.descriptors[count:]
            yield request, descriptors


class ForkServer:
    """Forks and reaps workers, as it is requested."""

    def __init__(self, requests: socket.socket, report: Callable[[Report], None]) -> None:
        self._requests = requests
        self._report = report
        self._received = Requests()
        self._children: set[int] = set()

    def run(self) -> Forked | None:
        """Return None when requests have ended, and in each forked worker what it is to do."""
        reader, writer = os.pipe()
        for end in (reader, writer):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler is needed for the descriptor to be written to
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._requests, select.POLLIN)
        poll.register(reader, select.POLLIN)
        forked = None
        while forked is None and self._read(poll.poll(), reader):
            self._reap()
            forked = self._obey()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(reader)
        os.close(writer)
        return forked

    def _read(self, ready: list[tuple[int, int]], reader: int) -> bool:
        """Read what is there; tell whether there may be more requests."""
        for fd, _ in ready:
            if fd == reader:
                os.read(reader, 4096)
                continue
            data, descriptors, _, _ = socket.recv_fds(self._requests, 65_536, _AT_ONCE)
            if not data:
                return False
            self._received.feed(data, descriptors)
        return True

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                self._children.discard(pid)
                self._report(Ended(pid, os.waitstatus_to_exitcode(status)))

    def _obey(self) -> Forked | None:
        for request, descriptors in self._received.whole():
            if isinstance(request, KillRequest):
                if request.pid in self._children:
                    os.kill(request.pid, signal.SIGKILL)
                continue
            forked = self._fork(request.start, descriptors)
            if forked is not None:
                return forked
        return None

    def _fork(self, start: WorkerStart, descriptors: list[int]) -> Forked | None:
        try:
            pid = os.fork()
        except OSError as error:
            self._report(NotStarted(start.worker, (error.strerror or str(error)).lower()))
        else:
            if pid == 0:
                for each in self._received.descriptors:
                    os.close(each)
                return Forked(start, descriptors)
            self._children.add(pid)
            self._report(Started(start.worker, pid))
        for each in descriptors:
            os.close(each)
        return None


def main() -> None:
    """Fork workers until requests end; in each worker, be it."""
    die_with_parent()
    from netecho.net.reactor.lean_imports import import_twisted

    import_twisted()
    with contextlib.suppress(ImportError):  # there is no epoll here
        importlib.import_module("twisted.internet.epollreactor")
    from netecho.net.server import listeners, worker

    listeners.load(sys.argv[1:])
    gc.freeze()  # a collection in a worker would write to, and so copy, each page that it shares with the others
    requests = socket.socket(fileno=0)
    forked = ForkServer(requests, lambda report: _write(report_line(report))).run()
    if forked is not None:
        requests.detach()  # the number is about to become the worker's own standard input
        worker.main(forked.start, forked.descriptors)


def _write(line: bytes) -> None:
    while line:
        line = line[os.write(1, line) :]


if __name__ == "__main__":
    main()
