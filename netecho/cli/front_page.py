"""The front page: what `netecho --help` and `--version` say, and which commands there are.

Plain text from plain tables. Click must not be imported here: on the machines this was measured on it alone costs
three times the start of the interpreter, and these two are what people and packaging scripts run first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netecho.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

COMMANDS = {
    "probe": "measure round trips to an echo server",
    "serve": "echo what comes in, on any number of addresses",
    "diagnose": "find what is wrong with a path, and say it with its proof",
    "monitor": "watch many targets all the time, and tell when one turns bad",
    "history": "print what a monitor kept: loss, percentiles, outages",
    "matrix": "print the paths of a mesh of monitors, from Prometheus",
    "trace": "show the path of a flow, and where on it packets are lost",
    "load": "load the line, and say in which direction that makes a queue",
    "report": "print a saved run again, in any format",
    "compare": "put two saved runs side by side",
    "schema": "print the JSON Schema of the results",
    "completions": "print the completion script of a shell",
    "help": "longer texts: how to read the output, accuracy, STAMP, ...",
}
"""Each command is a module of this name beside this one, with a Click command of this name in it."""

EXAMPLES = (
    ("netecho probe self", "what this machine itself costs"),
    ("netecho serve", "echo on port 7007, STAMP on 7862"),
    ("netecho probe host", "ten round trips over TCP"),
    ("netecho diagnose host", "what is wrong with the path to it"),
    ("netecho trace host", "the routers on the way to it"),
    ("netecho probe udp://host -r 100 -t 2s", "a hundred a second over UDP"),
    ("netecho probe host --fail-if 'rtt.p99>20ms'", "exit code 1 if that came true"),
)


def version() -> str:
    """Print the name and the version, on a line."""
    return f"netecho {__version__}\n"


def page() -> str:
    """Lay out the help of `netecho` itself, for 80 columns."""
    return "\n".join(
        [
            "Usage: netecho COMMAND [OPTIONS] [ARGUMENTS]",
            "",
            "Examples:",
            *table(EXAMPLES),
            "",
            "A network echo server and round-trip probe: true figures, clean JSON, and exit",
            "codes for scripts.",
            "",
            "Commands:",
            *table(COMMANDS.items()),
            "",
            "Options:",
            *table((("--version", "print the version"), ("-h, --help", "print this; COMMAND --help tells more"))),
            "",
            "Every option is also read from the environment, as NETECHO_<COMMAND>_<OPTION>.",
            "",
        ]
    )


def table(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Lay out names and what each is for, indented, in two columns."""
    listed = list(rows)
    width = max(len(left) for left, _ in listed)
    return [f"  {left:{width}}  {right}" for left, right in listed]
