"""What stands for `python -m netecho` in command lines of the tests: it has one forked, by `preloaded`, as its shadow.

    python -IS tests/launcher.py SOCKET ARGUMENT...

A shell, `nsenter` or `ip netns exec` starts it as it would start netecho. It gives its arguments, environment, folder
and standard streams away, hands signals on, and ends as the forked command ends. Where the process at the socket says
that it may not fork this one, it becomes `python -m netecho` itself. So it starts in a twentieth of the time: to keep
that, it imports the few modules in C that it needs, and not those around them (`socket`, `signal`, `json`).
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # of what is in C typeshed has `_socket` alone
import marshal
import os
import sys
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_SEQPACKET, SOL_SOCKET, socket

REFUSED = b"start it anew"
"""The answer to an order, where another is the process ID."""
HANDED_ON = (
    _signal.SIGHUP,
    _signal.SIGINT,
    _signal.SIGQUIT,
    _signal.SIGTERM,
    _signal.SIGUSR1,
    _signal.SIGUSR2,
    _signal.SIGWINCH,
)


def ask(
    path: str, arguments: list[str], environ: dict[str, str], directory: str, streams: list[int]
) -> tuple[socket, int | None]:
    """Order a command; return the connection that speaks of it, and its process ID: None where it has to be started.

    What is sent on the connection are numbers of signals for the command, and to close it kills the command. What comes
    is one message when the command has ended: `returncode` as `subprocess` has it.
    """
    connection = socket(AF_UNIX, SOCK_SEQPACKET)
    connection.connect(path)
    ignored = [number for number in range(1, _signal.NSIG) if _signal.getsignal(number) == _signal.SIG_IGN]
    order = marshal.dumps((arguments, environ, directory, ignored))
    descriptors = b"".join(each.to_bytes(4, sys.byteorder) for each in streams)
    connection.sendmsg([order], [(SOL_SOCKET, SCM_RIGHTS, descriptors)])
    answer = connection.recv(32)
    return connection, None if answer == REFUSED else int(answer)


def main() -> None:
    """Be the shadow of a command that was forked, or else the command."""
    path, *arguments = sys.argv[1:]
    environ = dict(os.environ)
    _signal.pthread_sigmask(_signal.SIG_BLOCK, HANDED_ON)
    connection, pid = ask(path, arguments, environ, os.getcwd(), [0, 1, 2])  # noqa: PTH109 - pathlib takes a while
    if pid is None:
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, HANDED_ON)
        os.execve(sys.executable, [sys.executable, "-m", "netecho", *arguments], environ)
    for number in HANDED_ON:
        _signal.signal(number, lambda number, _: connection.send(str(int(number)).encode()))
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, HANDED_ON)
    code = int(connection.recv(32))
    if code < 0:
        if code != -_signal.SIGKILL:
            _signal.signal(-code, _signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main()
