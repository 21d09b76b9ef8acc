"""The manual page, made from the commands themselves: `python -m netecho.cli.manpage` prints it.

It lies beside this module as `netecho.1`, from where wheels install it; a test compares the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from netecho.cli import front_page
from netecho.cli.click_ext.command import Command, Option
from netecho.cli.group import group
from netecho.errors import ExitCode
from netecho.help import manpages
from netecho.help.roff import escaped, quoted
from netecho.help.topics import TOPICS
from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ENDINGS = {
    ExitCode.OK: "The run was measured and every criterion held.",
    ExitCode.FAILED: "A criterion failed: no reply at all, or none any more at the end, a corrupt echo,"
    " or a --fail-if that came true.",
    ExitCode.USAGE: "The command line, or a file it names, is wrong.",
    ExitCode.UNREACHABLE: "The target could not be reached at all, or an address to listen on could not be had.",
    ExitCode.BUG: "An error inside netecho: a bug, which says how to report it.",
    ExitCode.NOT_WRITTEN: "The results could not be written: a full disk, or a reader that went away.",
    ExitCode.CUT_OFF: "A second Ctrl-C cut the run off.",
}
VARIABLES = {
    "NETECHO_<COMMAND>_<OPTION>": "Any option, by its long name: NETECHO_PROBE_INTERVAL=50ms. What is typed wins."
    " For a flag, yes or no.",
    "NO_COLOR": "If it is set, nothing is coloured; TERM=dumb says the same.",
    "FORCE_COLOR": "If it is set, results are coloured where there is no terminal too.",
    "NETECHO_PORTABLE": "If it is 1, every fast path is off: kernel timestamps, timer descriptors and the like.",
    "NETECHO_DEBUG": "If it is set, errors show where in the program they arose.",
}


def page() -> str:
    """Return the page, in the man macros."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f'.TH NETECHO 1 "" "netecho {__version__}" "User Commands"'
    yield from (".SH NAME", r"netecho \- network echo server and round\-trip probe")
    yield ".SH SYNOPSIS"
    with click.Context(group(), info_name="netecho") as parent:
        commands = [(name, _command(parent, name)) for name in front_page.COMMANDS]
        for name, command in commands:
            with click.Context(command, parent=parent, info_name=name) as ctx:
                usage = " ".join(command.collect_usage_pieces(ctx))
                yield from (f".B netecho {name}", f".RI {quoted(usage)}", ".br")
        yield from (r".B netecho \-\-help", "|", r".B \-\-version")
        yield from (".SH EXAMPLES", *_examples(front_page.EXAMPLES))
        for name, command in commands:
            with click.Context(command, parent=parent, info_name=name) as ctx:
                yield from _section(ctx, command)
    yield from _listed("ENVIRONMENT", VARIABLES.items())
    yield from _listed("EXIT STATUS", ((str(int(code)), meaning) for code, meaning in ENDINGS.items()))
    yield ".SH SEE ALSO"
    yield from (f".BR {escaped(manpages.name(topic))} (7)," for topic in TOPICS)
    yield from (".BR ping (8),", ".BR inetd (8),", ".BR ss (8)")
    yield from (".PP", "RFC 862 (echo), RFC 8762 and RFC 8972 (STAMP).")


def _command(parent: click.Context, name: str) -> Command:
    command = parent.command
    assert isinstance(command, click.Group)  # noqa: S101 - `group` made it
    found = command.get_command(parent, name)
    assert isinstance(found, Command)  # noqa: S101 - `command` made it
    return found


def _section(ctx: click.Context, command: Command) -> Iterator[str]:
    yield f".SH {quoted(f'NETECHO {ctx.info_name}'.upper())}"
    paragraphs = [" ".join(each.split()) for each in (command.help or "").split("\n\n")]
    for paragraph in (*paragraphs, *([command.epilog] if command.epilog else [])):
        yield from (escaped(paragraph), ".PP")
    yield from _examples(command.examples)
    for name, options in command.sections(ctx).items():
        yield f".SS {quoted(name)}"
        for option in options:
            yield from _option(ctx, option)


def _option(ctx: click.Context, option: Option) -> Iterator[str]:
    record = option.get_help_record(ctx)
    if record is not None:
        names, text = record
        yield from (".TP", f".B {quoted(names)}", escaped(" ".join(text.split())))


def _examples(examples: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for line, purpose in examples:
        yield from (".TP", f".B {quoted(line)}", f"{escaped(purpose[:1].upper() + purpose[1:])}.")


def _listed(title: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f".SH {title}"
    for term, text in rows:
        yield from (".TP", f".B {quoted(term)}", escaped(text))


if __name__ == "__main__":
    click.echo(page(), nl=False)
