"""The configuration file of a monitor, and the targets of the command line beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netecho.cli import files
from netecho.errors import ExitCode, UsageError
from netecho.monitor.config import Parsed, parse
from netecho.monitor.settings import MonitorSettings
from netecho.report.humanize import many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.cli.context import CliContext
    from netecho.cli.monitor.asked import Monitoring
    from netecho.monitor.settings import TargetSettings

LARGEST_CONFIG = 16 << 20
"""Bytes."""
NAMED = 20
"""Targets that are named in an error."""


def check_file(path: str, node: str | None, context: CliContext) -> int:
    """Say all that is wrong with a configuration file, and return the exit code."""
    from netecho.net.monitor.jobs import job_of

    settings, mistakes = _read(path)
    output = context.output
    for mistake in mistakes:
        output.write(f"{path}:{mistake}\n" + (f"  {mistake.hint}\n" if mistake.hint else ""))
    unreadable = 0
    for each in settings.targets:
        try:
            job_of(each)
        except UsageError as error:
            unreadable += 1
            output.write(f"{path}: {error.sentence}\n")
    if mistakes or unreadable:
        return ExitCode.USAGE
    _without(node, settings.targets, path)
    output.write(f"{path}: {many(len(settings.targets), 'target')}, nothing is wrong\n")
    return ExitCode.OK


def _read(path: str) -> Parsed:
    data = files.read(path, "--config", LARGEST_CONFIG + 1)
    if len(data) > LARGEST_CONFIG:
        raise UsageError(f"--config {path!r} is larger than {LARGEST_CONFIG >> 20} MiB", "is it the right file?")
    try:
        return parse(data.decode("utf-8-sig"))  # as some editors begin a file
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: this is not UTF-8, as TOML has to be", "save it as UTF-8") from None


def configured(asked: Monitoring) -> MonitorSettings:
    """Return the targets of the command line, and those of the file. Raises UsageError for what is wrong with it."""
    if asked.config is None:
        return MonitorSettings(targets=asked.targets)
    settings, mistakes = _read(asked.config)
    if mistakes:
        more = many(len(mistakes) - 1, "more mistake", "more mistakes")
        hint = mistakes[0].hint
        if len(mistakes) > 1:
            hint = f"{hint + '; ' if hint else ''}{more}: netecho monitor --config {asked.config} --check"
        raise UsageError(f"{asked.config}:{mistakes[0]}", hint)
    taken = {each.name for each in asked.targets}
    for each in settings.targets:
        if each.name in taken:
            raise UsageError(f"{each.name!r} is in {asked.config} and on the command line", "leave one out")
    others = _without(asked.node, settings.targets, asked.config)
    return replace(settings, targets=(*asked.targets, *others))


def _without(node: str | None, targets: Sequence[TargetSettings], path: str) -> tuple[TargetSettings, ...]:
    """Return the targets that are not this machine. Raises UsageError where `node` is none of them."""
    if node is None:
        return tuple(targets)
    others = tuple(each for each in targets if each.name != node)
    if len(others) == len(targets):
        known = [each.name for each in targets]
        more = f" and {len(known) - NAMED} more" if len(known) > NAMED else ""
        raise UsageError(
            f"--node {node!r}: {path} has no target of that name", f"there are {', '.join(known[:NAMED])}{more}"
        )
    return others
