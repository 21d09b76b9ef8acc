"""Click's complaints in our own words: what is wrong, and what a right one looks like."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from netecho.cli import front_page
from netecho.cli.click_ext.command import Option, named
from netecho.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


def explained(error: click.UsageError) -> UsageError:
    """Word an error of Click's parser as one of ours."""
    for kind, word in _WORDS.items():
        if isinstance(error, kind):
            return word(error)
    return UsageError(_lowered(error.format_message()), _see_help(error))


def _path(error: click.UsageError) -> str:
    return error.ctx.command_path if error.ctx else "netecho"


def _see_help(error: click.UsageError) -> str:
    return f"{_path(error)} --help lists what there is"


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")


def _no_such_option(error: click.NoSuchOption) -> UsageError:
    inside = isinstance(error.ctx.command, click.Group) if error.ctx else False
    sentence = f"there is no option {error.option_name}"
    if error.possibilities:
        return UsageError(sentence, f"did you mean {error.possibilities[0]}?")
    if inside:
        return UsageError(f"{sentence} before the command", "options follow it: netecho probe localhost -c 5")
    return UsageError(sentence, _see_help(error))


def _no_such_command(error: click.NoSuchCommand) -> UsageError:
    name = error.command_name
    sentence = f"there is no command {name!r}"
    from difflib import get_close_matches

    close = get_close_matches(name, front_page.COMMANDS, n=1)
    if close:
        return UsageError(sentence, f"did you mean {close[0]!r}?")
    if any(mark in name for mark in ":.") or name in ("localhost", "self"):
        return UsageError(sentence, f"to probe it: netecho probe {name}")
    return UsageError(sentence, f"there are {', '.join(front_page.COMMANDS)}")


def _missing(error: click.MissingParameter) -> UsageError:
    name = named(error.ctx, error.param) if error.param else "argument"
    examples = getattr(error.ctx.command, "examples", ()) if error.ctx else ()
    return UsageError(
        f"{_path(error)} was given no {name.rstrip('.')}",
        f"for example: {examples[0].line}" if examples else _see_help(error),
    )


def _bad_use(error: click.BadOptionUsage) -> UsageError:
    """Word an option without its value, or a flag with one."""
    option = next(
        (param for param in _params(error) if error.option_name in (*param.opts, *param.secondary_opts)), None
    )
    if error.ctx is None or not isinstance(option, click.Option):
        return UsageError(_lowered(error.format_message()), _see_help(error))
    if option.is_flag or option.count:
        return UsageError(f"{error.option_name} takes no value", f"give it alone: {error.option_name}")
    value = option.make_metavar(error.ctx)
    return UsageError(f"{error.option_name} needs a value", f"after it: {error.option_name} {value}")


def _params(error: click.UsageError) -> list[click.Parameter]:
    return error.ctx.command.params if error.ctx else []


def _bad_value(error: click.BadParameter) -> UsageError:
    """Word a value that Click itself reads: a flag's or a count's, which only a variable can get wrong."""
    option, ctx = error.param, error.ctx
    if isinstance(option, Option) and ctx is not None:
        variable = option.variable(ctx)
        value = os.environ.get(variable, "")
        if option.is_flag:
            return UsageError(f"{variable}: {value!r} is neither yes nor no", f"{variable}=yes")
        if option.count:
            return UsageError(f"{variable}: {value!r} is not a whole number", f"{variable}=1")
    name = f"{named(ctx, option)}: " if option else ""
    return UsageError(f"{name}{_lowered(error.message)}", _see_help(error))


def _nothing_asked(error: click.exceptions.NoArgsIsHelpError) -> UsageError:
    return UsageError(f"no command was given\n\n{error.format_message()}")


# The order matters: the general kinds come after the special ones.
_WORDS: dict[type[click.UsageError], Callable[..., UsageError]] = {
    click.exceptions.NoArgsIsHelpError: _nothing_asked,
    click.NoSuchOption: _no_such_option,
    click.NoSuchCommand: _no_such_command,
    click.MissingParameter: _missing,
    click.BadParameter: _bad_value,
    click.BadOptionUsage: _bad_use,
}
