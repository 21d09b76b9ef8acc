"""Running a command at each change of state: a few at a time, each for so long, the rest in a queue that has an end.

It is started without a shell, from an argument vector that was split once: nothing that a peer or a resolver said is
part of a command line. Changes of one target are told in their order. What it prints goes to standard error.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twisted.python.failure import Failure

    from netecho.net.reactor.interfaces import DelayedCall, ReactorProcess

MOST = 8
"""Commands at once."""
QUEUED = 1000
"""Changes that wait for one; of more, the oldest are left out."""
LONGEST = 30.0
"""Seconds after which a command is asked to end (SIGTERM)..."""
GRACE = 5.0
"""...and after which it is killed."""


class ChangeCommand:
    """One command, run for each change."""

    def __init__(
        self, reactor: ReactorProcess, argv: Sequence[str], failed: Callable[[str], None], *, stderr: int = 2
    ) -> None:
        """`argv` begins with the path of the program; `failed` is told, in a sentence, what went wrong."""
        self._reactor = reactor
        self._argv = tuple(argv)
        self._failed = failed
        self._stderr = stderr
        self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._waiting: deque[tuple[str, Mapping[str, str]]] = deque()
        self._running: dict[str, Running] = {}
        self._left_out = 0
        self._stopped = False

    def run(self, target: str, facts: Mapping[str, str]) -> None:
        """Run it for a change of `target`, with `facts` in its environment, as soon as one may run."""
        if self._stopped:
            return
        self._waiting.append((target, facts))
        if len(self._waiting) > QUEUED:
            self._waiting.popleft()
            self._left_out += 1
        self._begin()

    def stop(self) -> None:
        """Begin no more of them, and ask those that run to end."""
        self._stopped = True
        self._waiting.clear()
        for running in tuple(self._running.values()):
            running.end()
        os.close(self._null)

    def _begin(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for target, facts in waiting:
            if target in self._running or len(self._running) >= MOST:
                self._waiting.append((target, facts))
            else:
                self._start(target, facts)

    def _start(self, target: str, facts: Mapping[str, str]) -> None:
        if self._left_out:
            left_out, self._left_out = self._left_out, 0
            self._failed(f"--on-change: {left_out} changes were left out, as the command takes too long")
        running = self._running[target] = Running(self._reactor, lambda why: self._ended(target, why))
        try:
            self._reactor.spawnProcess(
                running,
                self._argv[0],
                self._argv,
                {**os.environ, **facts},
                childFDs={0: self._null, 1: self._stderr, 2: self._stderr},
            )
        except OSError as error:
            del self._running[target]
            self._failed(f"--on-change: {self._argv[0]} could not be started: {error.strerror}")

    def _ended(self, target: str, why: str | None) -> None:
        del self._running[target]
        if why is not None:
            self._failed(f"--on-change: {self._argv[0]} {why}, for {target}")
        if not self._stopped:
            self._begin()


class Running(ProcessProtocol):
    """One of them that runs."""

    transport: Any
    """An IProcessTransport: zope's interfaces have no `self`, which confuses type checkers."""

    def __init__(self, reactor: ReactorProcess, ended: Callable[[str | None], None]) -> None:
        self._reactor = reactor
        self._tell = ended
        self._why: str | None = None
        self._call: DelayedCall | None = None

    def connectionMade(self) -> None:
        """Limit its time."""
        self._call = self._reactor.callLater(LONGEST, self._overdue)

    def _overdue(self) -> None:
        self._why = f"ran for longer than {LONGEST:g} s and was ended"
        self.end()

    def end(self) -> None:
        """Ask it to end, and kill it if it does not."""
        self._signal("TERM")
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = self._reactor.callLater(GRACE, self._signal, "KILL")

    def _signal(self, name: str) -> None:
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)

    def processEnded(self, reason: Failure) -> None:
        """Tell how it ended."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        code = getattr(reason.value, "exitCode", None)
        why = self._why
        if why is None and code:
            why = f"ended with {code}"
        elif why is None and code is None:
            why = f"ended by signal {getattr(reason.value, 'signal', None)}"
        self._tell(why)
