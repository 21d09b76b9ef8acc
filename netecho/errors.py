"""The errors a person can cause or meet, each with its exit code and, where there is one, a hint.

    NetechoError                4   what went wrong inside netecho and has no class of its own below
    ├── UsageError              2   the command line, or a file it names, is wrong
    ├── UnreachableError        3   the target, or an address to listen on, could not be had
    ├── OutputError             5   the results could not be written
    │   └── OutputClosed        5   nobody reads them any more: `| head -1`; nothing is said about it
    └── CutOffError           130   a second Ctrl-C came before the run had ended

An error is raised where it is understood and caught once, at the command's edge, where it is shown as: what
happened, to what, and what to try. It must not print, and it must not know who prints it.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a script reads in `$?`; the table in the README."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    BUG = 4
    NOT_WRITTEN = 5
    CUT_OFF = 130


class NetechoError(Exception):
    """An error with a sentence for the reader and, where there is one, a hint of what to try."""

    exit_code = ExitCode.BUG

    def __init__(self, sentence: str, hint: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


class UsageError(NetechoError):
    """The command line, or a file it names, is wrong: the sentence names the part, the hint shows a right one."""

    exit_code = ExitCode.USAGE


class UnreachableError(NetechoError):
    """The target could not be reached at all, or an address to listen on could not be had."""

    exit_code = ExitCode.UNREACHABLE


class OutputError(NetechoError):
    """The results could not be written: a full disk."""

    exit_code = ExitCode.NOT_WRITTEN


class OutputClosed(OutputError):  # noqa: N818 - a signal more than an error: the command ends quietly
    """Standard output was closed by its reader (`netecho probe self | head -1`): end, and say nothing."""


class CutOffError(NetechoError):
    """A second Ctrl-C came before the run had ended."""

    exit_code = ExitCode.CUT_OFF
