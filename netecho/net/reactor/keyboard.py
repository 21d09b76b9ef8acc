"""The keys of the terminal that this process has in the foreground, each as it is pressed and not shown there.

Signals stay the terminal's: Ctrl-C and Ctrl-Z are no keys. In the background nothing is read and nothing is set, for
the terminal is another's then (termios(3): SIGTTIN and SIGTTOU). Whatever ends the process in an orderly way, its
modes are put back: by `release`, or at the interpreter's exit.
"""

from __future__ import annotations

import atexit
import errno
import os
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from netecho.net.reactor.interfaces import ReactorDescriptors

_MOST = 64
"""Bytes that are read at once: what is pasted has the reactor's other business in between."""
_LFLAG = 3
_CC = 6
"""Places in the attributes of a terminal."""


class Keyboard:
    """Reads the terminal behind a descriptor while it is taken; an IReadDescriptor, as far as reactors look at it."""

    def __init__(self, reactor: ReactorDescriptors, descriptor: int, pressed: Callable[[bytes], None]) -> None:
        self._reactor = reactor
        self._descriptor = descriptor
        self._pressed = pressed
        self._before: list[Any] | None = None
        """The terminal's modes before it was taken; None: it is not taken."""
        self._wanted = False

    def take(self) -> None:
        """Read keys from now on, whenever this process is in the foreground."""
        self._wanted = True
        atexit.register(self.release)
        self.follow()

    def release(self) -> None:
        """Read no more, and put the terminal back as it was."""
        self._wanted = False
        atexit.unregister(self.release)
        self._let_go()

    def follow(self) -> None:
        """See whether this process is in the foreground: nothing tells when a shell has it go on there."""
        in_foreground = self._is_in_foreground()
        if self._wanted and in_foreground and self._before is None:
            self._begin()
        elif self._before is not None and not in_foreground:
            self._let_go()

    def fileno(self) -> int:
        """Return the descriptor of the terminal."""
        return self._descriptor

    def logPrefix(self) -> str:
        """Return what Twisted calls it in its log."""
        return "keyboard"

    def doRead(self) -> None:
        """Read what was typed."""
        if not self._is_in_foreground():
            self._let_go()
            return
        try:
            typed = os.read(self._descriptor, _MOST)
        except OSError as error:
            if error.errno in (errno.EINTR, errno.EAGAIN):
                return
            typed = b""
        if typed:
            self._pressed(typed)
        else:
            self.release()  # it was hung up

    def connectionLost(self, reason: object) -> None:
        """Read no more: the terminal is gone."""
        del reason
        self.release()

    def _begin(self) -> None:
        try:
            before = termios.tcgetattr(self._descriptor)
            modes = termios.tcgetattr(self._descriptor)
            modes[_LFLAG] &= ~(termios.ICANON | termios.ECHO)
            modes[_CC][termios.VMIN], modes[_CC][termios.VTIME] = 1, 0
            termios.tcsetattr(self._descriptor, termios.TCSANOW, modes)
        except termios.error:
            return
        self._before = before
        self._reactor.addReader(self)

    def _let_go(self) -> None:
        if self._before is None:
            return
        before, self._before = self._before, None
        self._reactor.removeReader(self)
        if self._is_in_foreground():
            with suppress(termios.error):
                termios.tcsetattr(self._descriptor, termios.TCSANOW, before)

    def _is_in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:
            return False  # not the terminal that controls this process
