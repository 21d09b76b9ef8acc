"""How our commands differ from Click's: help that opens with examples and groups the options, errors in our voice.

A command is declared with `command`, its options with the sections they stand in:

    when = section("When to send")

    @command("probe", examples=[("netecho probe self", "the floor")])
    @when("-c", "--count", metavar="N", type=Integer(0), shown="10", help="probes to send")
    def probe(**options): ...
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import click

from netecho.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from netecho.cli.context import CliContext


GENERAL = "Other"
_COLUMN = 26
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+|[0-9]+\.")


class Example(NamedTuple):
    """A line that can be run as it stands (`host` is a server's), and what it is for."""

    line: str
    purpose: str


class Option(click.Option):
    """An option with the section of the help it stands in, and the default as a person would write it."""

    def __init__(self, *args: Any, section: str = GENERAL, shown: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.shown = shown

    def variable(self, ctx: click.Context) -> str:
        """Return the environment variable of the option: named as it is typed, whatever it is called in the code."""
        return f"{ctx.auto_envvar_prefix}_{max(self.opts, key=len).lstrip('-').replace('-', '_').upper()}"

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return what the environment says, if it says anything."""
        if not self.allow_from_autoenv or ctx.auto_envvar_prefix is None:
            return None
        return os.environ.get(self.variable(ctx)) or None

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the names and the text, with the default in brackets where there is one to tell."""
        record = super().get_help_record(ctx)
        if record is None or self.shown is None:
            return record
        names, text = record
        return names, f"{text}  [default: {self.shown}]"


def _write_examples(formatter: click.HelpFormatter, examples: Sequence[Example]) -> None:
    """Write the lines whole, for copying; the purposes beside them where there is room, else below."""
    indent = " " * formatter.current_indent
    width = max(len(line) for line, _ in examples)
    beside = all(len(indent) + width + 2 + len(purpose) <= formatter.width for _, purpose in examples)
    for line, purpose in examples:
        gap = " " * (width - len(line) + 2) if beside else f"\n{indent}    "
        formatter.write(f"{indent}{line}{gap}{purpose}\n")


def _name_and_value(before: str, word: str) -> tuple[str, str, str]:
    """Return the option that `word` gives a value to, the value, and both as they were typed."""
    if not word.startswith("-"):
        return before, word, f"{before} {word}"
    name, _, value = word.partition("=") if word.startswith("--") else (word[:2], "", word[2:])
    return name, value, word


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _print_help(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        context: CliContext = ctx.obj
        context.output.write(ctx.get_help() + "\n")
        ctx.exit()


def help_option() -> Option:
    """Make the `--help` of a command; it writes where all results are written."""
    return Option(
        ["-h", "--help"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        allow_from_autoenv=False,
        callback=_print_help,
        help="print this",
    )


class Command(click.Command):
    """A command whose help opens with examples and has its options in sections."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"add_help_option": False})
        self.examples = tuple(Example(*example) for example in examples)
        self.params.append(help_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as Click does; say in our own words what is too much."""
        ctx.allow_extra_args = True
        if not ctx.resilient_parsing:
            self._refuse_unit_apart(args)
        try:
            rest = super().parse_args(ctx, args)
        except click.UsageError as error:
            # Click's parser knows no context, and without it nobody knows whose option it was.
            error.ctx = error.ctx or ctx
            raise
        if rest and not ctx.resilient_parsing:
            raise UsageError(f"{rest[0]!r} is one argument too many", _lowered(self.get_usage(ctx)))
        return rest

    def _refuse_unit_apart(self, args: Sequence[str]) -> None:
        """Raise UsageError for a unit that stands apart from its number, and would be an argument: `-i 5 ms`."""
        measured = {
            name: units for param in self.params if (units := getattr(param.type, "units", ())) for name in param.opts
        }
        for before, word, unit in zip(("", *args), args, args[1:], strict=False):
            if word == "--":
                return
            name, number, typed = _name_and_value(before, word)
            if unit in measured.get(name, ()) and _NUMBER.fullmatch(number):
                raise UsageError(f"{unit!r} stands apart from its number in {typed} {unit}", f"{typed}{unit}")

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write usage, examples, what it is for, and the options."""
        self.format_usage(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                _write_examples(formatter, self.examples)
        self.format_help_text(ctx, formatter)
        self.format_options(ctx, formatter)
        self.format_epilog(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, each section under its name."""
        sections = {
            name: [record for option in options if (record := option.get_help_record(ctx))]
            for name, options in self.sections(ctx).items()
        }
        lengths = [len(names) for records in sections.values() for names, _ in records]
        column = max((length for length in lengths if length <= _COLUMN), default=0)
        for name, records in sections.items():
            with formatter.section(name):
                # Padded, so that the texts of all sections begin in one column.
                formatter.write_dl([(f"{names:{column}}", text) for names, text in records], col_max=column)

    def sections(self, ctx: click.Context) -> dict[str, list[Option]]:
        """Return the options by section, both in the order of their declaration."""
        sections: dict[str, list[Option]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, Option) and not param.hidden:
                sections.setdefault(param.section, []).append(param)
        return sections


Declared = TypeVar("Declared", bound="Callable[..., Any] | click.Command")


class Declare(Protocol):
    """Declares an option of one section, with the arguments of `click.option`."""

    def __call__(
        self, *declarations: str, shown: str | None = None, **attributes: Any
    ) -> Callable[[Declared], Declared]:
        """Declare the option."""


def section(name: str) -> Declare:
    """Return the `click.option` of one section of the help."""

    def declare(*declarations: str, shown: str | None = None, **attributes: Any) -> Callable[[Declared], Declared]:
        return click.option(*declarations, cls=Option, section=name, shown=shown, **attributes)

    return declare


def command(
    name: str, *, examples: Sequence[tuple[str, str]], **attributes: Any
) -> Callable[[Callable[..., int]], Command]:
    """Declare a command; the function's docstring opens with what it is for, and it returns the exit code."""
    return click.command(name, cls=Command, examples=examples, **attributes)


def named(ctx: click.Context | None, param: click.Parameter) -> str:
    """Name a parameter as the person gave it: by its long option, its variable or its argument's name."""
    source = ctx.get_parameter_source(param.name) if ctx and param.name else None
    if ctx and source is click.core.ParameterSource.ENVIRONMENT and isinstance(param, Option):
        return param.variable(ctx)
    if isinstance(param, click.Argument):
        return param.make_metavar(ctx) if ctx else str(param.name)
    return max(param.opts, key=len)
