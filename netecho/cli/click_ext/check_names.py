"""The names of diagnose's checks on the command line: apart, as no other command imports what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from netecho.cli.click_ext.types import Parsed, closest
from netecho.diagnose.finding import CHECKS
from netecho.errors import UsageError

if TYPE_CHECKING:
    import click

    from netecho.diagnose.finding import Check


class CheckNames(Parsed["tuple[Check, ...]"]):
    """Names of checks, joined by commas; completed a name at a time, each once."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """Suggest the checks that are not named yet."""
        del ctx, param
        before, comma, begun = incomplete.rpartition(",")
        named_before = before.split(",")
        return [
            CompletionItem(f"{before}{comma}{name}")
            for name in CHECKS
            if name.startswith(begun) and name not in named_before
        ]


def _parse(text: str) -> tuple[Check, ...]:
    """Read the names of checks, joined by commas. Raises UsageError."""
    named = []
    for name in text.split(","):
        check = next((each for each in CHECKS if each == name.strip()), None)
        if check is None:
            raise UsageError(f"{name.strip()!r} is not one of {', '.join(CHECKS)}", closest(name, CHECKS))
        named.append(check)
    return tuple(named)


CHECKS_LIST = CheckNames("CHECK,...", _parse)
