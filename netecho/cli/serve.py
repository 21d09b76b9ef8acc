"""`netecho serve`: its options, and the server they ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from netecho.cli.command import command, section
from netecho.cli.options import LISTEN, TIME, choice, integer
from netecho.echo.limits import Limits
from netecho.echo.service import Service
from netecho.errors import ExitCode, OutputClosed
from netecho.target import parse_listen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.cli.edge import Edge
    from netecho.target import Target

EXAMPLES = (
    ("netecho serve", "TCP and UDP, port 7007, every address"),
    ("netecho serve tcp://:7 udp://:7", "the ports of RFC 862"),
    ("netecho serve 127.0.0.1:0 --format ndjson", "a free port of loopback; the first lines say which"),
    ("netecho serve tcp://[::1]:7007 unix:/run/netecho.sock -v", "IPv6 loopback and a Unix socket, with a log"),
)

limits = section("Limits")
output = section("Output")

_SAFE = Limits()


@command(
    "serve",
    examples=EXAMPLES,
    epilog="TIME takes ns, us, ms, s, m or h (1.5s, 200us), in seconds without."
    " Every option is also read from the environment, as NETECHO_SERVE_<OPTION>.",
)
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1, type=LISTEN)
@limits(
    "--max-connections",
    type=integer(0),
    default=_SAFE.connections,
    shown=str(_SAFE.connections),
    help="connections at once; 0: no limit",
)
@limits(
    "--max-per-client",
    type=integer(0),
    default=_SAFE.per_client,
    shown=str(_SAFE.per_client),
    help="connections at once from one address (IPv6: one /64 network); 0: no limit",
)
@limits("--idle-timeout", type=TIME, default=_SAFE.idle, shown="5m", help="end connections silent for TIME; 0: never")
@limits(
    "--max-rate",
    type=integer(0),
    default=_SAFE.rate,
    shown=str(_SAFE.rate),
    help="datagrams, and new connections, a second from one address; 0: no limit",
)
@output("--for", "duration", type=TIME, help="stop after TIME")
@output("--format", "form", type=choice("text", "ndjson"), shown="text", default="text", help="how events are written")
@output("-v", "--verbose", count=True, help="tell of each connection; twice: of all that comes")
@output("-q", "--quiet", count=True, help="only where it listens and the totals; twice: nothing")
@click.pass_context
def serve(ctx: click.Context, /, **values: Any) -> int:
    """Echo what comes in, by RFC 862, until stopped.

    ADDRESS is [SCHEME://][HOST]:PORT, where SCHEME is tcp, udp or tls; or unix:/PATH. Without a scheme it is TCP and
    UDP, without a host every address of this machine; port 0 takes a free one.
    """
    edge: Edge = ctx.obj
    targets = [target for each in values["addresses"] or (parse_listen(":7007"),) for target in each]
    return run(
        targets,
        service=Service(
            limits=Limits(
                connections=values["max_connections"] or None,
                per_client=values["max_per_client"] or None,
                idle=values["idle_timeout"] or None,
                rate=values["max_rate"] or None,
            ),
            duration=values["duration"],
        ),
        form=values["form"],
        verbosity=values["verbose"] - values["quiet"],
        edge=edge,
    )


def run(
    targets: Sequence[Target], service: Service, form: Literal["text", "ndjson"], verbosity: int, edge: Edge
) -> int:
    """Bind, serve, and return the exit code. Raises UnreachableError."""
    from dataclasses import replace

    from netecho.net.listening import bind_all, close_all
    from netecho.report.output import Output
    from netecho.report.serving import RECEIVED, ServerLog

    edge.output = Output(quiet=2 if verbosity < -1 else 0)
    log = ServerLog(edge.output, form, verbosity)
    service = replace(service, watch=log.level >= RECEIVED)
    bound = bind_all(targets)

    from netecho.net.run import run as run_reactor
    from netecho.net.serve import serve as serve_on

    try:
        run_reactor(lambda reactor, interrupt: serve_on(reactor, interrupt, service, bound, log))
        log.finish()
    except OutputClosed:
        pass  # whoever read the log is gone, and the server went after them
    finally:
        close_all(bound)
    return ExitCode.OK
