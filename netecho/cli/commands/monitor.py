"""`netecho monitor`: its options, and the targets they name."""

from __future__ import annotations

import ipaddress
import shlex
import shutil
from typing import TYPE_CHECKING, Any

import click

from netecho.cli import files
from netecho.cli.click_ext.command import command, named, section
from netecho.cli.click_ext.types import FILE, HOST, TARGET, TEXT, TIME, Parsed, choice
from netecho.cli.job.applies import option_misfit
from netecho.errors import ExitCode, UsageError
from netecho.measure.dscp import parse_dscp
from netecho.monitor.allow import parse_allowed
from netecho.monitor.settings import ProbeSettings
from netecho.target import format_endpoint, parse_listen
from netecho.units import FILE_UNITS, SIZE_UNITS, TIME_UNITS, parse_file_size, spell_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netecho.cli.context import CliContext
    from netecho.cli.monitor.asked import WebOptions
    from netecho.monitor.settings import Rule, TargetSettings
    from netecho.net.server.settings import Credentials
    from netecho.target import Target

EXAMPLES = (
    ("netecho monitor host udp://host stamp://router", "three targets, one probe a second each"),
    ("netecho monitor --config paths.toml", "what the file says; SIGHUP reads it again"),
    ("netecho monitor --config paths.toml --check", "what is wrong with the file, with line and column"),
    ("netecho monitor host --degraded-if 'rtt.p99>20ms' --format ndjson", "a line for each change of state"),
    ("netecho monitor --config paths.toml --listen 127.0.0.1:9862", "a page in the browser; /metrics for Prometheus"),
    ("netecho monitor --config paths.toml --on-change ./page.sh", "run at each change, facts in the environment"),
)

_PROBING = ProbeSettings()
HTTP_PORT = 9862
KEEP = 2160 * TIME_UNITS["h"]
"""90 days."""
LEAST_SIZE = 64 << 20
"""Bytes of a history: what may wait to be written has room in it."""


def parse_argv(text: str) -> tuple[str, ...]:
    """Read a command and its arguments, quoted as for a shell, which is not asked. Raises UsageError."""
    try:
        argv = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no command: {str(error).lower()}", "'./page.sh --urgent'") from None
    program = shutil.which(argv[0]) if argv else None
    if program is None:
        raise UsageError(f"there is no program {argv[0] if argv else ''!r}", "its path, or a name that PATH has")
    return (program, *argv[1:])


def parse_http(text: str) -> tuple[str, int]:
    """Read `ADDRESS[:PORT]` to serve HTTP on; the address is a literal, or localhost. Raises UsageError."""
    right = "an address of this machine, and a port: 127.0.0.1:9862"
    (target,) = parse_listen(f"tcp://{text}") if "://" not in text and not text.startswith("unix:") else (None,)
    if target is None:
        raise UsageError(f"{text!r} is not an address for HTTP", right)
    host = "127.0.0.1" if target.host == "localhost" else target.host or "::"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise UsageError(f"{host!r} in {text!r} is not an address", right) from None
    has_port = text.rpartition(":")[2].isdigit() and not (text.count(":") > 1 and "[" not in text)
    return host, (target.port or 0) if has_port else HTTP_PORT


def parse_keep_size(text: str) -> int:
    """Read how large a history may be. Raises UsageError."""
    value = parse_file_size(text)
    if value < LEAST_SIZE:
        raise UsageError(f"{text} is too little for a history", f"{LEAST_SIZE >> 20}M or more: 2G")
    return value


def is_loopback(host: str) -> bool:
    """Tell whether nobody else reaches an address."""
    return ipaddress.ip_address(host).is_loopback


def _interval(text: str) -> int:
    from netecho.monitor.keys import parse_interval

    return parse_interval(text)


def _timeout(text: str) -> int:
    from netecho.monitor.keys import parse_timeout

    return parse_timeout(text)


def _size(text: str) -> int:
    from netecho.monitor.keys import parse_payload_size

    return parse_payload_size(text)


def _rule(text: str) -> Rule:
    from netecho.monitor.keys import parse_rule

    return parse_rule(text)


what = section("What is probed, of the targets that are named here")
tls = section("TLS, for tls:// targets")
stamp = section("STAMP (RFC 8762), for stamp:// targets")
running = section("Running")
kept = section("History")
mesh = section("A mesh (netecho help mesh)")
web = section("HTTP")
output = section("Output")


@command(
    "monitor",
    examples=EXAMPLES,
    epilog="netecho help monitor has the configuration file, the states and what a command is told."
    " Every option is also read from the environment, as NETECHO_MONITOR_<OPTION>.",
)
@click.argument("targets", metavar="[TARGET]...", nargs=-1, type=TARGET)
@what(
    "-i",
    "--interval",
    type=Parsed("TIME", _interval, units=TIME_UNITS),
    shown=spell_time(_PROBING.interval),
    help="time between two probes of a target",
)
@what(
    "-s",
    "--size",
    type=Parsed("BYTES", _size, units=filter(None, SIZE_UNITS)),
    shown=str(_PROBING.size),
    help="payload size",
)
@what(
    "-W",
    "--timeout",
    type=Parsed("TIME", _timeout, units=TIME_UNITS),
    shown=spell_time(_PROBING.timeout),
    help="how long a reply is waited for",
)
@what("--dscp", type=Parsed("VALUE", parse_dscp), help="0 to 63, or a name: EF, AF41, CS1, LE")
@what("-4", "--ipv4", is_flag=True, help="IPv4 alone")
@what("-6", "--ipv6", is_flag=True, help="IPv6 alone")
@what("--connect-only", is_flag=True, help="measure connecting alone: any TCP or TLS service")
@what(
    "--degraded-if",
    type=Parsed("EXPR", _rule),
    multiple=True,
    help="degraded once this was true for 30 s, over the last minute: rtt.p99>20ms, loss>1%, ...",
)
@tls("--ca", type=FILE, shown="the system's", help="trust the certificate authorities in FILE (PEM)")
@tls("--insecure", is_flag=True, help="trust any certificate")
@tls("--server-name", type=HOST, shown="the target's host", help="the name to ask for and to check")
@stamp("--auth-key-file", type=FILE, help="authenticated mode, with the key in FILE: as it stands, or hex:DIGITS")
@running("--config", type=FILE, help="targets, groups and criteria (TOML); SIGHUP reads it again")
@running("--check", is_flag=True, help="say what is wrong with the file, and end: exit 2 if something is")
@running("-t", "--for", type=TIME, help="stop after TIME")
@running(
    "--on-change",
    type=Parsed("COMMAND", parse_argv),
    help="run this at each change of state, without a shell, with the facts in the environment",
)
@kept("--history", type=FILE, help="keep each minute and each outage in FILE (SQLite), for netecho history")
@kept("--keep", type=TIME, shown="2160h", help="for how long")
@kept(
    "--keep-size",
    type=Parsed("SIZE", parse_keep_size, units=FILE_UNITS),
    shown="no limit",
    help="how large FILE may be: 2G; the oldest hours make room",
)
@mesh("--node", type=TEXT, help="this machine is that target of the file: it is left out, and on every metric as node")
@mesh("--serve", is_flag=True, help="answer as well, where [serve] of the file says; else where netecho serve does")
@mesh("--print", type=choice("rules", "dashboard"), help="print Prometheus's rules, or Grafana's dashboard, and end")
@web(
    "--listen",
    type=Parsed("ADDRESS", parse_http),
    help="serve a page, /metrics for Prometheus, /probe and /api/v1 there: 127.0.0.1:9862",
)
@web("--allow-remote", is_flag=True, help="listen elsewhere than on loopback; needs --token-file")
@web("--token-file", type=FILE, help="answer only who has the bearer token in FILE; the page asks for it")
@web("--cert", type=FILE, help="serve HTTPS, with this certificate and its chain (PEM); SIGHUP reads it again")
@web("--key", type=FILE, shown="in --cert", help="its key (PEM)")
@web(
    "--probe-allow",
    type=Parsed("PATTERN", parse_allowed),
    multiple=True,
    shown="none",
    help="targets that /probe may reach: *.example.net, 10.0.0.0/8, host:443; may be repeated",
)
@output("--format", type=choice("text", "ndjson"), shown="text", default="text", help="how changes are written")
@output("--live/--no-live", default=None, shown="on terminals, in text", help="show all targets on standard error")
@output("-q", "--quiet", is_flag=True, help="write nothing: what is told is told by --on-change")
@output("--no-color", is_flag=True, help="no colour, as NO_COLOR=1 in the environment")
@click.pass_context
def monitor(ctx: click.Context, /, **values: Any) -> int:
    """Probe many targets, all the time, and tell when one turns bad or good again.

    TARGET is one of netecho probe's: [SCHEME://]HOST[:PORT], where SCHEME is tcp (the default), udp, tls or stamp; or
    unix:/PATH; or self. A target is up, degraded (a criterion was true for its time), down (no answer) or unreachable;
    each change is written, on a terminal below it stands a table of all targets. Ctrl-C or SIGTERM ends it: exit 0.
    """
    from netecho.cli.monitor.asked import Monitoring
    from netecho.cli.monitor.configuration import check_file
    from netecho.cli.monitor.run import run

    context: CliContext = ctx.obj
    if values["print"] is not None:
        _print(values["print"], context)
        return ExitCode.OK
    if values["node"] is not None and values["config"] is None:
        raise UsageError("--node without --config: there is no file that names this machine", "--config FILE")
    if values["check"]:
        if values["config"] is None:
            raise UsageError("--check without --config: there is no file to check", "--config FILE --check")
        return check_file(values["config"], values["node"], context)
    if not values["targets"] and values["config"] is None:
        raise UsageError("there is nothing to monitor", "name targets, or a file of them: --config FILE")
    _check_history(values)
    if values["auth_key_file"] is not None:
        files.check_readable(values["auth_key_file"], "--auth-key-file")
    asked = Monitoring(
        targets=_targets(ctx, values),
        config=values["config"],
        duration=values["for"],
        on_change=values["on_change"],
        node=values["node"],
        serve=values["serve"],
        web=_web(values),
        history=values["history"],
        keep=KEEP if values["keep"] is None else values["keep"],
        keep_size=values["keep_size"],
        form=values["format"],
        live=values["live"],
        quiet=2 if values["quiet"] else 0,
        color=not values["no_color"],
    )
    if not values["quiet"]:
        files.warn_of_shared_keys(
            context.output, values["token_file"], values["key"] or values["cert"], values["auth_key_file"]
        )
    run(asked, context)
    return ExitCode.OK


def _check_history(values: dict[str, Any]) -> None:
    """Raise UsageError where a history cannot be kept as it is asked for."""
    for option in ("keep", "keep_size"):
        if values[option] is not None and values["history"] is None:
            raise UsageError(f"--{option.replace('_', '-')} without --history: nothing is kept", "--history FILE")
    if values["history"] is not None:
        files.check_writable(values["history"], "--history")


def _print(what: str, context: CliContext) -> None:
    """Print what is made of the metrics' names."""
    if what == "rules":
        from netecho.report.prometheus.rules import text
    else:
        from netecho.report.prometheus.dashboard import text
    context.output.write(text())


def _web(values: dict[str, Any]) -> WebOptions | None:
    """Return what is to be served. Raises UsageError where that would be for everybody."""
    from netecho.cli.monitor.asked import WebOptions

    if values["listen"] is None:
        for option in ("allow_remote", "token_file", "cert", "key", "probe_allow"):
            if values[option]:
                name = f"--{option.replace('_', '-')}"
                raise UsageError(f"{name} without --listen: nothing is served", "--listen 127.0.0.1:9862")
        return None
    host, port = values["listen"]
    if not is_loopback(host):
        if not values["allow_remote"]:
            raise UsageError(
                f"--listen {format_endpoint(host, port)} is not on loopback: others could reach it",
                "if they are to: --allow-remote --token-file FILE",
            )
        if values["token_file"] is None:
            raise UsageError("--allow-remote without --token-file: everybody could reach it", "--token-file FILE")
    if values["key"] is not None and values["cert"] is None:
        raise UsageError("--key without --cert", "name the certificate too: --cert cert.pem")
    token = None if values["token_file"] is None else files.token(values["token_file"], "--token-file")
    return WebOptions(
        host=host, port=port, token=token, credentials=_credentials(values), allowed=values["probe_allow"]
    )


def _credentials(values: dict[str, Any]) -> Credentials | None:
    if values["cert"] is None:
        return None
    from netecho.net.server.settings import Credentials

    return Credentials(cert=values["cert"], key=values["key"])


def _targets(ctx: click.Context, values: dict[str, Any]) -> tuple[TargetSettings, ...]:
    """Return the targets that the command line names. Raises UsageError for an option that means nothing for them."""
    from netecho.monitor.config import named_apart
    from netecho.monitor.settings import TargetSettings

    if values["ipv4"] and values["ipv6"]:
        raise UsageError("--ipv4 and --ipv6 exclude each other", "leave one out, or both for either")
    if values["insecure"] and values["ca"]:
        raise UsageError("--insecure trusts any certificate: --ca would mean nothing", "leave one out")
    targets: Sequence[Target] = values["targets"]
    for option in ("dscp", "ipv4", "ipv6", "connect_only", "ca", "insecure", "server_name", "auth_key_file"):
        misfits = [option_misfit(option, target) for target in targets]
        if values[option] and misfits and misfits[0] is not None and all(misfits):
            param = next(each for each in ctx.command.params if each.name == option)
            raise UsageError(f"{named(ctx, param)} {misfits[0].why}", misfits[0].hint)
    return named_apart(
        TargetSettings(name=target.url, target=target, probing=_probing(values, target)) for target in targets
    )


def _probing(values: dict[str, Any], target: Target) -> ProbeSettings:
    from netecho.monitor.keys import settings_of

    keys = {
        "interval": values["interval"],
        "size": values["size"],
        "timeout": values["timeout"],
        "dscp": values["dscp"],
        "connect_only": values["connect_only"],
        "ip": 4 if values["ipv4"] else 6 if values["ipv6"] else None,
        "criteria": values["degraded_if"],
        "ca": values["ca"],
        "insecure": values["insecure"],
        "server_name": values["server_name"],
        "auth_key_file": values["auth_key_file"],
    }
    fits = {"ip": "ipv4", "criteria": "", "interval": "", "size": "", "timeout": ""}
    return settings_of(
        {key: value for key, value in keys.items() if value and option_misfit(fits.get(key, key), target) is None}
    )
