"""`netecho serve`: its options, and the server they ask for."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any, Literal

import click

from netecho.cli.click_ext.command import command, section
from netecho.cli.click_ext.types import FILE, LISTEN, PERIOD, SIZE, TIME, Parsed, choice, integer, parse_alpn
from netecho.cli.files import warn_of_shared_keys
from netecho.echo.limits import Limits
from netecho.echo.load_budget import LoadLimits
from netecho.echo.text import DEFAULT_ERROR, DEFAULT_REPLY, LONGEST_REPLY, MOST_PLACES
from netecho.errors import UsageError
from netecho.net.server.privileges import find_user, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from netecho.cli.context import CliContext
    from netecho.cli.watch import WatchReactor
    from netecho.echo.snapshot import ServerSnapshot
    from netecho.net.server.privileges import User
    from netecho.net.server.settings import ServerSettings
    from netecho.report.output import Output
    from netecho.target import Target

EXAMPLES = (
    ("netecho serve", "TCP and UDP on port 7007, STAMP on 7862, every address"),
    ("netecho serve tcp://:7 udp://:7", "the ports of RFC 862"),
    ("netecho serve 127.0.0.1:0 --format ndjson", "a free port of loopback; the first lines say which"),
    ("netecho serve 'tcp://[::1]:7007' unix:/run/netecho.sock -v", "IPv6 and a Unix socket, with a log"),
    ("netecho serve tls://:7443 --cert cert.pem --key key.pem", "TLS; SIGHUP reads the files again"),
    ("netecho serve stamp:// --stateful", "a STAMP reflector, for routers and for netecho probe stamp://"),
    ("netecho serve :7007 stamp://:7862 nq://", "load as well, for netecho load, within a budget"),
    ("netecho serve tcp://:7007 --mode text --banner Welcome --logoff BYE", "a line for a line"),
)

answers = section("What is answered")
limits = section("Limits")
tls = section("TLS, for tls:// and nqs:// addresses")
stamp = section("STAMP (RFC 8762), for stamp:// addresses")
load = section("Load, for nq:// and nqs:// addresses")
running = section("Running")
output = section("Output")

_SAFE, _LOAD = Limits(), LoadLimits()


def parse_mode(text: str) -> int:
    """Read the permissions of a file in octal. Raises UsageError."""
    if not re.fullmatch("0?[0-7]{1,3}", text):
        raise UsageError(f"{text!r} is not a file's permissions", "three octal digits: 660")
    return int(text, 8)


def parse_line(text: str) -> str:
    """Check that a text is one line. Raises UsageError."""
    if "\n" in text or "\r" in text:
        raise UsageError(f"{text!r} is more than one line", "a text without a newline, which netecho adds")
    if len(text.encode(errors="surrogateescape")) > LONGEST_REPLY:
        raise UsageError(f"a line of {len(text)} characters is longer than {LONGEST_REPLY} bytes", "shorten it")
    return text


def parse_template(text: str) -> str:
    """Check the reply to a line. Raises UsageError."""
    if text.count("{}") > MOST_PLACES:
        raise UsageError(
            f"the template has {{}} {text.count('{}')} times, and may have it {MOST_PLACES} times",
            "a client's line is sent back so often for each time that it is sent",
        )
    return parse_line(text)


def parse_word(text: str) -> str:
    """Check the word that ends a conversation. Raises UsageError."""
    if not parse_line(text):
        raise UsageError("'' begins every line", "a word: BYE")
    return text


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """Read a network, or an address, which is one of itself alone. Raises UsageError."""
    try:
        return ip_network(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a network", "an address, or one with a prefix: 192.0.2.0/24") from None


LINE = Parsed("TEXT", parse_line)
NETWORK = Parsed("NETWORK", parse_network)


@command(
    "serve",
    examples=EXAMPLES,
    epilog="TIME takes ns, us, ms, s, m or h (1.5s, 200us), in seconds without."
    " Every option is also read from the environment, as NETECHO_SERVE_<OPTION>.",
)
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1, type=LISTEN)
@answers(
    "--mode", type=choice("raw", "text"), default="raw", shown="raw", help="the bytes as they are, or line by line"
)
@answers("--banner", type=LINE, help="a line sent to each new stream connection")
@answers("--reply", type=Parsed("TEMPLATE", parse_template), shown=DEFAULT_REPLY, help="text: {} stands for the line")
@answers("--reply-error", type=LINE, shown=DEFAULT_ERROR, help="text: for a line that is not UTF-8, or too long")
@answers("--logoff", type=Parsed("WORD", parse_word), help="text: a line that starts with WORD ends the connection")
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
@limits(
    "--idle-timeout",
    type=TIME,
    default=_SAFE.idle,
    shown="5m",
    help="end connections silent for TIME; 0: never. A TLS handshake has 10 s in all",
)
@limits(
    "--max-rate",
    type=integer(0),
    default=_SAFE.rate,
    shown=str(_SAFE.rate),
    help="datagrams, and new connections, a second from one address; 0: no limit",
)
@tls("--cert", type=FILE, shown="one made for the run", help="certificate and its chain (PEM)")
@tls("--key", type=FILE, shown="in --cert", help="its key (PEM)")
@tls("--client-ca", type=FILE, help="let in only clients with a certificate signed by these (PEM)")
@tls("--alpn", type=Parsed("NAME", parse_alpn), multiple=True, help="speak this application protocol; may be repeated")
@stamp(
    "--stateful",
    is_flag=True,
    shown="where no ADDRESS is given",
    help="number the replies of each session, which shows where packets are lost",
)
@stamp("--auth-key-file", type=FILE, help="authenticated mode, with the key in FILE: as it stands, or hex:DIGITS")
@stamp(
    "--symmetrical",
    is_flag=True,
    help="one reply to a request, as long as it, whatever it asks for; else for proved addresses longer and more ones,"
    " and traces of the way back",
)
@stamp(
    "--whole-base",
    is_flag=True,
    help="answer TWAMP-Light requests under 44 bytes without a limit; else 64 a second of a client",
)
@load(
    "--load-bytes",
    type=SIZE,
    default=_LOAD.bytes,
    shown="4096M",
    help="bytes of load one client may have in an hour; all of them together four times as many",
)
@load("--load-time", type=TIME, default=_LOAD.time, shown="5m", help="time under load in an hour, likewise")
@load("--allow", type=NETWORK, multiple=True, help="only clients of this network, or address; may be repeated")
@load("--token-file", type=FILE, help="only clients that show the token in FILE (Authorization: Bearer)")
@running("--workers", type=integer(1, 256), default=1, shown="1", help="processes sharing the ports and the limits")
@running(
    "--socket-mode", type=Parsed("MODE", parse_mode), default=0o660, shown="660", help="permissions of Unix sockets"
)
@running(
    "--user",
    type=Parsed("NAME", find_user),
    help="be this user once the addresses are bound and the keys read",
)
@running("--for", type=TIME, help="stop after TIME")
@output("--format", type=choice("text", "ndjson"), shown="text", default="text", help="how events are written")
@output("--live/--no-live", default=None, shown="on terminals, in text", help="show on standard error what is going on")
@output("--report-every", type=PERIOD, help="write statistics each TIME, as SIGUSR1 does once")
@output("-v", "--verbose", count=True, help="tell of each connection; twice: of all that comes")
@output("-q", "--quiet", count=True, help="only where it listens and the totals; twice: nothing")
@click.pass_context
def serve(ctx: click.Context, /, **values: Any) -> int:
    """Echo what comes in, by RFC 862, until stopped by SIGINT or SIGTERM.

    ADDRESS is [SCHEME://][HOST]:PORT, where SCHEME is tcp, udp, tls, stamp or nq; or unix:/PATH. Without a scheme it is
    TCP and UDP, without a host every address of this machine; port 0 takes a free one. With no ADDRESS it is TCP and
    UDP on port 7007, and STAMP on UDP port 7862, and on its own, 862, where this user may and it is free. Sockets that
    systemd hands over are served as well, or instead.

    Over UDP, an answer is never longer than its request, and a datagram that could be another server's answer gets
    none.
    """
    from netecho.cli.job.service import applicable, service_of

    context: CliContext = ctx.obj
    targets = [target for each in values["addresses"] for target in each]
    typed = {name for name in values if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE}
    values = applicable(values, targets, typed)
    settings = service_of(values, targets)
    if values["quiet"] < 2:
        warn_of_shared_keys(
            context.output, values["key"] or values["cert"], values["auth_key_file"], values["token_file"]
        )
    return run(
        targets,
        settings,
        context,
        form=values["format"],
        verbosity=values["verbose"] - values["quiet"],
        workers=values["workers"],
        mode=values["socket_mode"],
        live=values["live"],
        report_every=values["report_every"],
        user=values["user"],
    )


def run(
    targets: Sequence[Target],
    settings: ServerSettings,
    context: CliContext,
    *,
    form: Literal["text", "ndjson"],
    verbosity: int,
    workers: int,
    mode: int,
    live: bool | None,
    report_every: int | None,
    user: User | None,
) -> int:
    """Serve to the end, and return the exit code. Raises UsageError, UnreachableError."""
    from netecho.cli.watch import Watch  # now: as --user, what only root can read cannot be imported any more
    from netecho.net import descriptors
    from netecho.net.server.early_signals import stop_early
    from netecho.report.output import Output
    from netecho.report.server_log import ServerLog

    # Of each worker the supervisor has a socket to it, at its start both ends, and a set of sockets to listen on:
    # without an address these are six, TCP, UDP and STAMP over IPv4 and IPv6.
    descriptors.require(descriptors.LEAST + (10 * workers if workers > 1 else 0))
    context.output = output = Output(quiet=2 if verbosity < -1 else 0, patient=False)
    is_watched = _is_watched(output, form, verbosity, live)
    if is_watched:
        from netecho.report.terminal.server_view import ServerView
    log = ServerLog(output, form, verbosity, gathered=is_watched)

    def watch(
        reactor: WatchReactor, snapshot: Callable[[], ServerSnapshot], count: Callable[[], None]
    ) -> AbstractContextManager[object]:
        view = ServerView(output, snapshot) if is_watched else None
        # What waits for a slow reader is written by the log, which knows what a closed reader means.
        return Watch(reactor, output, view, count, report_every, drain=lambda: None)

    # A server that nobody asks about each connection is spared the work of telling.
    settings = replace(settings, log_connections=log.shows_clients, log_received=log.shows_arrivals)
    hint = warning(user)
    if hint is not None and output.stderr_is_terminal:
        output.say(f"netecho: {hint}")
    with stop_early():
        from netecho.net.reactor.lean_imports import import_twisted

        import_twisted()
        from netecho.net.server.start import run_server

        run_server(targets, settings, log, workers=workers, mode=mode, watch=watch, user=user)
    log.finish()
    return 0


def _is_watched(output: Output, form: str, verbosity: int, live: bool | None) -> bool:
    """Tell whether there is to be a live view: by default where a person has the log on the same terminal."""
    if live is None:
        live = form == "text" and verbosity >= 0 and output.stdout_is_terminal
    return live and output.stderr_moves
