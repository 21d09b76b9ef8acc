"""The command's edge: every error is caught here, once, and shown; the exit code is returned.

    NetechoError            its sentence and hint on standard error, its exit code
    Ctrl-C before a run     130
    a missing module        inside a zip archive: why it is missing there; 2
    anything else           a bug: shown as one, with how to report it; 4

`NETECHO_DEBUG=1` adds the traceback, to both kinds.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING
from zipimport import zipimporter

from netecho.cli import front_page
from netecho.cli.context import CliContext
from netecho.errors import ExitCode, NetechoError, OutputClosed, UsageError

if TYPE_CHECKING:
    from types import TracebackType


DEBUG = "NETECHO_DEBUG"


def run(arguments: list[str]) -> int:
    """Run the command that `arguments` ask for. Returns its exit code; raises nothing but SystemExit."""
    context = CliContext()
    try:
        return _dispatch(arguments, context)
    except OutputClosed as error:
        return error.exit_code
    except NetechoError as error:
        context.output.say(_shown(error))
        if os.environ.get(DEBUG):
            context.output.say(_traceback(error))
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.CUT_OFF
    except OSError as error:
        return _failed_by_system(error, context)
    except ImportError as error:
        return _failed_to_import(error, context)
    except Exception as error:  # noqa: BLE001 - an unexpected exception is a bug
        context.output.say(_bug(error))
        return ExitCode.BUG


def _dispatch(arguments: list[str], context: CliContext) -> int:
    if arguments == ["--version"]:
        context.output.write(front_page.version())
    elif arguments in (["--help"], ["-h"]):
        context.output.write(front_page.page())
    else:
        from netecho.cli.group import invoke

        return invoke(arguments, context)
    return ExitCode.OK


def _failed_by_system(error: OSError, context: CliContext) -> int:
    """Show an OSError that no code handled: a bug, unless no descriptor is left."""
    from netecho.net import descriptors

    if error.errno in descriptors.EXHAUSTED:
        explained = descriptors.too_few()
        context.output.say(_shown(explained))
        return explained.exit_code
    context.output.say(_bug(error))
    return ExitCode.BUG


def _failed_to_import(error: ImportError, context: CliContext) -> int:
    """Show that a module is missing: a bug, but inside an archive, from which Python imports no compiled ones."""
    if not isinstance(__spec__.loader, zipimporter):
        context.output.say(_bug(error))
        return ExitCode.BUG
    explained = UsageError(
        f"this needs a compiled module, and Python imports none from a zip archive: {error}",
        "TLS works in an installed netecho (pipx, uv), and in an archive that unpacks itself (shiv)",
    )
    context.output.say(_shown(explained))
    return explained.exit_code


def _shown(error: NetechoError) -> str:
    """Return what happened, to what, and on the next line what to try."""
    return f"netecho: {error.sentence}" + (f"\n  {error.hint}" if error.hint else "")


def _bug(error: Exception) -> str:
    what = " ".join(f"{type(error).__name__}: {error}".split())
    lines = [f"netecho: this is a bug in netecho: {what}{_place(error.__traceback__)}"]
    if os.environ.get(DEBUG):
        lines.append(_traceback(error))
        lines.append("  please report it with the lines above, the command, and what `netecho --version` says")
    else:
        lines.append(f"  please report it with the command and all that it prints under {DEBUG}=1")
    return "\n".join(lines)


def _place(traceback: TracebackType | None) -> str:
    """Return the last line of netecho in the traceback."""
    place = ""
    while traceback is not None:
        module = str(traceback.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] == "netecho":
            place = f" ({module}, line {traceback.tb_lineno})"
        traceback = traceback.tb_next
    return place


def _traceback(error: Exception) -> str:
    import traceback

    return "".join(traceback.format_exception(error)).rstrip() + f"\n  Python {sys.version.split()[0]}, {sys.platform}"
