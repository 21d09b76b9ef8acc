"""The command line: it asks, and at the end it says the exit code. Click lives here alone.

    entry         the edge: dispatch, errors shown once, exit codes
    front_page    `netecho --help`: which commands there are; imports not even Click
    group         `netecho` itself, importing a command when it is asked for
    commands      a module a command
    job           from the options of `netecho probe` to a frozen job
    click_ext     how our commands differ from Click's
    context       what a command shares with the edge
    files         files that the command line names, checked before anything begins
    run           a measurement, those who watch it, its exit code
    monitor       from the options of `netecho monitor` to a monitor that runs
    publish       a document as JSON, as a page, and in a file
    reporters     who is told of a run: the format, the live view, `--save`
    manpage       netecho(1), made from the commands: `python -m netecho.cli.manpage`
    watch         frames of the live view, interim figures, slow readers: beside a measurement

What is asked for most, `netecho --help` and `--version`, is answered without importing Click.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

try:
    from netecho.cli import entry
except KeyboardInterrupt:  # Ctrl-C while modules are imported: no more than at any other time
    raise SystemExit(130) from None

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that `arguments` (the process's own where None) ask for, and exit with its code."""
    gc.set_threshold(500_000)  # what is imported stays: looking through it took a tenth of the start
    _keep_standard_descriptors()
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments[:1] in (["serve"], ["monitor"]):
        # It would kill one that still starts; one that has started takes it for the order to read its files again.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    elif arguments[:1] in (["load"], ["probe"]):
        # They ask for figures, of which there are none yet. Later there are handlers (`watch`).
        for number in (signal.SIGUSR1, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
    code = entry.run(arguments)
    _exit(code)


def _exit(code: int) -> NoReturn:
    """End this process at once: clearing away modules and objects first takes the interpreter some 12 ms."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the code is settled
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, full, or none: said where it matters
            stream.flush()
    os._exit(code)


def _keep_standard_descriptors() -> None:
    """Open the null device where a standard stream is closed (`>&-`), or the next socket would get its number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
