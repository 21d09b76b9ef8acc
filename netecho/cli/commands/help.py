"""`netecho help`: the longer texts, a topic each, and the help of the commands by the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from netecho.cli import front_page
from netecho.cli.click_ext.command import command
from netecho.errors import ExitCode, UsageError
from netecho.help.topics import TOPICS, source, subject

if TYPE_CHECKING:
    from netecho.cli.context import CliContext

EXAMPLES = (
    ("netecho help", "which topics there are"),
    ("netecho help output", "how to read what netecho probe prints"),
    ("netecho help stamp | less", "each direction by itself"),
    ("netecho help probe", "the same as netecho probe --help"),
)


class Topic(click.ParamType[str]):
    """A topic of the help, or a command."""

    name = "topic"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as it is; raises UsageError for one that is neither."""
        del param, ctx
        if value in TOPICS or value in front_page.COMMANDS:
            return value
        from difflib import get_close_matches

        near = get_close_matches(value, [*TOPICS, *front_page.COMMANDS], n=1)
        hint = f"perhaps {near[0]}; netecho help lists them" if near else f"one of {', '.join(TOPICS)}, or a command"
        raise UsageError(f"there is no help topic {value!r}", hint)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """Suggest topics, then commands."""
        del ctx, param
        every = {topic: subject(topic) for topic in TOPICS} | front_page.COMMANDS
        return [CompletionItem(word, help=about) for word, about in every.items() if word.startswith(incomplete)]


@command("help", examples=EXAMPLES)
@click.argument("topic", metavar="[TOPIC]", required=False, type=Topic())
@click.pass_context
def help(ctx: click.Context, /, **values: Any) -> int:  # noqa: A001 - the command's name, by which it is found
    """Print the text on TOPIC, or which topics there are.

    Where netecho was installed from a wheel each topic is a man page as well: man netecho-stamp.
    """
    context: CliContext = ctx.obj
    topic: str | None = values["topic"]
    if topic is None:
        context.output.write(_listed())
    elif topic in TOPICS:
        from netecho.report.terminal.help_text import show

        show(f"{topic}: {subject(topic)}", source(topic), context.output)
    else:
        context.output.write(_help_of(topic, ctx) + "\n")
    return ExitCode.OK


def _listed() -> str:
    return "\n".join(
        [
            "Topics, for netecho help TOPIC:",
            *front_page.table((topic, subject(topic)) for topic in TOPICS),
            "",
            "Commands, for netecho COMMAND --help:",
            *front_page.table(front_page.COMMANDS.items()),
            "",
        ]
    )


def _help_of(name: str, ctx: click.Context) -> str:
    parent = ctx.parent
    assert parent is not None  # noqa: S101 - every command is run from the group
    group = parent.command
    assert isinstance(group, click.Group)  # noqa: S101 - as above
    found = group.get_command(parent, name)
    assert found is not None  # noqa: S101 - it is on the front page
    with click.Context(found, info_name=name, parent=parent) as own:
        return found.get_help(own)
