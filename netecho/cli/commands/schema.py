"""`netecho schema`: the JSON Schema that results are valid against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from netecho.cli.click_ext.command import command
from netecho.errors import ExitCode

if TYPE_CHECKING:
    from netecho.cli.context import CliContext

EXAMPLES = (
    ("netecho schema > netecho.schema.json", "keep it"),
    ("netecho schema | jq '.\"$defs\" | keys'", "what there is"),
)


@command("schema", examples=EXAMPLES)
@click.pass_context
def schema(ctx: click.Context, /) -> int:
    """Print the JSON Schema (2020-12) of what netecho probe prints: the document, and each line of NDJSON."""
    from netecho.report.document.schema import text

    context: CliContext = ctx.obj
    context.output.write(text())
    return ExitCode.OK
