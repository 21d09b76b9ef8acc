"""The `netecho` command: a group that imports a command when it is run, and explains usage errors."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

import click

from netecho.cli import front_page
from netecho.cli.click_ext.command import help_option
from netecho.cli.click_ext.usage_errors import explained

if TYPE_CHECKING:
    from netecho.cli.context import CliContext


COMPLETE = "_NETECHO_COMPLETE"
"""Set by the completion script of a shell."""


class LazyGroup(click.Group):
    """The commands of the front page; each is imported when it is run or completed."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names in the order of the front page."""
        return list(front_page.COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module; None where there is no such command."""
        if cmd_name not in front_page.COMMANDS:
            return None
        command = getattr(import_module(f"netecho.cli.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 - for the type checker
        return command

    def get_help(self, _ctx: click.Context) -> str:
        """Return the front page."""
        return front_page.page().rstrip("\n")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[click.shell_completion.CompletionItem[str]]:
        """Complete a command's name from the table, without importing all of them for their help."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=purpose)
            for name, purpose in front_page.COMMANDS.items()
            if name.startswith(incomplete)
        ]


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        context: CliContext = ctx.obj
        context.output.write(front_page.version())
        ctx.exit()


def group() -> LazyGroup:
    """Make the group."""
    version = click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        allow_from_autoenv=False,
        callback=_print_version,
        help="print the version",
    )
    return LazyGroup("netecho", add_help_option=False, params=[version, help_option()])


def invoke(arguments: list[str], context: CliContext) -> int:
    """Run the command that `arguments` name, or print completions for a shell."""
    if COMPLETE in os.environ:
        from netecho.cli.click_ext.shell_complete import register

        register()
    try:
        code = group().main(
            arguments,
            prog_name="netecho",
            complete_var=COMPLETE,
            standalone_mode=False,
            obj=context,
            auto_envvar_prefix="NETECHO",
        )
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.UsageError as error:
        raise explained(error) from error
    assert isinstance(code, int)  # noqa: S101 - for the type checker: `command` returns it
    return code
