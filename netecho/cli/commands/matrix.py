"""`netecho matrix`: the paths of a mesh of monitors, from Prometheus."""

from __future__ import annotations

import csv
import io
import time
from typing import TYPE_CHECKING, Any

import click

from netecho.cli import files
from netecho.cli.click_ext.command import command, section
from netecho.cli.click_ext.types import FILE, TIME, Parsed, choice, form_of
from netecho.errors import ExitCode, UsageError
from netecho.units import MILLISECOND, SECOND, TIME_UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netecho.cli.context import CliContext
    from netecho.monitor.mesh import Matrix
    from netecho.net.prometheus import Server
    from netecho.report.output import Output

EXAMPLES = (
    ("netecho matrix --prometheus http://host:9090", "from each node to each other: p50, p99, loss"),
    ("netecho matrix --prometheus http://host:9090 --window 24h", "of the last day"),
    ("netecho matrix --prometheus http://host:9090 --json | jq '.cells[]'", "for scripts"),
)
WINDOW = 5 * TIME_UNITS["m"]
TIMEOUT = 10 * TIME_UNITS["s"]

what = section("What is shown")
asking = section("Prometheus")
output = section("Output")


def _server(text: str) -> Server:
    from netecho.net.prometheus import parse_server

    return parse_server(text)


@command(
    "matrix",
    examples=EXAMPLES,
    epilog="netecho monitor --node NAME measures it; netecho help mesh."
    " Every option is also read from the environment, as NETECHO_MATRIX_<OPTION>.",
)
@what("--window", type=TIME, default=WINDOW, shown="5m", help="of so long until now")
@asking("--prometheus", type=Parsed("URL", _server), help="where it is: http://HOST:9090")
@asking("--token-file", type=FILE, help="show it the bearer token in FILE")
@asking("-W", "--timeout", type=TIME, default=TIMEOUT, shown="10s", help="how long its answers are waited for, in all")
@output("--format", type=choice("text", "json", "csv"), shown="text", help="text, json, or csv: a row a pair")
@output("--json", is_flag=True, help="short for --format json")
@output("--no-color", is_flag=True, help="no colour, as NO_COLOR=1 in the environment")
@click.pass_context
def matrix(ctx: click.Context, /, **values: Any) -> int:
    """Print what each node of a mesh measures of each other: round trips, loss, and each way by itself with STAMP.

    The nodes are monitors that know their names (netecho monitor --node NAME), and that Prometheus scrapes. Percentiles
    are those of its histograms, within a bucket. Exit code 1 says that it has no figures of any node.
    """
    from netecho.report.output import Output

    context: CliContext = ctx.obj
    form = form_of(values)
    if values["prometheus"] is None:
        raise UsageError("there is nothing to ask", "where Prometheus is: --prometheus http://HOST:9090")
    if values["window"] < SECOND:
        raise UsageError("a --window below 1 s has no figures", "at least four times the scrape interval: 5m")
    if not values["timeout"]:
        raise UsageError("a --timeout of 0 waits for no answer", "10s")
    token = None if values["token_file"] is None else files.token(values["token_file"], "--token-file")
    context.output = shown = Output(color=not values["no_color"])
    found = _asked(values["prometheus"], values["window"], values["timeout"] / SECOND, token)
    _write(found, values["window"], form, shown)
    if not found.cells:
        shown.say("netecho: there are no figures of a node: is it netecho monitor --node NAME that is scraped?")
        return ExitCode.FAILED
    return ExitCode.OK


def _asked(server: Server, window: int, timeout: float, token: str | None) -> Matrix:
    from netecho.monitor.mesh import matrix as matrix_of
    from netecho.net.prometheus import Prometheus
    from netecho.report.prometheus import queries

    prometheus = Prometheus(server, timeout, token)
    asked = queries.mesh(f"{window // MILLISECOND}ms")
    return matrix_of({what: prometheus.query(query) for what, query in asked.items()})


def _write(found: Matrix, window: int, form: str, shown: Output) -> None:
    from netecho.report.document.matrix import csv_rows, document

    made = document(found, time.time_ns(), window)
    if form == "json":
        from netecho.report.formats.json_document import pretty

        shown.write(pretty(made))
    elif form == "csv":
        for row in csv_rows(made):
            shown.write(_line(row))
    elif found.cells:
        from netecho.report.terminal.matrix import show

        show(made, shown)


def _line(row: Iterable[object]) -> str:
    paper = io.StringIO()
    csv.writer(paper, lineterminator="\n").writerow(row)
    return paper.getvalue()
