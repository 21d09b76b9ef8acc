"""`netecho completions`: the scripts by which a shell asks netecho what could come next.

Click finds the answer (see `click.shell_completion`); the question and how the answer is passed are our own, one way
for all shells. The line up to the cursor is asked with, whole: bash splits words at `:` and `=`, which a target has
inside, and would ask about half of it. A line of the answer is a kind, a value and a third field, with tabs between:

    plain   a word, and what it is for
    prefix  the beginning of a word, which no blank is to follow, and what it is for
    file    a path as far as it is typed, and what stands before it in the word

The scripts as they are installed lie in `completions/`, and a test compares them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from netecho.cli.click_ext.command import command
from netecho.cli.click_ext.shell_complete import SCRIPTS
from netecho.cli.click_ext.types import choice
from netecho.errors import ExitCode

if TYPE_CHECKING:
    from netecho.cli.context import CliContext


EXAMPLES = (
    ('eval "$(netecho completions bash)"', "completion in this shell; in ~/.bashrc, in all"),
    ("netecho completions zsh > _netecho", "a file for a directory of fpath"),
    ("netecho completions fish | source", "completion in this shell"),
)


@command("completions", examples=EXAMPLES)
@click.argument("shell", metavar="SHELL", type=choice(*SCRIPTS))
@click.pass_context
def completions(ctx: click.Context, /, **values: Any) -> int:
    """Print the completion script of SHELL: bash, zsh or fish.

    Packages and wheels install it where the shells look; this is for other ways.
    """
    context: CliContext = ctx.obj
    context.output.write(SCRIPTS[values["shell"]])
    return ExitCode.OK
